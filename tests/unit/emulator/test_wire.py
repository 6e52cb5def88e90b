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

    def send(target, document, authorization=AUTHORIZATION):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        headers = {"X-Amz-Target": target}
        if authorization:
            headers["Authorization"] = authorization
        connection.request("POST", "/", body, headers)
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


@pytest.mark.parametrize(
    "target",
    [f"{EXPORTS}.Nothing", f"{EXPORTS}.TagResource", f"{CALCULATOR}.Nothing", f"{CALCULATOR}.GetPreferences"],
)
def test_unknown_and_unbuilt_operations_are_modelled_errors(post, target):
    status, _, body = post(target, {})
    assert (status, body["__type"]) == (400, "ValidationException")
    assert body.get("Reason", body.get("reason")) == "unknownOperation"


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
