"""Fifty clients at once, who try again until they are done, while every tenth call goes wrong and deliveries run."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from tests.unit.emulator.raw import EXPORTS, Answer, Lost, Raw

PAYER = "111122223333"
BUCKET = "everyone"
#: A fifth of the faults each: every fiftieth call, ten calls apart.
FAULTS: tuple[dict[str, Any], ...] = (
    {"error": {"code": "InternalServerException", "status": 500}},
    {"error": {"code": "ThrottlingException", "retryAfterSeconds": 1}},
    {"drop_answer": True},
    {"reset_connection": True},
    {"error": {"code": "ServiceUnavailable", "status": 503}},
)
_PASSING = {"InternalServerException", "ThrottlingException", "ServiceUnavailable"}
_PATIENCE_SECONDS = 60


class Client:
    """One client with a connection of its own. It counts what it sends, by operation, as the emulator's log should."""

    def __init__(self, url: str, account: str, number: int) -> None:
        self.account, self.number = account, number
        self.sent: Counter[str] = Counter()
        self.answered: Counter[tuple[str, int]] = Counter()
        self._raw = Raw(url, account)
        self._until = time.monotonic() + _PATIENCE_SECONDS

    def estimates(self, operation: str, **params: Any) -> dict[str, Any]:
        """Call the Pricing Calculator until it has answered, and succeeded."""
        for answer in self._tries(operation, lambda: self._raw.calculator(operation, **params)):
            if answer:
                assert answer.error is None, (operation, params, answer.body)
                return answer.json
        raise AssertionError("unreachable: tries end by an answer or an error")

    def wins(self, **params: Any) -> bool:
        """Create a scenario of which there can be one only; say whether this client was the one."""
        for answer in self._tries("CreateBillScenario", lambda: self._raw.calculator("CreateBillScenario", **params)):
            if answer:
                assert answer.error in (None, "ConflictException"), answer.body
                return answer.error is None
        raise AssertionError("unreachable")

    def exports(self, operation: str, **params: Any) -> dict[str, Any]:
        """Call Data Exports until it has answered, and succeeded; deleting what is gone is a success."""
        for answer in self._tries(operation, lambda: self._raw.exports(operation, **params)):
            if answer and operation == "DeleteExport" and answer.error == "ResourceNotFoundException":
                return {}
            if answer:
                assert answer.error is None, (operation, params, answer.body)
                return answer.json
        raise AssertionError("unreachable")

    def create_export(self, definition: dict[str, Any]) -> str:
        """Create an export exactly once: there is no token, so whoever got no answer looks for the name first."""
        for answer in self._tries("CreateExport", lambda: self._raw.exports("CreateExport", Export=definition)):
            if answer and answer.error is None:
                return str(answer.json["ExportArn"])
            listed = self.exports("ListExports")["Exports"]
            found = [one["ExportArn"] for one in listed if one["ExportName"] == definition["Name"]]
            if found:
                return str(found[0])
        raise AssertionError("unreachable")

    def objects(self, prefix: str) -> list[str]:
        """The keys under a prefix of the bucket; there are never a thousand."""
        path = f"/{BUCKET}?list-type=2&prefix={prefix}"
        for answer in self._tries("ListObjectsV2", lambda: self._raw.send("GET", path)):
            if answer:
                return [part.split("</Key>")[0] for part in answer.body.decode().split("<Key>")[1:]]
        raise AssertionError("unreachable")

    def object(self, key: str) -> bytes | None:
        """An object, ``None`` if there is none."""
        for answer in self._tries("GetObject", lambda: self._raw.send("GET", f"/{BUCKET}/{key}")):
            if answer:
                return answer.body if answer.status == 200 else None
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End the connection."""
        self._raw.close()

    def _tries(self, operation: str, send: Callable[[], Answer]) -> Iterator[Answer | None]:
        """Send until somebody stops asking. ``None`` if it is not known whether the request was carried out."""
        while time.monotonic() < self._until:
            self.sent[operation] += 1
            try:
                answer = send()
            except Lost:
                yield None
                continue
            self.answered[operation, answer.status] += 1
            if not self._passes(answer):
                yield answer
            time.sleep(0.01)
        raise TimeoutError(f"{operation} did not succeed in {_PATIENCE_SECONDS} seconds")

    def _passes(self, answer: Answer) -> bool:
        """Whether the same request may succeed the next time."""
        return answer.status >= 400 and any(code.encode() in answer.body for code in _PASSING)


def plan(client: Client) -> None:
    """A what-if from its scenario to its result. Every second client clears away behind it."""
    token = f"client-{client.number}"
    client.wins(name=f"race-{client.number % 5}", clientToken=f"{token}-race")
    scenario = client.estimates("CreateBillScenario", name=token, clientToken=token)
    sku = {"serviceCode": "AmazonEC2", "usageType": "BoxUsage:m5.large", "operation": "RunInstances"}
    amounts = [{"startHour": scenario["billInterval"]["start"], "amount": 100}]
    lines = [{"key": key, "usageAccountId": client.account, "amounts": amounts, **sku} for key in ("a", "b")]
    of = {"billScenarioId": scenario["id"]}
    add = "BatchCreateBillScenarioUsageModification"
    assert not client.estimates(add, usageModifications=lines, clientToken=token, **of).get("errors")
    estimate = client.estimates("CreateBillEstimate", name=token, clientToken=token, **of)["id"]
    while client.estimates("GetBillEstimate", identifier=estimate)["status"] == "IN_PROGRESS":
        time.sleep(0.05)
    client.estimates("UpdateBillEstimate", identifier=estimate, name=f"{token}-done")
    if client.number % 2:
        client.estimates("DeleteBillEstimate", identifier=estimate)
        client.estimates("DeleteBillScenario", identifier=scenario["id"])


def export(client: Client) -> None:
    """An export that stays, with deliveries that are looked at as they come, and one that goes again."""
    definition = defined("stays", client.account, "OVERWRITE_REPORT" if client.number % 2 else "CREATE_NEW_REPORT")
    arn = client.create_export(definition)
    gone = client.create_export(defined("goes", client.account, "OVERWRITE_REPORT"))
    client.exports("UpdateExport", ExportArn=arn, Export={**definition, "Description": "changed"})
    client.exports("DeleteExport", ExportArn=gone)
    seen: set[str] = set()
    while len(seen) < 3:
        listed = client.exports("ListExecutions", ExportArn=arn)["Executions"]
        seen |= {one["ExecutionId"] for one in listed if one["ExecutionStatus"]["StatusCode"] == "DELIVERY_SUCCESS"}
        look(client, seen, overwrites=bool(client.number % 2))
        time.sleep(0.05)


def look(client: Client, successes: set[str], *, overwrites: bool) -> None:
    """Look at a bucket as a client does: what is said to be delivered is there, and whole."""
    root = f"{client.account}/stays"
    manifests = [key for key in client.objects(f"{root}/metadata/") if key.endswith("-Manifest.json")]
    found = set()
    for key in manifests:
        body = client.object(key)
        assert body, f"{key} went away"
        manifest = json.loads(body)
        found.add(manifest["executionId"])
        for uri in manifest["dataFiles"]:
            content = client.object(uri.removeprefix(f"s3://{BUCKET}/"))
            assert content is not None, f"{key} names {uri}, which is not there"
            assert content[:4] == content[-4:] == b"PAR1", f"{uri} is half a file"
    if overwrites:
        assert found or not successes, "a success without a manifest"
    else:
        assert successes <= found, f"successes without a manifest: {successes - found}"


def defined(name: str, account: str, overwrite: str) -> dict[str, Any]:
    """A small export into everyone's bucket."""
    output = {"OutputType": "CUSTOM", "Format": "PARQUET", "Compression": "PARQUET", "Overwrite": overwrite}
    to = {"S3Bucket": BUCKET, "S3BucketOwner": PAYER, "S3Prefix": account, "S3Region": "us-east-1"}
    columns = "line_item_usage_start_date, line_item_unblended_cost"
    return {
        "Name": name,
        "DataQuery": {"QueryStatement": f"SELECT {columns} FROM COST_AND_USAGE_REPORT"},
        "DestinationConfigurations": {"S3Destination": {**to, "S3OutputConfigurations": output}},
        "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
    }


def run_together(clients: list[Client], work: Callable[[Client], None]) -> list[BaseException]:
    """Let all clients work at the same time, and give what went wrong."""
    failures: list[BaseException] = []
    at_once = threading.Barrier(len(clients))

    def run(client: Client) -> None:
        try:
            at_once.wait()
            work(client)
        except BaseException as failure:
            failures.append(failure)
        finally:
            client.close()

    threads = [threading.Thread(target=run, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def everything(client: Raw, service: str, operation: str, items: str, **params: Any) -> list[dict[str, Any]]:
    """A whole list, in pages that do not divide it evenly."""
    return client.pages(service, operation, items, 7 if service == EXPORTS else 11, **params)
