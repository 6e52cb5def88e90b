"""When deliveries are written: beside the requests, in order, and not at all if nobody wants them any more."""

from __future__ import annotations

import json
import threading

import pytest

import emulator.files.writer
from emulator.server import running

HOUR, DAY = 3600, 86400
BUCKET = "finops-exports-111122223333"
MONTH = "BILLING_PERIOD=2026-11"
LATEST = f"exports/daily/metadata/{MONTH}/daily-Manifest.json"


class HeldWriter:
    """Stands before the writer and holds it up until it is let go on."""

    def __init__(self, render):
        self._render = render
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.periods = []

    def __call__(self, content, form, folder, between):
        self.periods.append(content.period)
        self.begun.set()
        while not self.go_on.wait(0.005):
            between()
        yield from self._render(content, form, folder, between)


@pytest.fixture
def writer(monkeypatch):
    held = HeldWriter(emulator.files.writer.render)
    monkeypatch.setattr("emulator.files.writer.render", held)
    yield held
    held.go_on.set()


@pytest.fixture
def begin(emulator, exports, definition, writer):
    """Create an export and let time run, without a jump, until its first delivery is being written."""

    def make(**settings):
        arn = exports.create_export(Export=definition(**settings))["ExportArn"]
        emulator.clock.speed = 200 * HOUR
        assert writer.begun.wait(20)
        emulator.clock.speed = 1
        return arn

    return make


@pytest.fixture
def finish(emulator, writer):
    """Let everything be written that is due."""

    def make():
        writer.go_on.set()
        emulator.clock.advance(0)
        emulator.settle()

    return make


@pytest.fixture
def statuses(exports):
    """The statuses of an export's executions, the oldest first."""

    def listed(arn):
        executions = exports.list_executions(ExportArn=arn)["Executions"]
        return [execution["ExecutionStatus"] for execution in reversed(executions)]

    return listed


def test_requests_are_answered_while_a_delivery_is_written(begin, statuses, keys):
    arn = begin()
    assert statuses(arn)[0]["StatusCode"] == "DELIVERY_IN_PROCESS"
    assert keys() == {}


def test_an_execution_succeeds_at_the_time_at_which_it_was_due(emulator, begin, finish, statuses, keys):
    arn = begin()
    before = emulator.clock.now()
    finish()
    first = statuses(arn)[0]
    assert (first["StatusCode"], LATEST in keys()) == ("DELIVERY_SUCCESS", True)
    assert first["LastUpdatedAt"] < before


def test_an_export_that_is_deleted_meanwhile_gets_nothing(begin, finish, exports, keys):
    exports.delete_export(ExportArn=begin())
    finish()
    assert keys() == {}


def test_what_waits_and_is_overwritten_is_written_once(emulator, begin, finish, statuses, writer, read_manifest):
    arn = begin()
    emulator.clock.speed = 200 * HOUR
    while len(statuses(arn)) < 6:
        pass
    emulator.clock.speed = 1
    finish()
    assert len(writer.periods) == 2
    done = [status["StatusCode"] for status in statuses(arn)]
    assert done.count("DELIVERY_SUCCESS") >= 5


def test_what_began_before_the_export_was_moved_goes_to_where_it_was(
    emulator, exports, definition, writer, statuses, keys
):
    writer.go_on.set()
    arn = exports.create_export(Export=definition())["ExportArn"]
    while not statuses(arn):
        emulator.clock.advance(240)  # of the five minutes that a run takes at least
    moved = definition()
    moved["DestinationConfigurations"]["S3Destination"]["S3Prefix"] = "moved"
    exports.update_export(ExportArn=arn, Export=moved)
    emulator.clock.advance(DAY)
    assert {LATEST, LATEST.replace("exports/", "moved/")} <= set(keys())


def test_after_a_jump_everything_due_is_there(emulator, exports, definition, writer, statuses, read_manifest):
    writer.go_on.set()
    arn = exports.create_export(Export=definition())["ExportArn"]
    emulator.clock.advance(5 * DAY)
    codes = [status["StatusCode"] for status in statuses(arn)]
    last = max(index for index, code in enumerate(codes) if code == "DELIVERY_SUCCESS")
    assert codes[: last + 1] == ["DELIVERY_SUCCESS"] * (last + 1)
    execution = exports.list_executions(ExportArn=arn)["Executions"][::-1][last]["ExecutionId"]
    assert (read_manifest(LATEST)["executionId"], len(writer.periods)) == (execution, 1)


def test_runs_that_are_kept_are_all_written_after_a_jump(emulator, exports, definition, writer, statuses, keys):
    writer.go_on.set()
    arn = exports.create_export(Export=definition(overwrite="CREATE_NEW_REPORT"))["ExportArn"]
    emulator.clock.advance(2 * DAY)
    done = [status for status in statuses(arn) if status["StatusCode"] == "DELIVERY_SUCCESS"]
    assert len({key.split("/")[4] for key in keys("exports/daily/data/")}) == len(done) == len(writer.periods) > 3


def test_a_delivery_that_is_late_does_not_heal_what_failed_since(emulator, begin, finish, s3, exports, statuses):
    arn = begin()
    s3.delete_bucket_policy(Bucket=BUCKET)
    emulator.clock.speed = 200 * HOUR
    while "DELIVERY_FAILURE" not in [status["StatusCode"] for status in statuses(arn)]:
        pass
    emulator.clock.speed = 1
    finish()
    status = exports.get_export(ExportArn=arn)["ExportStatus"]
    assert (status["StatusCode"], status["StatusReason"]) == ("UNHEALTHY", "INSUFFICIENT_PERMISSION")


def test_a_policy_that_is_taken_away_meanwhile_fails_the_delivery(begin, finish, s3, statuses, keys):
    arn = begin()
    s3.delete_bucket_policy(Bucket=BUCKET)
    finish()
    first = statuses(arn)[0]
    assert (first["StatusCode"], first["StatusReason"]) == ("DELIVERY_FAILURE", "INSUFFICIENT_PERMISSION")
    assert keys() == {}


def test_of_two_manifests_none_is_written_without_the_other(begin, finish, s3, statuses, keys):
    arn = begin(overwrite="CREATE_NEW_REPORT")
    policy = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
    latest = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{BUCKET}/{LATEST}"}
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Statement": [*policy["Statement"], latest]}))
    finish()
    assert statuses(arn)[0]["StatusReason"] == "INSUFFICIENT_PERMISSION"
    assert [key for key in keys() if key.endswith("Manifest.json")] == []


def test_a_reset_gives_up_what_is_being_written(emulator, begin, finish, keys):
    begin()
    emulator.reset()
    finish()
    assert keys() == {}


def test_a_snapshot_keeps_what_is_not_written_yet(emulator, begin, finish, statuses, keys):
    arn = begin()
    emulator.snapshot("before")
    finish()
    written = keys()
    emulator.restore("before")
    assert keys() == written
    assert statuses(arn)[0]["StatusCode"] == "DELIVERY_SUCCESS"


def test_a_stop_gives_up_what_is_being_written(monkeypatch, definition):
    held = HeldWriter(emulator.files.writer.render)
    monkeypatch.setattr("emulator.files.writer.render", held)
    with running(start="2026-11-20T06:00:00Z", rows=500, buckets=[f"111122223333/{BUCKET}"]) as emu:
        _client(emu).create_export(Export=definition())
        emu.clock.speed = 200 * HOUR
        assert held.begun.wait(20)
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("emulator")] == []


def _client(emu):
    import boto3

    keys = {"aws_access_key_id": "AKIADEMO111122223333", "aws_secret_access_key": "x"}
    return boto3.client("bcm-data-exports", endpoint_url=emu.url, region_name="us-east-1", **keys)
