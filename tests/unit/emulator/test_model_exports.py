"""Data Exports against a model of it: random lives of exports, and after each step both must agree on everything.

Every tenth call goes wrong, S3's too; the client asks again, and the model stays exact. The clock stands still between
the steps, so that the model can say how each execution must end. A writer that makes none to three tiny files takes
the place of the real one, which has its own tests: many deliveries cost little.

The examples are always the same few. For a long search, with others each time:
``MODEL_EXAMPLES=2000 .venv/bin/python -m pytest tests/unit/emulator/test_model_exports.py``
"""

from __future__ import annotations

import copy
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition
from tests.unit.emulator import exports_model as docs
from tests.unit.emulator.careful import Careful
from tests.unit.emulator.exports_files import few_files
from tests.unit.emulator.exports_life import ACCOUNTS, NOT_FOUND, ExportsLife, defined, plain
from tests.unit.emulator.exports_model import OWNERS, PAYER, UNDER_WAY, Export
from tests.unit.emulator.model_runs import TIMEOUT, assert_lived, search, step, steps_of

from emulator.data_exports.access import DATA_EXPORTS
from emulator.server import running

NAMES = st.sampled_from("abcd")
#: Who calls: ``None`` is the owner.
CALLERS = st.sampled_from((*[None] * 6, *ACCOUNTS))
TABLES = st.sampled_from([*list(docs.TABLES)[:3] * 2, "CARBON_EMISSIONS"])
REGIONS = st.sampled_from(["us-east-1"] * 19 + ["eu-west-1"])
NONE = f"arn:aws:bcm-data-exports:us-east-1:{PAYER}:export/none-00000000-0000-4000-8000-000000000000"
WHICH = st.integers(0, 99)
#: Nine of ten calls are for an export that is there, the others for any that ever was.
ALIVE = 90
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


class Exports(ExportsLife):
    """Whatever can happen to exports in a few weeks."""

    # What clients do

    @initialize(tables=st.lists(TABLES, min_size=2, max_size=3), data=st.data())
    def begin(self, tables, data):
        """Some exports, and one turn of everything, so that no life lacks any operation."""
        to = [data.draw(destinations(PAYER)) for _ in tables]
        for number, table in enumerate(tables):
            self.made(PAYER, defined(f"first-{number}", table, to[number]), {})
        own = plain("exports-own", PAYER)
        arn = self.made(PAYER, defined("plain", "FOCUS_1_2_AWS", own), {"team": "x"})
        if arn:
            self.change(PAYER, arn, defined("plain", "FOCUS_1_2_AWS", own, other_column=True))
        first = {"which": 0, "account": None}
        self.tag(**first, tags={"a": "1", "b": "2"}, many=False)
        self.untag(**first, picks=[0, 1])
        self.update(**first, name="a", other_column=True, data=data)
        self.look_at_tables(table="FOCUS_1_2_AWS")
        self.take_snapshot()
        self.let_time_pass(hours=12)
        for status in UNDER_WAY:
            self.let_time_pass_until(which=0, status=status)
        self.let_fail(which=0, status=docs.QUERY_FAILURE, reason="INTERNAL_FAILURE")
        self.let_time_pass(hours=12)
        self.mend()
        self.delete(**first)
        self.restore_snapshot()

    @step(
        account=st.sampled_from((PAYER, *ACCOUNTS)),
        name=NAMES,
        table=TABLES,
        tags=st.dictionaries(st.sampled_from(["team", "Team", "aws:own"]), st.text("xyz", max_size=2), max_size=2),
        data=st.data(),
    )
    def create(self, account, name, table, tags, data):
        self.made(account, defined(name, table, data.draw(destinations(account))), tags)

    @step(account=st.sampled_from(ACCOUNTS), table=TABLES, data=st.data())
    def create_too_many(self, account, table, data):
        to = data.draw(destinations(account))
        for number in range(docs.TABLES[table][0] + 1):
            if not self.made(account, defined(f"many-{number}", table, to), {}):
                break

    @step(which=WHICH, account=CALLERS, name=NAMES, other_column=st.booleans(), data=st.data())
    def update(self, which, account, name, other_column, data):
        arn, caller = self.pick(which, account)
        export = self.model.find(caller, arn)
        table = data.draw(st.sampled_from([export.table] * 9 + list(docs.TABLES))) if export else "FOCUS_1_2_AWS"
        name = data.draw(st.sampled_from([export.name] * 9 + [name])) if export else name
        self.change(caller, arn, defined(name, table, data.draw(destinations(caller)), other_column))

    def change(self, caller: str, arn: str, definition: dict[str, Any]) -> None:
        export = self.model.find(caller, arn)
        codes = self.model.objections_to_update(export, definition) if export else NOT_FOUND
        if self.call(caller, "UpdateExport", codes, ExportArn=arn, Export=definition):
            export.versions.append((self.now, definition))

    @step(which=WHICH, account=CALLERS)
    def delete(self, which, account):
        arn, caller = self.pick(which, account)
        export = self.model.find(caller, arn)
        if self.call(caller, "DeleteExport", set() if export else NOT_FOUND, ExportArn=arn) is not None:
            export.is_deleted = True

    @step(which=WHICH, account=CALLERS, malformed=st.sampled_from(MALFORMED))
    def send_what_nobody_may(self, which, account, malformed):
        arn, caller = self.pick(which, account)
        export = self.model.find(caller, arn)
        definition = copy.deepcopy(export.definition) if export else defined("x", "FOCUS_1_2_AWS", {})
        path, value = malformed
        place = definition
        for member in path[:-1]:
            place = place.setdefault(member, {})
        place[path[-1]] = value
        self.call(caller, "CreateExport", {"ValidationException"}, Export=definition)
        if export:
            self.call(caller, "UpdateExport", {"ValidationException"}, ExportArn=arn, Export=definition)
        self.did("refusal")

    @step(
        which=WHICH,
        account=CALLERS,
        tags=st.dictionaries(st.text("abA:", min_size=1, max_size=2), st.text(max_size=3), max_size=3),
        many=st.booleans(),
    )
    def tag(self, which, account, tags, many):
        arn, caller = self.pick(which, account)
        tags = {f"tag-{number}": "x" for number in range(49)} if many else tags
        sent = [{"Key": key, "Value": value} for key, value in tags.items()]
        export, codes = self.seen_by(caller, arn)
        if export and len(export.tags | tags) > 50:
            codes = {"ValidationException"}
        if self.call(caller, "TagResource", codes, ResourceArn=arn, ResourceTags=sent) is not None:
            export.tags |= tags

    @step(which=WHICH, account=CALLERS, picks=st.lists(st.integers(0, 60), max_size=30))
    def untag(self, which, account, picks):
        arn, caller = self.pick(which, account)
        export, codes = self.seen_by(caller, arn)
        there = [*(export.tags if export else ()), "none"]
        keys = list(dict.fromkeys(there[pick % len(there)] for pick in picks))
        if self.call(caller, "UntagResource", codes, ResourceArn=arn, ResourceTagKeys=keys) is not None:
            export.tags = {key: value for key, value in export.tags.items() if key not in keys}

    @step(table=st.sampled_from([*docs.TABLES]))
    def look_at_tables(self, table):
        listed = self.call(PAYER, "ListTables", set())["Tables"]
        assert {*docs.TABLES} <= {each["TableName"] for each in listed}
        got = self.call(PAYER, "GetTable", set(), TableName=table)
        assert got["TableName"] == table
        assert {*docs.TABLES[table][1:]} <= {column["Name"] for column in got["Schema"]}
        self.call(PAYER, "GetTable", {"ValidationException"}, TableName=table.lower())

    def pick(self, which: int, account: str | None) -> tuple[str, str]:
        """The ARN of an export, and who calls: its owner unless ``account`` says otherwise."""
        there: list[Export] = [export for owner in ACCOUNTS for export in self.model.of(owner)]
        if which >= ALIVE or not there:
            there = [*self.model.exports.values()]
        if not there:
            return NONE, account or PAYER
        export = there[which % len(there)]
        return export.arn, account or export.account

    # What befalls them

    @step(minutes=st.sampled_from((2, 5, 10, 20, 60)))
    def let_minutes_pass(self, minutes):
        self.let_time_pass(hours=minutes / 60)

    @step(hours=st.sampled_from((5, 8, 12, 30, 48, 96, 216)))
    def let_time_pass(self, hours):
        self.emulator.clock.advance(hours * 3600)
        self.did("time")

    @step(which=WHICH, status=st.sampled_from(UNDER_WAY))
    def let_time_pass_until(self, which, status):
        """Executions are under way for minutes of a day: who moves on by the hour sees few of them."""
        arn, caller = self.pick(which, None)
        for _ in range(60 if self.model.find(caller, arn) else 0):
            listed = self.call(caller, "ListExecutions", set(), ExportArn=arn, MaxResults=2)
            if status in {each["ExecutionStatus"]["StatusCode"] for each in listed["Executions"]}:
                self.did(f"seen {status}")
                break
            self.emulator.clock.advance(self.seconds_to_the_next_event())

    def seconds_to_the_next_event(self) -> float:
        due = self.emulator._world.timeline._due
        return max(0.0, (due[0][0] - self.now).total_seconds()) + 0.001 if due else 3600.0

    @step(bucket=st.sampled_from(list(OWNERS)), policy=st.sampled_from(["everyone", *docs.POLICIES]))
    def change_policy(self, bucket, policy):
        self.put_policy(bucket, policy)
        self.did("policy")

    @step(
        which=WHICH,
        status=st.sampled_from((docs.QUERY_FAILURE, docs.DELIVERY_FAILURE)),
        reason=st.sampled_from(("BILL_OWNER_CHANGED", "INTERNAL_FAILURE")),
    )
    def let_fail(self, which, status, reason):
        export = self.model.exports.get(self.pick(which, None)[0])
        self.model.faults[export.name if export else "a"] = status, reason
        self.put_faults()
        self.did("fate")

    @precondition(lambda self: self.model.faults)
    @step()
    def mend(self):
        self.model.faults.clear()
        self.put_faults()
        self.did("fate")

    @step(which=WHICH, hours=st.sampled_from((0.01, 1, 100)))
    def hide_newborns(self, which, hours):
        arn, caller = self.pick(which, None)
        export = self.model.find(caller, arn)
        self.emulator.faults.add({"operation": "*", "hide_seconds": hours * 3600})
        is_seen = export and self.now - export.created >= timedelta(hours=hours)
        for operation in ("GetExport", "ListExecutions", "DeleteExport")[: 2 if is_seen else 3]:
            self.call(caller, operation, set() if is_seen else NOT_FOUND, ExportArn=arn)
        self.put_faults()
        self.did("hidden")

    @step()
    def take_snapshot(self):
        self.emulator.snapshot("kept")
        self.kept = copy.deepcopy(self.model)
        self.did("snapshot")

    @precondition(lambda self: self.kept)
    @step()
    def restore_snapshot(self):
        self.emulator.restore("kept")
        self.model = copy.deepcopy(self.kept)
        self.checked = None
        self.did("restored")


@pytest.fixture(scope="module")
def emulator():
    with pytest.MonkeyPatch.context() as patch, running(start="2026-11-27T06:00:00Z", rows=1, speed=1e-9) as emulator:
        patch.setattr("emulator.files.writer.render", few_files)
        yield emulator


@pytest.mark.timeout(TIMEOUT)
def test_exports_live_as_the_model_says(emulator):
    tally: Counter[str] = Counter()
    clients = {account: Careful(emulator.url, account) for account in ACCOUNTS}
    search(lambda: Exports(emulator, clients, tally), examples=12, steps=40)
    for client in clients.values():
        tally.update(
            {name: n for (name, status), n in client.answered.items() if name[:3] in ("Lis", "Get") and status == 200}
        )
        client.close()
    assert_lived(tally, {*DATA_EXPORTS.model.operation_names, *steps_of(Exports), *EVENTS})


#: What must have happened as well.
EVENTS = (
    "restored",
    *(f"seen {status}" for status in UNDER_WAY),
    *(
        f"refused: {code}Exception"
        for code in ("Validation", "ResourceNotFound", "AccessDenied", "ServiceQuotaExceeded")
    ),
)
