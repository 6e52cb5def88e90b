"""What goes over the wire, seen without botocore."""

from __future__ import annotations

import http.client
import json
import re
from urllib.parse import urlsplit

import pytest

AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=AKIADEMO111122223333/20261120/us-east-1/bcm-data-exports/aws4_request,"
    " SignedHeaders=host, Signature=0"
)
EXPORTS, CALCULATOR = "AWSBillingAndCostManagementDataExports", "AWSBCMPricingCalculator"


@pytest.fixture
def connection(emulator):
    opened = http.client.HTTPConnection(urlsplit(emulator.url).netloc, timeout=20)
    yield opened
    opened.close()


@pytest.fixture
def post(connection):
    """``post(target, document)``: status, headers, JSON body."""

    def send(target, document, authorization=AUTHORIZATION, method="POST", content_type="application/x-amz-json-1.1"):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        headers = {"X-Amz-Target": target, "Content-Type": content_type, "Authorization": authorization}
        connection.request(method, "/", body, {name: value for name, value in headers.items() if value})
        answer = connection.getresponse()
        return answer.status, answer.headers, json.loads(answer.read())

    return send


@pytest.mark.parametrize(
    ("target", "content_type"),
    [
        (f"{EXPORTS}.ListExports", "application/x-amz-json-1.1"),
        (f"{CALCULATOR}.ListBillScenarios", "application/x-amz-json-1.0"),
    ],
)
def test_each_service_has_its_json_version(post, target, content_type):
    assert post(target, {})[1]["Content-Type"] == content_type


def test_answers_have_a_request_id(post):
    assert re.fullmatch(r"[0-9a-f-]{36}", post(f"{EXPORTS}.ListExports", {})[1]["x-amzn-RequestId"])


def test_data_exports_writes_times_as_iso_8601(post, definition):
    arn = post(f"{EXPORTS}.CreateExport", {"Export": definition()})[2]["ExportArn"]
    moment = post(f"{EXPORTS}.GetExport", {"ExportArn": arn})[2]["ExportStatus"]["CreatedAt"]
    assert re.fullmatch(r"2026-11-20T06:00:\d\d\.(\d{3}|\d{9})Z", moment)


def test_pricing_calculator_writes_times_as_epoch_seconds(post):
    moment = post(f"{CALCULATOR}.CreateBillScenario", {"name": "a"})[2]["createdAt"]
    assert 0 <= moment - 1795154400 < 60


def test_data_exports_capitalises_the_members_of_an_error(post):
    status, _, body = post(f"{EXPORTS}.ListExports", {"MaxResults": 0})
    assert (status, body["__type"], set(body)) == (
        400,
        "ValidationException",
        {"__type", "Message", "Reason", "Fields"},
    )
    assert set(body["Fields"][0]) == {"Name", "Message"}


def test_pricing_calculator_does_not(post):
    status, _, body = post(f"{CALCULATOR}.ListBillScenarios", {"maxResults": 26})
    assert (status, body["__type"], set(body)) == (
        400,
        "ValidationException",
        {"__type", "message", "reason", "fieldList"},
    )
    assert set(body["fieldList"][0]) == {"name", "message"}


def test_not_found_names_the_resource(post):
    identifier = "11111111-1111-1111-1111-111111111111"
    _, _, body = post(f"{CALCULATOR}.GetBillEstimate", {"identifier": identifier})
    assert (body["__type"], body["resourceId"], body["resourceType"]) == (
        "ResourceNotFoundException",
        identifier,
        "BillEstimate",
    )


@pytest.mark.parametrize("code", ["InternalServerException", "ThrottlingException"])
def test_internal_errors_are_500_and_client_errors_400(post, emulator, code):
    emulator.faults.add({"operation": "*", "error": {"code": code, "message": "m"}})
    expected = 500 if code == "InternalServerException" else 400
    assert [
        post(f"{service}.{name}", {})[0]
        for service, name in ((EXPORTS, "ListExports"), (CALCULATOR, "ListBillScenarios"))
    ] == [
        expected,
        expected,
    ]


def test_an_error_may_say_when_to_retry(post, emulator):
    error = {"code": "ThrottlingException", "message": "m", "retryAfterSeconds": 3}
    emulator.faults.add({"operation": "ListBillScenarios", "error": error})
    assert post(f"{CALCULATOR}.ListBillScenarios", {})[2] == {
        "__type": "ThrottlingException",
        "message": "m",
        "retryAfterSeconds": 3,
    }


def test_an_error_outside_the_model_keeps_its_code(post, emulator):
    emulator.faults.add({"operation": "ListExports", "error": {"code": "ExpiredTokenException", "message": "m"}})
    assert post(f"{EXPORTS}.ListExports", {})[2] == {"__type": "ExpiredTokenException", "message": "m"}


@pytest.mark.parametrize("service", [EXPORTS, CALCULATOR])
@pytest.mark.parametrize("operation", ["Nothing", "", "listexports", "ListExports.", "CreateBillEstimate "])
def test_an_unknown_operation_is_a_modelled_error(post, service, operation):
    assert _refusal(post(f"{service}.{operation}", {})) == (400, "ValidationException", "unknownOperation")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_operations_are_posted(post, method):
    assert _refusal(post(f"{EXPORTS}.ListExports", {}, method=method))[2] == "unknownOperation"


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", "text/plain", None])
def test_the_content_type_must_be_aws_jsons(post, content_type):
    assert _refusal(post(f"{EXPORTS}.ListExports", {}, content_type=content_type))[2] == "cannotParse"


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.1; charset=utf-8"])
def test_either_version_and_a_charset_will_do(post, version):
    assert post(f"{EXPORTS}.ListExports", {}, content_type=f"application/x-amz-json-{version}")[0] == 200


BODIES = {
    "unfinished": b"{",
    "text after it": b"{} {}",
    "a comment": b"{} // all",
    "single quotes": b"{'MaxResults': 1}",
    "a trailing comma": b'{"MaxResults": 1,}',
    "not a number": b'{"MaxResults": NaN}',
    "infinity, where nobody looks": b'{"other": -Infinity}',
    "too many digits": b'{"MaxResults": ' + b"9" * 5000 + b"}",
    "not UTF-8": b'{"NextToken": "\xff"}',
    "UTF-16": '{"MaxResults": 1}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a raw control character": b'{"NextToken": "\x01"}',
    "half a surrogate pair": b'{"NextToken": "\\ud83d"}',
    "half a surrogate pair in a name": b'{"\\uDC00": 1}',
    "a list": b"[]",
    "a string": b'"ListExports"',
    "a number": b"7",
    "null": b"null",
    "nested": b'{"other": ' + b"[" * 64 + b"]" * 64 + b"}",
    "nested beyond Python": b'{"other": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}",
    "too large": b'{"other": "' + b"x" * 2**20 + b'"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_body_that_is_no_json_object_cannot_be_parsed(post, body):
    assert _refusal(post(f"{EXPORTS}.ListExports", body)) == (400, "ValidationException", "cannotParse")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b" \n{ }\t",
        b'{"MaxResults": 0, "MaxResults": 1}',
        b'{"other": "\\ud83d\\udcb8"}',
        b'{"other": 1e999}',
        b'{"other": ' + b"[" * 63 + b"]" * 63 + b"}",
        b'{"MaxResults": null}',
    ],
)
def test_what_can_be_parsed_is_carried_out(post, body):
    assert post(f"{EXPORTS}.ListExports", body)[0] == 200


def test_a_refusal_shows_a_hundred_fields_at_most(post):
    filters = [{"name": "NAME"}] * 500
    body = post(f"{CALCULATOR}.ListBillScenarios", {"filters": filters})[2]
    assert (len(body["fieldList"]), body["message"][:30], len(body["message"])) == (
        100,
        "500 validation errors detected",
        1024,
    )


def _refusal(answer):
    status, _, body = answer
    return status, body["__type"], body.get("Reason", body.get("reason"))


def test_a_request_that_nobody_signed_is_refused(post):
    assert post(f"{EXPORTS}.ListExports", {}, authorization=None)[2]["__type"] == "MissingAuthenticationTokenException"


def test_a_connection_is_kept_alive(connection, post):
    post(f"{EXPORTS}.ListExports", {})
    socket = connection.sock
    post(f"{EXPORTS}.ListExports", {})
    assert connection.sock is socket


def test_the_estimate_list_leaves_out_costs_and_failures(post, emulator):
    scenario = post(f"{CALCULATOR}.CreateBillScenario", {"name": "a"})[2]["id"]
    post(f"{CALCULATOR}.CreateBillEstimate", {"billScenarioId": scenario, "name": "a"})
    (summary,) = post(f"{CALCULATOR}.ListBillEstimates", {})[2]["items"]
    assert set(summary) == {"id", "name", "status", "billInterval", "createdAt", "expiresAt"}
