"""How a random life of exports calls Data Exports, and how it is compared with the model of it."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from hypothesis.stateful import invariant
from tests.unit.emulator import exports_model as docs
from tests.unit.emulator.careful import Careful, strike_every_tenth_call
from tests.unit.emulator.exports_files import Delivered
from tests.unit.emulator.exports_model import MEMBER, OWNERS, PAYER, STRANGER, UNDER_WAY, Export, Model, Run
from tests.unit.emulator.model_runs import Life
from tests.unit.emulator.raw import EXPORTS, Answer

ACCOUNTS = (PAYER, MEMBER, STRANGER)
NOT_FOUND = {"ResourceNotFoundException"}


class ExportsLife(Life):
    """Three accounts and two buckets. The rules are in a class beneath."""

    def __init__(self, emulator, clients: dict[str, Careful], tally: Counter[str]) -> None:
        super().__init__(tally)
        self.emulator, self.clients = emulator, clients
        self.model, self.kept = Model(), None
        self.touched: dict[str, None] = {}
        self.manifests: dict[tuple[str, str, str], dict[str, Any]] = {}
        emulator.reset()
        for bucket, owner in OWNERS.items():
            assert clients[owner].send("PUT", f"/{bucket}").status == 200
            self.put_policy(bucket, "everyone")
        self.put_faults()
        self.checked = self.now

    @property
    def now(self) -> datetime:
        return self.emulator.clock.now()

    # What must be true

    @invariant()
    def both_agree(self):
        """Executions move with time alone: while it stands still only what was touched is looked at."""
        exports = [self.model.exports[arn] for arn in self.touched if arn in self.model.exports]
        if self.checked != self.now:
            exports = [export for account in ACCOUNTS for export in self.model.of(account)]
        for account in ACCOUNTS if self.checked != self.now else dict.fromkeys(each.account for each in exports):
            self.check_list(account)
        for export in exports:
            self.check_export(export)
        if self.checked != self.now:
            buckets = {bucket: self.clients[PAYER].objects(bucket) for bucket in OWNERS}
            Delivered(self.model, buckets, self.manifest).check()
        self.checked, self.touched = self.now, {}

    def teardown(self):
        """At the end everything is looked at once more."""
        self.checked = None
        self.both_agree()

    # How the steps do it

    def check_list(self, account: str) -> None:
        """Check that an account's exports are listed exactly once."""
        listed = self.clients[account].pages(EXPORTS, "ListExports", "Exports", 2)
        there = [(each.arn, each.name) for each in self.model.of(account)]
        assert [(each["ExportArn"], each["ExportName"]) for each in listed] == there, f"exports of {account}"

    def check_export(self, export: Export) -> None:
        """Check that an export is what was made of it, and that a deleted one is gone."""
        client = self.clients[export.account]
        got = client.exports("GetExport", ExportArn=export.arn)
        if export.is_deleted:
            assert got.error in NOT_FOUND, "it was deleted and is still there"
            return
        self.catch_up(export)
        assert_echoes(export.definition, got.json["Export"], export.arn)
        assert_healthy_as_delivered(export, got.json["ExportStatus"])
        tags = client.pages(EXPORTS, "ListTagsForResource", "ResourceTags", 40, ResourceArn=export.arn)
        assert {tag["Key"]: tag["Value"] for tag in tags} == export.tags, f"tags of {export.name}"
        assert len(tags) == len(export.tags)

    def made(self, account: str, definition: dict[str, Any], tags: dict[str, str]) -> str | None:
        """Create an export and give its ARN, ``None`` if it is refused as it must be."""
        codes = self.model.objections_to_create(account, definition, tags)
        sent_tags = [{"Key": key, "Value": value} for key, value in tags.items()]
        answer = self.call(account, "CreateExport", codes, Export=definition, ResourceTags=sent_tags)
        if not answer:
            return None
        arn = answer["ExportArn"]
        begin = f"arn:aws:bcm-data-exports:us-east-1:{account}:export/{definition['Name']}-"
        assert re.fullmatch(rf"{begin}[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}", arn)
        assert arn not in self.model.exports
        table = docs.table_of(definition)
        self.touched[arn] = None
        self.model.exports[arn] = Export(account, arn, table, self.now, [(self.now, definition)], dict(tags))
        self.model.leftovers.update(*(self.clients[PAYER].objects(bucket) for bucket in OWNERS))
        return arn

    def seen_by(self, caller: str, arn: str) -> tuple[Export | None, set[str]]:
        """The export, for operations on tags, which have an error of their own for what is another account's."""
        if caller != arn.split(":")[4]:
            return None, {"AccessDeniedException"}
        export = self.model.find(caller, arn)
        return export, set() if export else NOT_FOUND

    def call(self, account: str, operation: str, codes: set[str], **params: Any) -> dict[str, Any] | None:
        """Call, and give the answer; ``None`` if it was refused with one of ``codes``, as it must be if there are any.

        There are no tokens: whoever lost an answer looks whether the export is there, or gone, after all.
        """
        self.touched |= dict.fromkeys(value for value in params.values() if isinstance(value, str))
        client = self.clients[account]
        answer = client.exports(operation, **params)
        if client.lost and not codes and answer.error:
            answer = self.done_after_all(account, operation, params, answer)
        assert (answer.error in codes) if codes else (answer.error is None), (operation, answer.body, codes)
        if codes:
            self.tally[f"refused: {answer.error}"] += 1
            return None
        self.did(operation)
        return answer.json

    def done_after_all(self, account: str, operation: str, params: dict[str, Any], answer: Answer) -> Answer:
        """An answer was lost and the second one is a refusal: say what became of the first."""
        if operation == "DeleteExport" and answer.error in NOT_FOUND:
            return Answer(200, b"{}")
        if operation == "CreateExport":
            listed = self.clients[account].pages(EXPORTS, "ListExports", "Exports", 60)
            [found] = [each for each in listed if each["ExportName"] == params["Export"]["Name"]]
            return Answer(200, json.dumps(found).encode())
        return answer

    def catch_up(self, export: Export) -> None:
        """Look at an export's executions, and check what has become of them since the last time."""
        listed = self.clients[export.account].pages(EXPORTS, "ListExecutions", "Executions", 60, ExportArn=export.arn)
        assert len({each["ExecutionId"] for each in listed}) == len(listed)
        assert {each["ExecutionId"] for each in listed} >= export.runs.keys()
        created = [moment(each["ExecutionStatus"]["CreatedAt"]) for each in listed]
        assert created == sorted(created, reverse=True)
        for each in listed:
            id_, status = each["ExecutionId"], each["ExecutionStatus"]
            is_new = id_ not in export.runs
            if is_new:
                began = moment(status["CreatedAt"])
                export.runs[id_] = Run(began, export.at(began))
            if is_new or each is listed[0]:
                got = self.clients[export.account].exports("GetExecution", ExportArn=export.arn, ExecutionId=id_).json
                assert got["ExecutionStatus"] == status
                assert_echoes(export.runs[id_].snapshot, got["Export"], export.arn)
            self.move_on(export, export.runs[id_], status)
        assert_in_time(export, self.now)

    def move_on(self, export: Export, run: Run, status: dict[str, Any]) -> None:
        """Check one execution's way from where it was seen last."""
        code, reason = status["StatusCode"], status.get("StatusReason")
        assert moment(status["CreatedAt"]) == run.created
        if run.ended or code in UNDER_WAY:
            assert (code, reason) == (run.status, run.reason) if run.ended else reason is None
            assert run.ended or UNDER_WAY.index(code) >= UNDER_WAY.index(run.status)
            if code != run.status:
                assert docs.QUERY_FAILURE not in self.model.faults.get(export.name, ()) or code != UNDER_WAY[-1]
            run.status = code
            return
        assert (code, reason) == self.model.end(export, run), f"an execution of {export.name} ended otherwise"
        run.status, run.reason, run.ended = code, reason, moment(status["LastUpdatedAt"])
        assert run.created < run.ended <= self.now
        assert status.get("CompletedAt") in (None, status["LastUpdatedAt"])

    def put_policy(self, bucket: str, policy: str) -> None:
        accounts, takes_manifests = docs.POLICIES[policy]
        service = {"Principal": {"Service": "bcm-data-exports.amazonaws.com"}, "Action": "s3:PutObject"}
        all_, manifests = f"arn:aws:s3:::{bucket}/*", f"arn:aws:s3:::{bucket}/*-Manifest.json"
        source = {"Condition": {"StringEquals": {"aws:SourceAccount": accounts}}}
        statements = [{"Effect": "Allow", **service, "Resource": all_, **source}] if accounts else []
        if not takes_manifests:
            statements.append({"Effect": "Deny", **service, "Resource": manifests})
        client, path = self.clients[OWNERS[bucket]], f"/{bucket}?policy"
        document = json.dumps({"Version": "2012-10-17", "Statement": statements}).encode()
        answer = client.send("PUT", path, document) if statements else client.send("DELETE", path)
        assert answer.status in (200, 204), answer.body
        self.model.policies[bucket] = policy

    def put_faults(self) -> None:
        self.emulator.faults.clear()
        strike_every_tenth_call(self.emulator.faults.add)
        for name, (status, reason) in self.model.faults.items():
            self.emulator.faults.add({"execution": {"status": status, "reason": reason}, "export": name})

    def manifest(self, bucket: str, key: str, etag: str) -> dict[str, Any]:
        """Read a manifest, once for each of its versions."""
        if (bucket, key, etag) not in self.manifests:
            self.manifests[bucket, key, etag] = self.clients[PAYER].send("GET", f"/{bucket}/{key}").json
        return self.manifests[bucket, key, etag]


def defined(name: str, table: str, to: dict[str, Any], other_column: bool = False) -> dict[str, Any]:
    """An Export as a client sends it."""
    query: dict[str, Any] = {"QueryStatement": f"SELECT {docs.TABLES[table][1 + other_column]} FROM {table}"}
    if table in ("COST_AND_USAGE_REPORT", "FOCUS_1_2_AWS"):
        query["TableConfigurations"] = {table: {"TIME_GRANULARITY": "MONTHLY"}}
    cadence = {"Frequency": "SYNCHRONOUS"}
    places = {"S3Destination": to}
    return {"Name": name, "DataQuery": query, "DestinationConfigurations": places, "RefreshCadence": cadence}


def plain(bucket: str, account: str, *, keeps_runs: bool = False) -> dict[str, Any]:
    """A destination that takes everybody's exports at the beginning, in a bucket of the payer's."""
    kind, format_, compression = docs.OUTPUTS["parquet"]
    overwrite = "CREATE_NEW_REPORT" if keeps_runs else "OVERWRITE_REPORT"
    output = {"OutputType": kind, "Format": format_, "Compression": compression, "Overwrite": overwrite}
    to = {"S3Bucket": bucket, "S3BucketOwner": PAYER, "S3Prefix": account, "S3Region": "us-east-1"}
    return {**to, "S3OutputConfigurations": output}


def assert_in_time(export: Export, now: datetime) -> None:
    """The first within a day, then daily and up to three times a day; and each time all partitions together."""
    together = export.together()
    for began, runs in together.items():
        assert export.created < began <= now
        assert len(runs) == len(export.partitions(began))
    for began, by_day in itertools.groupby(together, key=datetime.date):
        assert len(list(by_day)) <= (1 if export.table == "COST_OPTIMIZATION_RECOMMENDATIONS" else 3), began
    if export.table in ("COST_AND_USAGE_REPORT", "FOCUS_1_2_AWS"):
        moments = (export.created, *together, now)
        assert all(later - earlier <= timedelta(days=1) for earlier, later in itertools.pairwise(moments))


def assert_healthy_as_delivered(export: Export, status: dict[str, Any]) -> None:
    """Health is the last delivery's."""
    ended = sorted((run for run in export.runs.values() if run.ended), key=lambda run: run.ended)
    refreshed = [run.ended for run in ended if run.status == docs.SUCCESS]
    is_healthy = not ended or ended[-1].status == docs.SUCCESS
    assert status["StatusCode"] == ("HEALTHY" if is_healthy else "UNHEALTHY")
    assert status.get("StatusReason") == (None if is_healthy else ended[-1].reason)
    assert moment(status["CreatedAt"]) == export.created
    assert (moment(status["LastRefreshedAt"]) if refreshed else None) == (refreshed[-1] if refreshed else None)


def assert_echoes(sent: dict[str, Any], got: dict[str, Any], arn: str) -> None:
    """What was sent comes back, with the ARN and with properties of the table that nobody sent."""
    configurations = {**got["DataQuery"].get("TableConfigurations", {})}
    for table, properties in sent["DataQuery"].get("TableConfigurations", {}).items():
        assert properties.items() <= configurations[table].items()
    assert set(configurations) <= {docs.table_of(sent)}
    query = {name: value for name, value in got["DataQuery"].items() if name != "TableConfigurations"}
    assert query == {"QueryStatement": sent["DataQuery"]["QueryStatement"]}
    assert {**got, "DataQuery": None} == {**sent, "DataQuery": None, "ExportArn": arn}


def moment(text: str) -> datetime:
    """A time of Data Exports, ISO 8601 with up to nine digits of a second."""
    return datetime.fromisoformat(text)
