"""The control API and the clock."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest

from emulator.clock import Clock, Timeline

START = datetime(2026, 11, 20, 6, tzinfo=UTC)


@pytest.fixture
def ask(emulator):
    """``ask(method, path, document=None)``: status and JSON answer."""

    def send(method, path, document=None):
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"{emulator.url}/_emulator/{path}", body, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    return send


def test_health(ask):
    assert ask("GET", "health") == (200, {"status": "ok"})


def test_the_clock_is_shown_and_moved(ask):
    before = datetime.fromisoformat(ask("GET", "clock")[1]["now"])
    after = datetime.fromisoformat(ask("POST", "clock", {"advance_seconds": 3600})[1]["now"])
    assert timedelta(hours=1) <= after - before < timedelta(hours=1, minutes=1)


def test_the_speed_can_change(ask):
    assert ask("POST", "clock", {"speed": 60})[1]["speed"] == 60


@pytest.mark.parametrize(
    "document", [{}, {"seconds": 1}, {"advance_seconds": "1"}, {"advance_seconds": -1}, {"speed": 0}, {"speed": True}]
)
def test_the_clock_refuses_nonsense(ask, document):
    status, answer = ask("POST", "clock", document)
    assert (status, bool(answer["error"])) == (400, True)


def test_requests_are_logged_with_account_params_and_outcome(ask, exports, refused):
    refused(exports.list_exports, MaxResults=301)
    (entry,) = ask("GET", "requests?operation=ListExports&service=bcm-data-exports")[1]["requests"]
    kept = {
        name: entry[name] for name in ("service", "operation", "account", "access_key_id", "status", "error", "params")
    }
    assert kept == {
        "service": "bcm-data-exports",
        "operation": "ListExports",
        "account": "111122223333",
        "access_key_id": "AKIADEMO111122223333",
        "status": 400,
        "error": "ValidationException",
        "params": {"MaxResults": 301},
    }


def test_requests_have_emulated_and_wall_time(ask, exports):
    exports.list_exports()
    entry = ask("GET", "requests")[1]["requests"][-1]
    assert datetime.fromisoformat(entry["time"]) - START < timedelta(minutes=1)
    assert abs(entry["wall"] - datetime.now(UTC).timestamp()) < 60


def test_s3_requests_are_logged_by_name(ask, s3):
    s3.list_objects_v2(Bucket="finops-exports-111122223333")
    (entry,) = ask("GET", "requests?service=s3")[1]["requests"]
    assert (entry["operation"], entry["status"], entry["params"]) == ("ListObjectsV2", 200, None)


def test_the_log_can_be_cleared(ask, exports):
    exports.list_exports()
    ask("DELETE", "requests")
    assert ask("GET", "requests")[1] == {"requests": []}


def test_faults_come_and_go(ask):
    rule = ask("POST", "faults", {"operation": "*", "error": {"code": "ThrottlingException"}})[1]["id"]
    assert [fault["id"] for fault in ask("GET", "faults")[1]["faults"]] == [rule]
    ask("DELETE", "faults")
    assert ask("GET", "faults")[1] == {"faults": []}


def test_a_bad_fault_is_refused_in_one_sentence(ask):
    status, answer = ask("POST", "faults", {"operation": "*"})
    assert (status, answer["error"].startswith("fault: ")) == (400, True)


def test_charges_are_shown(ask):
    assert ask("GET", "charges") == (200, {"charges": []})


def test_reset_starts_again(ask, exports, s3, definition):
    exports.create_export(Export=definition())
    ask("POST", "clock", {"advance_seconds": 7 * 3600})
    ask("POST", "reset")
    assert exports.list_exports()["Exports"] == []
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["finops-exports-111122223333"]
    assert "Contents" not in s3.list_objects_v2(Bucket="finops-exports-111122223333")
    assert datetime.fromisoformat(ask("GET", "clock")[1]["now"]) - START < timedelta(minutes=1)


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "nothing", 404), ("PUT", "clock", 405)])
def test_an_unknown_route_says_which_there_are(ask, method, path, status):
    answered, answer = ask(method, path)
    assert (answered, "GET /_emulator/health" in answer["error"]) == (status, True)


def test_a_body_that_is_no_json_is_refused(emulator):
    request = urllib.request.Request(f"{emulator.url}/_emulator/clock", b"{", method="POST")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    caught.value.close()
    assert caught.value.code == 400


def test_a_fast_clock_runs_fast():
    clock = Clock(START, speed=1e6)
    first, second = clock.now(), clock.now()
    assert START < first < second


def test_a_clock_keeps_its_time_when_the_speed_changes():
    clock = Clock(START, speed=1e6)
    before = clock.now()
    clock.speed = 1e-6
    assert before <= clock.now() < before + timedelta(hours=1)


@pytest.mark.parametrize("speed", [0, -1, float("inf"), float("nan")])
def test_a_speed_must_be_above_zero(speed):
    with pytest.raises(ValueError, match="speed"):
        Clock(START, speed)


def test_what_is_due_runs_in_order_even_if_it_schedules_more():
    timeline, ran = Timeline(), []

    def first(at):
        ran.append(("first", at))
        timeline.schedule(at + timedelta(hours=1), lambda at: ran.append(("second", at)))

    timeline.schedule(START + timedelta(hours=3), lambda at: ran.append(("third", at)))
    timeline.schedule(START, first)
    timeline.schedule(START + timedelta(days=9), lambda at: ran.append(("never", at)))
    timeline.settle(START + timedelta(days=1))
    assert [name for name, _ in ran] == ["first", "second", "third"]
