"""Data Exports against a model of it: random lives of exports, and after each step both must agree on everything.

The clock stands still between the steps, so that the model can say how each execution must end. A writer that makes
none to three tiny files takes the place of the real one, which has its own tests: many deliveries cost little.

The examples are always the same few. For a long search, with others each time:
``MODEL_EXAMPLES=2000 .venv/bin/python -m pytest tests/unit/emulator/test_model_exports.py``
"""

from __future__ import annotations

import copy
import itertools
import json
import re
import zlib
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.unit.emulator import exports_model as docs
from tests.unit.emulator.exports_files import Delivered
from tests.unit.emulator.exports_model import MEMBER, OWNERS, PAYER, STRANGER, UNDER_WAY, Export, Model, Run
from tests.unit.emulator.model_runs import TIMEOUT, search
from tests.unit.emulator.raw import EXPORTS, Answer, Raw

from emulator.server import running

ACCOUNTS = (PAYER, MEMBER, STRANGER)
NAMES = st.sampled_from("abcd")
#: Who calls: ``None`` is the owner.
CALLERS = st.sampled_from((*[None] * 6, *ACCOUNTS))
TABLES = st.sampled_from([*list(docs.TABLES)[:3] * 2, "CARBON_EMISSIONS"])
REGIONS = st.sampled_from(["us-east-1"] * 19 + ["eu-west-1"])
NOT_FOUND = {"ResourceNotFoundException"}
TO = ("DestinationConfigurations", "S3Destination")
#: Requests that nobody may send: where, and what in its place. None leaves the member out.
MALFORMED: tuple[tuple[tuple[str, ...], Any], ...] = (
    (("Name",), ""),
    (("Name",), "a b"),
    (("Name",), "n" * 129),
    (("RefreshCadence",), None),
    (("RefreshCadence", "Frequency"), "DAILY"),
    (("DataQuery", "QueryStatement"), "SELECT * FROM FOCUS_1_2_AWS"),
    (("DataQuery", "QueryStatement"), "SELECT billedcost FROM FOCUS_1_2_AWS"),
    (("DataQuery", "QueryStatement"), "SELECT BilledCost FROM FOCUS_9_9_AWS"),
    (("DataQuery", "TableConfigurations"), {"FOCUS_1_2_AWS": {"TIME_GRANULARITY": "WEEKLY"}}),
    (("DataQuery", "TableConfigurations"), {"NOT_A_TABLE": {}}),
    ((*TO, "S3BucketOwner"), "1"),
    ((*TO, "S3Prefix"), None),
    ((*TO, "S3OutputConfigurations", "Format"), "XML"),
    ((*TO, "S3OutputConfigurations", "Compression"), "SNAPPY"),
    ((*TO, "S3OutputConfigurations", "Overwrite"), "overwrite_report"),
)


def few_files(content, form, folder, between=lambda: None):
    """In the writer's place: none to three files, which say of which delivery they are."""
    delivery = f"{content.period} {content.now} {form.name}"
    for number in range(1, zlib.crc32(delivery.encode()) % 4 + 1):
        path = folder / f"{form.name}-{number:05}{form.suffix}"
        path.write_text(delivery)
        between()
        yield path


@st.composite
def destinations(draw, account: str) -> dict[str, Any]:
    """Mostly one that the account can export to."""
    bucket = draw(st.sampled_from([*OWNERS] * 5 + ["exports-missing"]))
    to = {"S3Bucket": bucket, "S3Prefix": draw(st.sampled_from([account, f"{account}/new"])), "S3Region": draw(REGIONS)}
    owner = draw(st.sampled_from([OWNERS.get(bucket)] * 9 + [None, PAYER]))
    if owner:
        to["S3BucketOwner"] = owner
    kind, format_, compression = docs.OUTPUTS[draw(st.sampled_from(list(docs.OUTPUTS)))]
    overwrite = draw(st.sampled_from(["OVERWRITE_REPORT", "CREATE_NEW_REPORT"]))
    output = {"OutputType": kind, "Format": format_, "Compression": compression, "Overwrite": overwrite}
    return {**to, "S3OutputConfigurations": output}


def defined(name: str, table: str, to: dict[str, Any], other_column: bool = False) -> dict[str, Any]:
    """An Export as a client sends it."""
    query: dict[str, Any] = {"QueryStatement": f"SELECT {docs.TABLES[table][1 + other_column]} FROM {table}"}
    if table in ("COST_AND_USAGE_REPORT", "FOCUS_1_2_AWS"):
        query["TableConfigurations"] = {table: {"TIME_GRANULARITY": "MONTHLY"}}
    cadence = {"Frequency": "SYNCHRONOUS"}
    places = {"S3Destination": to}
    return {"Name": name, "DataQuery": query, "DestinationConfigurations": places, "RefreshCadence": cadence}


class Exports(RuleBasedStateMachine):
    """Three accounts, two buckets, and whatever can happen to exports in a few weeks."""

    arns = Bundle("arns")

    def __init__(self, emulator, clients: dict[str, Raw]) -> None:
        super().__init__()
        self.emulator, self.clients = emulator, clients
        self.model, self.kept = Model(), None
        self.manifests: dict[tuple[str, str, str], dict[str, Any]] = {}
        emulator.reset()
        for bucket, owner in OWNERS.items():
            assert clients[owner].send("PUT", f"/{bucket}").status == 200
            self.put_policy(bucket, "everyone")
        self.files_checked = self.now

    @property
    def now(self) -> datetime:
        return self.emulator.clock.now()

    # What clients do

    @initialize(target=arns, tables=st.lists(TABLES, min_size=2, max_size=3), data=st.data())
    def begin_with_some(self, tables, data):
        to = [data.draw(destinations(PAYER)) for _ in tables]
        made = [self.made(PAYER, defined(f"first-{n}", tables[n], to[n]), {}) for n in range(len(tables))]
        return multiple(*filter(None, made))

    @rule(
        target=arns,
        account=st.sampled_from((PAYER, *ACCOUNTS)),
        name=NAMES,
        table=TABLES,
        tags=st.dictionaries(st.sampled_from(["team", "Team", "aws:own"]), st.text("xyz", max_size=2), max_size=2),
        data=st.data(),
    )
    def create(self, account, name, table, tags, data):
        arn = self.made(account, defined(name, table, data.draw(destinations(account))), tags)
        return arn if arn else multiple()

    @rule(target=arns, account=st.sampled_from(ACCOUNTS), table=TABLES, data=st.data())
    def create_too_many(self, account, table, data):
        to = data.draw(destinations(account))
        made = []
        for number in range(docs.TABLES[table][0] + 1):
            arn = self.made(account, defined(f"many-{number}", table, to), {})
            if not arn:
                break
            made.append(arn)
        return multiple(*made)

    @rule(arn=arns, account=CALLERS, name=NAMES, other_column=st.booleans(), data=st.data())
    def update(self, arn, account, name, other_column, data):
        caller = account or arn.split(":")[4]
        export = self.model.find(caller, arn)
        table = data.draw(st.sampled_from([export.table] * 9 + list(docs.TABLES))) if export else "FOCUS_1_2_AWS"
        name = data.draw(st.sampled_from([export.name] * 9 + [name])) if export else name
        definition = defined(name, table, data.draw(destinations(caller)), other_column)
        codes = self.model.objections_to_update(export, definition) if export else NOT_FOUND
        answer = self.clients[caller].exports("UpdateExport", ExportArn=arn, Export=definition)
        if self.agreed(answer, codes):
            export.versions.append((self.now, definition))

    @rule(arn=arns, account=CALLERS)
    def delete(self, arn, account):
        caller = account or arn.split(":")[4]
        export = self.model.find(caller, arn)
        if self.agreed(self.clients[caller].exports("DeleteExport", ExportArn=arn), set() if export else NOT_FOUND):
            export.is_deleted = True

    @rule(arn=arns, account=CALLERS, malformed=st.sampled_from(MALFORMED))
    def send_what_nobody_may(self, arn, account, malformed):
        caller = account or arn.split(":")[4]
        export = self.model.find(caller, arn)
        definition = copy.deepcopy(export.definition) if export else defined("x", "FOCUS_1_2_AWS", {})
        path, value = malformed
        place = definition
        for member in path[:-1]:
            place = place.setdefault(member, {})
        place[path[-1]] = value
        answers = [self.clients[caller].exports("CreateExport", Export=definition)]
        if export:
            answers.append(self.clients[caller].exports("UpdateExport", ExportArn=arn, Export=definition))
        assert {answer.error for answer in answers} == {"ValidationException"}

    @rule(
        arn=arns,
        account=CALLERS,
        tags=st.dictionaries(st.text("abA:", min_size=1, max_size=2), st.text(max_size=3), max_size=3),
        many=st.booleans(),
    )
    def tag(self, arn, account, tags, many):
        caller = account or arn.split(":")[4]
        tags = {f"tag-{number}": "x" for number in range(49)} if many else tags
        sent = [{"Key": key, "Value": value} for key, value in tags.items()]
        export, codes = self.seen_by(caller, arn)
        if export and len(export.tags | tags) > 50:
            codes = {"ValidationException"}
        if self.agreed(self.clients[caller].exports("TagResource", ResourceArn=arn, ResourceTags=sent), codes):
            export.tags |= tags

    @rule(arn=arns, account=CALLERS, data=st.data())
    def untag(self, arn, account, data):
        caller = account or arn.split(":")[4]
        export, codes = self.seen_by(caller, arn)
        keys = data.draw(
            st.lists(st.sampled_from([*(export.tags if export else ()), "none"]), max_size=30, unique=True)
        )
        if self.agreed(self.clients[caller].exports("UntagResource", ResourceArn=arn, ResourceTagKeys=keys), codes):
            export.tags = {key: value for key, value in export.tags.items() if key not in keys}

    # What befalls them

    @rule(minutes=st.sampled_from((2, 5, 10, 20, 60)))
    def let_minutes_pass(self, minutes):
        self.emulator.clock.advance(minutes * 60)

    @rule(arn=arns, status=st.sampled_from(UNDER_WAY))
    def let_time_pass_until(self, arn, status):
        """Executions are under way for minutes of a day: who moves on by the hour sees few of them."""
        for _ in range(300 if self.model.find(arn.split(":")[4], arn) else 0):
            listed = self.clients[arn.split(":")[4]].exports("ListExecutions", ExportArn=arn, MaxResults=2).json
            if status in {each["ExecutionStatus"]["StatusCode"] for each in listed["Executions"]}:
                break
            self.emulator.clock.advance(120)

    @rule(hours=st.sampled_from((5, 8, 12, 30)))
    def let_hours_pass(self, hours):
        self.emulator.clock.advance(hours * 3600)

    @rule(days=st.sampled_from((2, 4, 9)))
    def let_days_pass(self, days):
        self.emulator.clock.advance(days * 24 * 3600)

    @rule(bucket=st.sampled_from(list(OWNERS)), policy=st.sampled_from(["everyone", *docs.POLICIES]))
    def change_policy(self, bucket, policy):
        self.put_policy(bucket, policy)

    @rule(
        name=NAMES,
        status=st.sampled_from((docs.QUERY_FAILURE, docs.DELIVERY_FAILURE)),
        reason=st.sampled_from(("BILL_OWNER_CHANGED", "INTERNAL_FAILURE")),
    )
    def let_fail(self, name, status, reason):
        self.model.faults[name] = status, reason
        self.put_faults()

    @precondition(lambda self: self.model.faults)
    @rule()
    def mend(self):
        self.model.faults.clear()
        self.put_faults()

    @rule(arn=arns, hours=st.sampled_from((0.01, 1, 100)))
    def hide_newborns(self, arn, hours):
        caller = arn.split(":")[4]
        export = self.model.find(caller, arn)
        self.emulator.faults.add({"operation": "*", "hide_seconds": hours * 3600})
        is_seen = export and self.now - export.created >= timedelta(hours=hours)
        for operation in ("GetExport", "ListExecutions", "DeleteExport")[: 2 if is_seen else 3]:
            self.agreed(self.clients[caller].exports(operation, ExportArn=arn), set() if is_seen else NOT_FOUND)
        self.put_faults()

    @rule()
    def take_snapshot(self):
        self.emulator.snapshot("kept")
        self.kept = copy.deepcopy(self.model)

    @precondition(lambda self: self.kept)
    @rule()
    def restore_snapshot(self):
        self.emulator.restore("kept")
        self.model = copy.deepcopy(self.kept)
        self.files_checked = None

    # What must be true

    @invariant()
    def both_agree(self):
        for account in ACCOUNTS:
            self.check_exports(account)
        if self.files_checked != self.now:
            self.files_checked = self.now
            buckets = {bucket: self.clients[PAYER].objects(bucket) for bucket in OWNERS}
            Delivered(self.model, buckets, self.manifest).check()

    # How the steps do it

    def check_exports(self, account: str) -> None:
        """Check that an account's exports are listed exactly once, and are what was made of them."""
        client, there = self.clients[account], self.model.of(account)
        listed = client.pages(EXPORTS, "ListExports", "Exports", 2)
        assert [each["ExportArn"] for each in listed] == [each.arn for each in there]
        for export, entry in zip(there, listed, strict=True):
            self.catch_up(export)
            got = client.exports("GetExport", ExportArn=export.arn).json
            assert_echoes(export.definition, got["Export"], export.arn)
            assert_healthy_as_delivered(export, got["ExportStatus"])
            assert (entry["ExportName"], entry["ExportStatus"]) == (export.name, got["ExportStatus"])
            tags = client.pages(EXPORTS, "ListTagsForResource", "ResourceTags", 40, ResourceArn=export.arn)
            assert {tag["Key"]: tag["Value"] for tag in tags} == export.tags
            assert len(tags) == len(export.tags)

    def made(self, account: str, definition: dict[str, Any], tags: dict[str, str]) -> str | None:
        """Create an export and give its ARN, ``None`` if it is refused as it must be."""
        codes = self.model.objections_to_create(account, definition, tags)
        sent_tags = [{"Key": key, "Value": value} for key, value in tags.items()]
        answer = self.clients[account].exports("CreateExport", Export=definition, ResourceTags=sent_tags)
        if not self.agreed(answer, codes):
            return None
        arn = answer.json["ExportArn"]
        begin = f"arn:aws:bcm-data-exports:us-east-1:{account}:export/{definition['Name']}-"
        assert re.fullmatch(rf"{begin}[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}", arn)
        assert arn not in self.model.exports
        table = docs.table_of(definition)
        self.model.exports[arn] = Export(account, arn, table, self.now, [(self.now, definition)], dict(tags))
        self.model.leftovers.update(*(self.clients[PAYER].objects(bucket) for bucket in OWNERS))
        return arn

    def seen_by(self, caller: str, arn: str) -> tuple[Export | None, set[str]]:
        """The export, for operations on tags, which have an error of their own for what is another account's."""
        if caller != arn.split(":")[4]:
            return None, {"AccessDeniedException"}
        export = self.model.find(caller, arn)
        return export, set() if export else NOT_FOUND

    def agreed(self, answer: Answer, codes: set[str]) -> bool:
        """Check that a request was refused with one of ``codes``, or carried out if there are none: say which."""
        assert (answer.error in codes) if codes else (answer.error is None), (answer.body, codes)
        return not codes

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
        assert (code, reason) == self.model.end(export, run)
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
        for name, (status, reason) in self.model.faults.items():
            self.emulator.faults.add({"execution": {"status": status, "reason": reason}, "export": name})

    def manifest(self, bucket: str, key: str, etag: str) -> dict[str, Any]:
        """Read a manifest, once for each of its versions."""
        if (bucket, key, etag) not in self.manifests:
            self.manifests[bucket, key, etag] = self.clients[PAYER].send("GET", f"/{bucket}/{key}").json
        return self.manifests[bucket, key, etag]


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


@pytest.fixture(scope="module")
def emulator():
    with pytest.MonkeyPatch.context() as patch, running(start="2026-11-27T06:00:00Z", rows=1, speed=1e-9) as emulator:
        patch.setattr("emulator.files.writer.render", few_files)
        yield emulator


@pytest.mark.timeout(TIMEOUT)
def test_exports_live_as_the_model_says(emulator):
    clients = {account: Raw(emulator.url, account) for account in ACCOUNTS}
    run_state_machine_as_test(lambda: Exports(emulator, clients), settings=search(examples=10, steps=40))
    for client in clients.values():
        client.close()
