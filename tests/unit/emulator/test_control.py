"""The control API and the clock."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from emulator.server import running
from emulator.web.gate import foreign_page, refusal

BUCKET = "finops-exports-111122223333"
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
    ],
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
    "path", ["requests?limit=-1", "requests?limit=x", "requests?operations=x", "requests/counts?limit=1"]
)
def test_a_filter_that_is_not_known_is_refused(ask, path):
    assert ask("GET", path)[0] == 400


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


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.:5005", "127.0.0.1:80", "127.9.9.9", "[::1]:5005", "a.localhost", None]
)
@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_may(address, host):
    environ = {"REMOTE_ADDR": address, "HTTP_HOST": host}
    assert refusal({name: value for name, value in environ.items() if value}) is None


@pytest.mark.parametrize(
    "environ",
    [
        {"REMOTE_ADDR": "10.0.0.7"},
        {"REMOTE_ADDR": "::ffff:10.0.0.7"},
        {"REMOTE_ADDR": "127.0.0.1.example.com"},
        {"REMOTE_ADDR": ""},
        {"HTTP_HOST": "example.com"},
        {"HTTP_HOST": "127.0.0.1.example.com:5005"},
        {"HTTP_HOST": "localhost.example.com"},
        {"HTTP_HOST": "localhost@example.com"},
        {"HTTP_HOST": "10.0.0.7"},
        {"HTTP_HOST": ""},
    ],
)
def test_others_may_not(environ):
    assert refusal({"REMOTE_ADDR": "127.0.0.1", **environ})


@pytest.mark.parametrize(
    ("origin", "host", "is_foreign"),
    [
        (None, "emulator:5005", False),
        ("http://localhost:8080", "127.0.0.1:5005", False),
        ("http://[::1]:3000", "localhost:5005", False),
        ("http://emulator:5005", "emulator:5005", False),
        ("http://10.0.0.7:3000", "10.0.0.7:5005", False),
        ("https://example.com", "localhost:5005", True),
        ("https://localhost.example.com", "localhost:5005", True),
        ("https://example.com", "10.0.0.7:5005", True),
        ("null", "localhost:5005", True),
        ("http://[", "localhost:5005", True),
        ("", "", True),
    ],
)
def test_pages_of_other_sites_are_told_by_their_origin(origin, host, is_foreign):
    environ = {"HTTP_HOST": host} if origin is None else {"HTTP_HOST": host, "HTTP_ORIGIN": origin}
    assert bool(foreign_page(environ)) is is_foreign


@pytest.mark.parametrize("path", ["/_emulator/clock", "/", "/moto-api/data.json", f"/{BUCKET}?list-type=2"])
@pytest.mark.parametrize("open_control", [False, True])
def test_no_page_of_another_site_gets_in(path, open_control):
    with running(open_control=open_control) as emulator:
        assert status(emulator, path, Origin="https://example.com") == 403


@pytest.mark.parametrize("path", ["/_emulator/clock", "/", "/moto-api/data.json"])
@pytest.mark.parametrize(("open_control", "expected"), [(False, 403), (True, 200)])
def test_a_name_that_was_made_to_resolve_here_gets_in_only_if_control_is_open(path, open_control, expected):
    with running(open_control=open_control) as emulator:
        assert status(emulator, path, Host="rebound.example.com") == expected


def status(emulator, path, **headers):
    connection = http.client.HTTPConnection(urlsplit(emulator.url).netloc, timeout=20)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def test_aws_clients_need_no_name_of_this_machine(emulator):
    request = urllib.request.Request(f"{emulator.url}/?x-id=ListBuckets", headers={"Host": "emulator:5005"})
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
