"""The AWS that is waited for: the emulator in a process of its own, with estimates and exports of many accounts.

A wait ends when its estimate or its export's first execution fails. To who waits that is a change like a success,
and the emulator needs no processor for it while the waits are measured: nothing is worked out and no file is written.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

REPO = Path(__file__).parents[3]
OWNER, BUCKET = "111122223333", "bench-exports"
TARGETS = {
    "bcm-data-exports": ("AWSBillingAndCostManagementDataExports", "1.1"),
    "bcm-pricing-calculator": ("AWSBCMPricingCalculator", "1.0"),
}
#: What a connection exports, at most: within AWS's quotas of 5 and 2.
TABLES = {
    "COST_AND_USAGE_REPORT": (5, "bill_bill_type"),
    "FOCUS_1_2_AWS": (2, "BilledCost"),
    "COST_OPTIMIZATION_RECOMMENDATIONS": (1, "account_id"),
}
EXPORTS = [(f"{table.lower()}-{n}", table, column) for table, (few, column) in TABLES.items() for n in range(few)]
#: Emulated time. The waits begin 11 hours into it, when every estimate is 9 to 11 hours old: AWS says that one takes
#: 8 to 12, so this is the time of the quickest looks. The exports are new, and their first runs come from now on.
ESTIMATE_LASTS, WAITS_BEGIN = timedelta(hours=12), timedelta(hours=11)
STEP = timedelta(minutes=15)
#: Steps of time in which waits end, and how many of twenty estimates end with one of them.
CHANGES = 8


@dataclass
class Awaited:
    """What one wait is for.

    :param account: 12 digits. :param export: the export's ARN, or None. :param estimate: the estimate's id, or None.
    :param step: the step of time with which the estimate ends; None for those that outlast the measurement
    """

    account: str
    export: str | None = None
    estimate: str | None = None
    step: int | None = None


class World:
    """An emulator with what ``waits`` waits over ``connections`` accounts are for: half estimates, half executions."""

    def __init__(self, waits: int, connections: int) -> None:
        start = datetime.now(UTC) - WAITS_BEGIN
        command = ["-m", "emulator", "--port", "0", "--speed", "0.001", "--start", start.isoformat(), "--rows", "100"]
        hours = ESTIMATE_LASTS.total_seconds() / 3600
        self._process = subprocess.Popen(
            [sys.executable, *command, "--estimate-hours", f"{hours}-{hours}", "--bucket", f"{OWNER}/{BUCKET}"],
            env={**os.environ, "PYTHONPATH": str(REPO / "include")},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        self.url = self._process.stdout.readline().split()[-1]
        self._http = HTTPConnection(self.url.removeprefix("http://"), timeout=600)
        self.accounts = [f"{700_000_000_000 + number:012}" for number in range(connections)]
        try:
            self.awaited = list(self._made(waits))
            self.control("POST", "snapshots", name="new")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the emulator."""
        self._process.terminate()
        self._process.wait()

    def control(self, method: str, path: str, **document: Any) -> dict[str, Any]:
        """Ask the control API."""
        answer: dict[str, Any] = json.loads(self._ask(method, f"/_emulator/{path}", {}, document))
        return answer

    def begin_again(self) -> None:
        """Go back to before any wait has ended."""
        self.control("POST", "restore", name="new")

    def calls(self) -> dict[str, int]:
        """Count the calls of both services since the last ``DELETE requests``, by operation."""
        counts = self.control("GET", "requests/counts")
        return {operation: count["calls"] for operation, count in counts.items()}

    def advance(self, step: timedelta) -> datetime:
        """Move the emulated time and return it."""
        seconds = step.total_seconds()
        return datetime.fromisoformat(self.control("POST", "clock", advance_seconds=seconds)["now"])

    def ends(self) -> dict[str, dict[str, datetime]]:
        """Return when which execution of each awaited export ended."""
        exports = {one.export: one.account for one in self.awaited if one.export}
        return {arn: dict(self._ends_of(arn, account)) for arn, account in exports.items()}

    def _ends_of(self, arn: str, account: str) -> Iterator[tuple[str, datetime]]:
        answer = self._call(account, "bcm-data-exports", "ListExecutions", ExportArn=arn)
        for execution in answer["Executions"]:
            status = execution["ExecutionStatus"]
            if status["StatusCode"] == "QUERY_FAILURE":
                yield execution["ExecutionId"], datetime.fromisoformat(status["LastUpdatedAt"])

    def _made(self, waits: int) -> Iterator[Awaited]:
        """Make estimates, older ones first, then exports."""
        self._open_bucket()
        self.control("POST", "faults", estimate={"failure_message": "by the benchmark"})
        self.control("POST", "faults", execution={"status": "QUERY_FAILURE", "reason": "INTERNAL_FAILURE"})
        places = [(place, self.accounts[place % len(self.accounts)]) for place in range(waits)]
        # each connection has both kinds, or if it has one wait only, every other connection the other kind
        is_estimate = [sum(divmod(place, len(self.accounts))) % 2 == 0 for place, _ in places]
        estimates = [one for one, wanted in zip(places, is_estimate, strict=True) if wanted]
        for step in range(CHANGES):
            for place, account in estimates[step::20]:
                yield Awaited(account, estimate=self._estimate(account, place), step=step)
            self.advance(STEP)
        for number, (place, account) in enumerate(estimates):
            if number % 20 >= CHANGES:
                yield Awaited(account, estimate=self._estimate(account, place))
        self.advance(WAITS_BEGIN - CHANGES * STEP)
        exports: dict[tuple[str, int], str] = {}
        for (place, account), other in zip(places, is_estimate, strict=True):
            key = (account, place // len(self.accounts) // 2 % len(EXPORTS))
            if not other:
                exports[key] = exports.get(key) or self._export(*key)
                yield Awaited(account, export=exports[key])

    def _estimate(self, account: str, place: int) -> str:
        service, name = "bcm-pricing-calculator", f"b-{place}"
        scenario = self._call(account, service, "CreateBillScenario", name=name)["id"]
        made = self._call(account, service, "CreateBillEstimate", name=name, billScenarioId=scenario)
        return str(made["id"])

    def _export(self, account: str, number: int) -> str:
        name, table, column = EXPORTS[number]
        format_ = {"Format": "PARQUET", "Compression": "PARQUET", "Overwrite": "OVERWRITE_REPORT"}
        output = {"OutputType": "CUSTOM", **format_}
        place = {"S3Bucket": BUCKET, "S3BucketOwner": OWNER, "S3Prefix": account, "S3Region": "us-east-1"}
        export = {
            "Name": name,
            "DataQuery": {"QueryStatement": f"SELECT {column} FROM {table}"},
            "DestinationConfigurations": {"S3Destination": {**place, "S3OutputConfigurations": output}},
            "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
        }
        return str(self._call(account, "bcm-data-exports", "CreateExport", Export=export)["ExportArn"])

    def _open_bucket(self) -> None:
        """Let the exports of every account into the one bucket."""
        principal = {"Service": "bcm-data-exports.amazonaws.com"}
        allowed = {"Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, **allowed}]}
        self._ask("PUT", f"/{BUCKET}?policy", _signed(OWNER, "s3"), policy)

    def _call(self, account: str, service: str, operation: str, **params: Any) -> Any:
        prefix, version = TARGETS[service]
        headers = {"Content-Type": f"application/x-amz-json-{version}", "X-Amz-Target": f"{prefix}.{operation}"}
        return json.loads(self._ask("POST", "/", {**headers, **_signed(account, service)}, params))

    def _ask(self, method: str, path: str, headers: dict[str, str], document: Any) -> bytes:
        self._http.request(method, path, json.dumps(document), headers)
        answer = self._http.getresponse()
        body = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path} {document}: {answer.status} {body.decode()}")
        return body


def _signed(account: str, service: str) -> dict[str, str]:
    """The emulator reads whose key it is and verifies no signature."""
    scope = f"AKIADEMO{account}/20261120/us-east-1/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}
