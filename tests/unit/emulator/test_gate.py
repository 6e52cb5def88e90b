"""Who may ask: this machine, others if they are let in, and never the pages of other sites."""

from __future__ import annotations

import http.client
import urllib.request
from urllib.parse import urlsplit

import pytest

from emulator.server import running
from emulator.web.gate import foreign_page, refusal

BUCKET = "finops-exports-111122223333"


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
    ("host", "may"),
    [
        ("emulator:5005", True),
        ("10.0.0.7:5005", True),
        ("[fd00::7]:5005", True),
        ("host.docker.internal:5005", True),
        ("localhost", True),
        ("emulator.default.svc:5005", True),
        ("emulator.default.svc.cluster.local:5005", True),
        ("emulator.finops_default:5005", True),
        ("registry.gitlab.com__group__emulator:5005", True),
        ("emulator.lan", True),
        ("emulator.service.consul", True),
        (None, True),
        ("rebound.example.com:5005", False),
        ("internal.example.com", False),
        ("emulator.default", False),
        ("svc.example.com", False),
        ("re_bound.example.com", False),
        ("10.0.0.7.example.com", False),
        ("", False),
    ],
)
def test_open_control_answers_to_names_that_no_other_site_can_have(host, may):
    environ = {"REMOTE_ADDR": "10.0.0.9"} if host is None else {"REMOTE_ADDR": "10.0.0.9", "HTTP_HOST": host}
    assert (refusal(environ, is_open=True) is None) is may


@pytest.mark.parametrize(
    ("origin", "host", "is_foreign"),
    [
        (None, "emulator:5005", False),
        ("http://localhost:8080", "127.0.0.1:5005", False),
        ("http://[::1]:3000", "localhost:5005", False),
        ("http://emulator:5005", "emulator:5005", False),
        ("http://10.0.0.7:3000", "10.0.0.7:5005", False),
        ("http://10.0.0.7:3000", "localhost:5005", True),
        ("http://web:3000", "emulator:5005", False),
        ("http://app.test", "localhost:5005", False),
        ("chrome-extension://abcdefghijkl", "localhost:5005", True),
        ("https://example.com", "localhost:5005", True),
        ("https://localhost.example.com", "localhost:5005", True),
        ("https://example.com", "10.0.0.7:5005", True),
        ("http://rebound.example.com:5005", "rebound.example.com:5005", True),
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
@pytest.mark.parametrize("open_control", [False, True])
def test_a_name_that_was_made_to_resolve_here_does_not_get_in(path, open_control):
    with running(open_control=open_control) as emulator:
        assert status(emulator, path, Host="rebound.example.com") == 403


def test_the_page_of_a_name_that_was_made_to_resolve_here_calls_no_service(emulator):
    page = {"Host": "rebound.example.com:5005", "Origin": "http://rebound.example.com:5005"}
    assert status(emulator, f"/{BUCKET}?list-type=2", **page) == 403


@pytest.mark.parametrize(
    ("path", "site", "into", "expected"),
    [
        (
            "/?Action=CreateUser&UserName=x&X-Amz-Credential=a/20261120/us-east-1/iam/aws4_request",
            "cross-site",
            "image",
            403,
        ),
        ("/_emulator/clock", "cross-site", "script", 403),
        ("/_emulator/clock", "cross-site", "document", 403),
        ("/", "cross-site", "iframe", 403),
        ("/", "cross-site", "document", 200),
        ("/_emulator/clock", "same-origin", "empty", 200),
        ("/_emulator/clock", "none", "document", 200),
    ],
)
def test_what_a_browser_fetches_for_another_site_is_refused_but_a_link_to_the_page(
    emulator, path, site, into, expected
):
    assert status(emulator, path, **{"Sec-Fetch-Site": site, "Sec-Fetch-Dest": into}) == expected


@pytest.mark.parametrize(
    ("referer", "may"),
    [
        ("http://localhost:8080/", True),
        ("http://127.0.0.1:8080/page", True),
        ("http://web:3000/", True),
        ("https://example.com/", False),
        ("https://example.com/http://localhost/", False),
        (None, False),
    ],
)
def test_a_link_or_picture_is_of_the_page_that_its_referer_names(referer, may):
    environ = {"HTTP_HOST": "127.0.0.1:5005", "HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_SEC_FETCH_DEST": "image"}
    assert (foreign_page(environ | ({"HTTP_REFERER": referer} if referer else {})) is None) is may


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
