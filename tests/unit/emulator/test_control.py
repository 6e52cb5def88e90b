"""The control API and the clock."""

from __future__ import annotations

import http.client
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

START = datetime(2026, 11, 20, 6, tzinfo=UTC)


def test_health(ask):
    assert ask("GET", "health") == (200, {"status": "ok"})


def test_the_clock_is_shown_and_moved(ask):
    before = datetime.fromisoformat(ask("GET", "clock")[1]["now"])
    after = datetime.fromisoformat(ask("POST", "clock", {"advance_seconds": 3600})[1]["now"])
    assert timedelta(hours=1) <= after - before < timedelta(hours=1, minutes=1)


def test_the_speed_can_change(ask):
    assert ask("POST", "clock", {"speed": 60})[1]["speed"] == 60


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"seconds": 1},
        {"advance_seconds": "1"},
        {"advance_seconds": -1},
        {"advance_seconds": 1e15},
        {"speed": 0},
        {"speed": True},
        {"advance_seconds": 3600, "speed": -1},
    ],
)
def test_the_clock_refuses_nonsense_and_stands(ask, document):
    status, answer = ask("POST", "clock", document)
    assert (status, bool(answer["error"])) == (400, True)
    now = datetime.fromisoformat(ask("GET", "clock")[1]["now"])
    assert now - START < timedelta(minutes=1), "what was refused has moved the clock"


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


@pytest.fixture
def asked(exports, client, refused):
    """Four requests: two of the payer's, of which one fails, and two of the member's."""
    exports.list_exports()
    refused(exports.list_exports, MaxResults=301)
    client("bcm-data-exports", "444455556666").list_tables()
    client("sts", "444455556666").get_caller_identity()


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("query", "operations"),
    [
        ("", ["ListExports", "ListExports", "ListTables", "GetCallerIdentity"]),
        ("operation=ListTables", ["ListTables"]),
        ("service=sts", ["GetCallerIdentity"]),
        ("account=444455556666", ["ListTables", "GetCallerIdentity"]),
        ("error=ValidationException", ["ListExports"]),
        ("error=*", ["ListExports"]),
        ("error=Other", []),
        ("limit=2", ["ListTables", "GetCallerIdentity"]),
        ("limit=0", []),
        ("limit=9&account=111122223333", ["ListExports", "ListExports"]),
    ],
)
def test_requests_are_filtered(ask, query, operations):
    assert [one["operation"] for one in ask("GET", f"requests?{query}")[1]["requests"]] == operations


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("query", "counts"),
    [
        ("", {"GetCallerIdentity": (1, 0), "ListExports": (2, 1), "ListTables": (1, 0)}),
        ("account=444455556666", {"GetCallerIdentity": (1, 0), "ListTables": (1, 0)}),
        ("error=*", {"ListExports": (1, 1)}),
        ("service=s3", {}),
    ],
)
def test_requests_are_counted(ask, query, counts):
    counted = ask("GET", f"requests/counts?{query}")[1]
    assert counted == {name: {"calls": calls, "errors": errors} for name, (calls, errors) in counts.items()}


@pytest.mark.parametrize(
    "path",
    [
        "requests?limit=-1",
        "requests?limit=x",
        f"requests?limit={'9' * 5000}",
        "requests?operations=x",
        "requests?operation=A&operation=B",
        "requests?operation=",
        "requests/counts?limit=1",
    ],
)
def test_a_filter_that_is_not_known_is_refused(ask, path):
    status, answer = ask("GET", path)
    assert (status, "digits" in answer["error"]) == (400, False)


@pytest.mark.parametrize(
    ("method", "path", "document"),
    [
        ("DELETE", "snapshots?nmae=kept", None),
        ("DELETE", "snapshots?name=", None),
        ("DELETE", "snapshots", {"name": "kept"}),
        ("DELETE", "faults?ids=x", None),
        ("DELETE", "faults?id=", None),
        ("DELETE", "requests?operation=ListTables", None),
        ("GET", "charges?account=111122223333", None),
        ("GET", "health", {"x": 1}),
        ("POST", "reset", {"x": 1}),
        ("POST", "reset?x=1", None),
    ],
)
def test_what_is_not_understood_is_refused_and_does_nothing(ask, exports, method, path, document):
    ask("POST", "snapshots", {"name": "kept"})
    ask("POST", "faults", {"operation": "GetExport", "error": {"code": "ThrottlingException"}})
    exports.list_exports()
    status, answer = ask(method, path, document)
    assert (status, bool(answer["error"])) == (400, True), f"{method} {path} overlooks what it does not know"
    left = [len(ask("GET", kind)[1][kind]) for kind in ("snapshots", "faults", "requests")]
    assert left == [1, 1, 1], f"{method} {path} deleted what nobody named"


def test_one_fault_can_be_lifted(ask):
    rules = [
        ask("POST", "faults", {"operation": "*", "error": {"code": "ThrottlingException"}})[1]["id"] for _ in range(2)
    ]
    assert ask("DELETE", f"faults?id={rules[0]}")[0] == 200
    assert [fault["id"] for fault in ask("GET", "faults")[1]["faults"]] == rules[1:]
    status, answer = ask("DELETE", f"faults?id={rules[0]}")
    assert (status, rules[0] in answer["error"]) == (404, True)


def test_the_log_has_durations(emulator, exports):
    emulator.faults.add({"operation": "ListExports", "delay_seconds": 0.05})
    exports.list_exports()
    (entry,) = emulator.requests()
    assert 0.05 <= entry["seconds"] < 20


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


@pytest.mark.parametrize("over_http", [True, False])
def test_charges_are_those_of_now(emulator, ask, calculator, over_http):
    for number in range(6):
        scenario = calculator.create_bill_scenario(name=f"s{number}")["id"]
        calculator.create_bill_estimate(billScenarioId=scenario, name=f"e{number}")
    emulator.clock.advance(86_400)
    charges = ask("GET", "charges")[1]["charges"] if over_http else emulator.charges()
    assert [charge["usd"] for charge in charges] == [2.0], "estimates that are due are not charged yet"


def test_a_rule_does_not_strike_what_fell_due_before_it(emulator, exports, definition):
    arn = exports.create_export(Export=definition())["ExportArn"]
    emulator.clock.advance(7 * 3600)
    emulator.faults.add({"execution": {"status": "QUERY_FAILURE"}})
    ends = [run["ExecutionStatus"]["StatusCode"] for run in exports.list_executions(ExportArn=arn)["Executions"]]
    assert ends == ["DELIVERY_SUCCESS"]


def test_reset_starts_again(ask, exports, s3, definition):
    exports.create_export(Export=definition())
    ask("POST", "clock", {"advance_seconds": 7 * 3600})
    ask("POST", "reset")
    assert exports.list_exports()["Exports"] == []
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["finops-exports-111122223333"]
    assert "Contents" not in s3.list_objects_v2(Bucket="finops-exports-111122223333")
    assert datetime.fromisoformat(ask("GET", "clock")[1]["now"]) - START < timedelta(minutes=1)


@pytest.mark.parametrize("path", ["nothing", "", "health/"])
def test_an_unknown_route_says_which_there_are(ask, path):
    answered, answer = ask("GET", path)
    assert (answered, "GET /_emulator/health" in answer["error"]) == (404, True)


def test_the_root_is_the_control_apis_and_no_bucket(emulator):
    assert answer_of(emulator, "GET", "/_emulator")[0] == 404
    assert b"no such route" in answer_of(emulator, "GET", "/_emulator")[2]


def test_a_wrong_method_says_which_there_are(emulator):
    number, headers, body = answer_of(emulator, "PUT", "/_emulator/clock")
    assert (number, headers["Allow"]) == (405, "GET, POST")
    assert json.loads(body) == {"error": "/_emulator/clock takes GET or POST, not PUT"}


def test_head_is_a_get_without_its_body(emulator):
    number, _, body = answer_of(emulator, "HEAD", "/_emulator/health")
    assert (number, body) == (200, b"")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b'{"speed": 1}{',
        b"[" * 100_000,
        b'{"speed": %s}' % (b"9" * 5000),
        b'{"speed": NaN}',
        b'{"speed": "\\ud800"}',
        b"[]",
    ],
)
def test_a_body_that_is_no_json_object_is_refused_in_our_words(emulator, body):
    number, _, answer = answer_of(emulator, "POST", "/_emulator/clock", body)
    said = json.loads(answer)["error"]
    assert (number, said) in [(400, "the body is not valid JSON"), (400, "the body must be a JSON object")]


def test_a_failure_of_ours_is_an_answer(emulator, ask, monkeypatch, caplog):
    monkeypatch.setattr(emulator._world.journal, "counts", lambda: 1 / 0)
    assert ask("GET", "requests/counts") == (500, {"error": "the emulator failed; its log says where"})
    assert "ZeroDivisionError" in caplog.text


def answer_of(emulator, method, path, body=None):
    connection = http.client.HTTPConnection(urlsplit(emulator.url).netloc, timeout=20)
    connection.request(method, path, body)
    answer = connection.getresponse()
    taken = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return taken
