"""Fault rules: what they do, to whom, how often."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ConnectionClosedError, HTTPClientError

from emulator.faults.rules import parse_fault

THROTTLED = {"code": "ThrottlingException", "message": "slow down"}


def codes(refused, call, times):
    answers = []
    for _ in range(times):
        try:
            call()
            answers.append(None)
        except Exception as error:
            answers.append(error.response["Error"]["Code"])
    return answers


@pytest.mark.parametrize(
    ("rule", "answers"),
    [
        ({"times": 2}, ["ThrottlingException", "ThrottlingException", None, None]),
        ({"times": None}, ["ThrottlingException"] * 4),
        ({"skip": 1, "times": 1}, [None, "ThrottlingException", None, None]),
        ({"account": "444455556666"}, [None] * 4),
        ({"operation": "GetExport"}, [None] * 4),
        ({"operation": "*", "times": 1}, ["ThrottlingException", None, None, None]),
        ({"nth": 3}, [None, None, "ThrottlingException", None]),
        ({"nth": 2, "skip": 1}, [None, None, "ThrottlingException", None]),
        ({"every": 2}, [None, "ThrottlingException", None, "ThrottlingException"]),
        ({"every": 2, "times": 1}, [None, "ThrottlingException", None, None]),
        ({"every": 2, "share": 1}, [None, "ThrottlingException", None, "ThrottlingException"]),
        ({"share": 1}, ["ThrottlingException"] * 4),
        ({"access_key_id": "AKIADEMO111122223333"}, ["ThrottlingException"] * 4),
        ({"access_key_id": "AKIAOTHR111122223333"}, [None] * 4),
        ({"service": "bcm-data-exports"}, ["ThrottlingException"] * 4),
        ({"service": "bcm-pricing-calculator", "operation": "*"}, [None] * 4),
        ({"service": "*", "operation": "*"}, ["ThrottlingException"] * 4),
        ({"service": "sts", "operation": "*"}, [None] * 4),
    ],
)
def test_a_rule_strikes_where_and_as_often_as_it_says(emulator, exports, refused, rule, answers):
    emulator.faults.add({"operation": "ListExports", "error": THROTTLED, **rule})
    assert codes(refused, exports.list_exports, 4) == answers


def test_a_failed_call_does_nothing(emulator, exports, definition, refused):
    emulator.faults.add({"operation": "CreateExport", "error": THROTTLED, "times": 1})
    refused(exports.create_export, Export=definition())
    assert exports.list_exports()["Exports"] == []


def test_a_dropped_answer_is_carried_out(emulator, exports, definition):
    emulator.faults.add({"operation": "CreateExport", "drop_answer": True, "times": 1})
    with pytest.raises(ConnectionClosedError):
        exports.create_export(Export=definition())
    assert len(exports.list_exports()["Exports"]) == 1


def test_a_share_of_the_calls_is_struck_the_same_with_the_same_seed(emulator, exports, refused):
    runs = []
    for _ in range(2):
        emulator.faults.clear()
        emulator.faults.add({"operation": "ListExports", "error": THROTTLED, "share": 0.4})
        runs.append(codes(refused, exports.list_exports, 60))
    assert runs[0] == runs[1]
    assert 12 <= sum(code is not None for code in runs[0]) <= 36


@pytest.mark.parametrize(
    ("code", "status", "answered"),
    [("InternalServerException", None, 500), ("SomethingElse", None, 400), ("SomethingElse", 503, 503)],
)
def test_a_rule_can_name_the_status_of_its_error(emulator, exports, refused, code, status, answered):
    error = {"code": code, "status": status} if status else {"code": code}
    emulator.faults.add({"operation": "ListExports", "error": error})
    answer = refused(exports.list_exports)
    assert (answer["code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, answered)


def test_a_reset_connection_is_not_carried_out(emulator, exports, definition):
    emulator.faults.add({"operation": "CreateExport", "reset_connection": True, "times": 1})
    with pytest.raises(HTTPClientError):
        exports.create_export(Export=definition())
    assert exports.list_exports()["Exports"] == []


def test_a_reset_is_tcps_and_a_drop_is_in_good_order(emulator):
    emulator.faults.add({"service": "s3", "operation": "ListBuckets", "reset_connection": True, "times": 1})
    emulator.faults.add({"service": "s3", "operation": "ListBuckets", "drop_answer": True})
    address = urlsplit(emulator.url)
    asked = b"GET /?x-id=ListBuckets HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(asked)
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(asked)
        assert connection.recv(1) == b""


def test_the_log_tells_what_rules_did(emulator, exports, refused):
    emulator.faults.add({"operation": "ListExports", "error": THROTTLED, "times": 1})
    emulator.faults.add({"operation": "ListTables", "reset_connection": True})
    refused(exports.list_exports)
    with pytest.raises(HTTPClientError):
        exports.list_tables()
    exports.list_exports()
    told = [(one["operation"], one["status"], one["error"], one["faults"]) for one in emulator.requests()]
    assert told == [
        ("ListExports", 400, "ThrottlingException", ["error"]),
        ("ListTables", None, None, ["reset_connection"]),
        ("ListExports", 200, None, []),
    ]


@pytest.mark.parametrize(
    ("code", "status"),
    [("SlowDown", 503), ("InternalError", 500), ("ExpiredToken", 400), ("AccessDenied", 403), ("Whatever", 400)],
)
def test_s3_fails_in_its_own_xml(emulator, s3, refused, code, status):
    emulator.faults.add({"service": "s3", "operation": "GetObject", "error": {"code": code, "message": "<m> & so on"}})
    answer = refused(s3.get_object, Bucket="finops-exports-111122223333", Key="a")
    assert (answer["code"], answer["Error"]["Message"]) == (code, "<m> & so on")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == status
    s3.put_object(Bucket="finops-exports-111122223333", Key="a", Body=b"x")


@pytest.mark.parametrize(("code", "status"), [("Throttling", 400), ("ExpiredToken", 403), ("ServiceUnavailable", 503)])
def test_sts_fails_in_its_own_xml(emulator, client, refused, code, status):
    emulator.faults.add({"service": "sts", "operation": "GetCallerIdentity", "error": {"code": code, "message": "m"}})
    answer = refused(client("sts").get_caller_identity)
    assert (answer["code"], answer["Error"]["Message"]) == (code, "m")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == status
    assert answer["Error"]["Type"] == ("Receiver" if status >= 500 else "Sender")


@pytest.mark.parametrize(
    ("service", "call", "operation"),
    [
        ("secretsmanager", "list_secrets", "ListSecrets"),
        ("ec2", "describe_vpcs", "DescribeVpcs"),
        ("iam", "list_users", "ListUsers"),
        ("lambda", "list_functions", "*"),
        ("stepfunctions", "list_state_machines", "ListStateMachines"),
    ],
)
def test_other_services_fail_in_their_own_form(emulator, client, refused, service, call, operation):
    emulator.faults.add(
        {"service": service, "operation": operation, "error": {"code": "AccessDeniedException", "message": "no"}}
    )
    answer = refused(getattr(client(service), call))
    assert (answer["code"], answer["Error"].get("Message", answer.get("message"))) == ("AccessDeniedException", "no")


def test_s3_answers_can_be_slow_dropped_or_cut_off(emulator, s3):
    for effect in ({"delay_seconds": 0.1}, {"drop_answer": True}, {"reset_connection": True}):
        emulator.faults.add({"service": "s3", "operation": "PutObject", "times": 1, **effect})
    started = time.monotonic()
    for body in (b"cut off", b"dropped"):
        with pytest.raises(HTTPClientError):
            s3.put_object(Bucket="finops-exports-111122223333", Key=body.decode().replace(" ", "-"), Body=body)
    assert time.monotonic() - started >= 0.1
    listed = s3.list_objects_v2(Bucket="finops-exports-111122223333")["Contents"]
    assert [entry["Key"] for entry in listed] == ["dropped"]


def test_what_is_newborn_can_be_hidden(emulator, exports, definition, refused):
    emulator.faults.add({"operation": "GetExport", "hide_seconds": 60})
    arn = exports.create_export(Export=definition())["ExportArn"]
    assert refused(exports.get_export, ExportArn=arn)["code"] == "ResourceNotFoundException"
    emulator.clock.advance(61)
    assert exports.get_export(ExportArn=arn)["Export"]["Name"] == "daily"


@pytest.mark.parametrize("reason", ["INSUFFICIENT_PERMISSION", "BILL_OWNER_CHANGED", "INTERNAL_FAILURE", "DEPRECATED"])
@pytest.mark.parametrize("status", ["QUERY_FAILURE", "DELIVERY_FAILURE"])
def test_an_execution_can_fail_with_each_reason(emulator, exports, definition, status, reason):
    emulator.faults.add({"execution": {"status": status, "reason": reason}})
    arn = exports.create_export(Export=definition())["ExportArn"]
    emulator.clock.advance(7 * 3600)
    ended = exports.list_executions(ExportArn=arn)["Executions"][0]["ExecutionStatus"]
    assert (ended["StatusCode"], ended["StatusReason"]) == (status, reason)


def test_a_delay_is_waited_for(emulator, exports):
    emulator.faults.add({"operation": "ListExports", "delay_seconds": 0.2, "times": 1})
    started = time.monotonic()
    exports.list_exports()
    assert time.monotonic() - started >= 0.2


def test_a_rule_for_one_export_leaves_the_others(emulator, exports, definition):
    arns = [exports.create_export(Export=definition(name))["ExportArn"] for name in ("one", "two")]
    emulator.faults.add({"execution": {"status": "QUERY_FAILURE"}, "export": "one", "times": None})
    emulator.clock.advance(7 * 3600)
    ends = [exports.list_executions(ExportArn=arn)["Executions"][0]["ExecutionStatus"]["StatusCode"] for arn in arns]
    assert ends == ["QUERY_FAILURE", "DELIVERY_SUCCESS"]


def test_rules_are_shown_with_what_is_left_of_them(emulator, exports, refused):
    rule = emulator.faults.add({"operation": "ListExports", "error": THROTTLED, "times": 3, "skip": 2})
    left = {"id": rule, "operation": "ListExports", "error": THROTTLED}
    exports.list_exports()
    assert emulator.faults.list() == [{**left, "times": 3, "skip": 1, "matched": 1, "struck": 0}]
    exports.list_exports()
    refused(exports.list_exports)
    assert emulator.faults.list() == [{**left, "times": 2, "skip": 0, "matched": 3, "struck": 1}]


@pytest.mark.parametrize("counts", [{"times": 1}, {"nth": 1}])
def test_a_rule_that_never_strikes_again_is_not_in_force(emulator, exports, refused, counts):
    emulator.faults.add({"operation": "ListExports", "error": THROTTLED, **counts})
    refused(exports.list_exports)
    assert emulator.faults.list() == []


def test_lifted_rules_strike_no_more(emulator, exports):
    emulator.faults.add({"operation": "*", "error": THROTTLED})
    emulator.faults.clear()
    assert exports.list_exports()["Exports"] == []


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"operation": "ListExports"}, "exactly one of"),
        ({"operation": "ListExports", "error": THROTTLED, "drop_answer": True}, "exactly one of"),
        ({"error": THROTTLED}, "operation"),
        ({"operation": "ListExports", "error": {"message": "no code"}}, "code"),
        ({"operation": "ListExports", "error": THROTTLED, "time": 1}, "'time'"),
        ({"operation": "ListExports", "error": THROTTLED, "times": "two"}, "times"),
        ({"execution": {"status": "DELIVERY_SUCCESS"}}, "status"),
        ({"execution": {"status": "QUERY_FAILURE", "reason": "WHIM"}}, "reason"),
        ({"estimate": {}}, "failure_message"),
        ({"estimate": {"failure_message": "m", "status": "FAILED"}}, "estimate has no 'status'"),
        ({"execution": {"status": "QUERY_FAILURE", "reson": "DEPRECATED"}}, "execution has no 'reson'"),
        ({"estimate": {"message": "x"}}, "failure_message"),
        ({"operation": "ListExports", "delay_seconds": "1"}, "delay_seconds"),
        ({"operation": "ListExports", "delay_seconds": float("inf")}, "delay_seconds"),
        ({"operation": "GetExport", "hide_seconds": 1e15}, "hide_seconds"),
        ({"operation": "ListExports", "delay_seconds": 0}, "delay_seconds must be above 0"),
        ({"operation": "GetExport", "hide_seconds": 0}, "hide_seconds must be above 0"),
        ({"operation": "ListExports", "hide_seconds": 1}, "ListExports looks for nothing"),
        ({"operation": "CreateExport", "hide_seconds": 1}, "CreateExport looks for nothing"),
        ({"operation": "ListExports", "drop_answer": "yes"}, "drop_answer"),
        ({"operation": "ListExports", "drop_answer": False}, "drop_answer must be true"),
        ({"operation": "ListExport", "error": THROTTLED}, "'ListExport'"),
        ({"operation": "ListObjects", "error": THROTTLED}, "'ListObjects'"),
        ({"operation": ["ListExports"], "error": THROTTLED}, "operation"),
        ({"service": "s4", "operation": "*", "error": THROTTLED}, "'s4'"),
        ({"service": ["s3"], "operation": "*", "error": THROTTLED}, "service \\['s3'\\]"),
        ({"service": 3, "operation": "*", "error": THROTTLED}, "service 3"),
        ({"service": "s3", "operation": "ListExports", "error": THROTTLED}, "'ListExports'"),
        ({"service": "lambda", "operation": "Invoke", "error": THROTTLED}, r"'\*' for Lambda"),
        ({"service": "*", "operation": "ListExports", "error": THROTTLED}, "'\\*'"),
        ({"operation": "ListExports", "error": {**THROTTLED, "status": 200}}, "status"),
        ({"operation": "ListExports", "error": THROTTLED, "account": "1111"}, "account"),
        ({"operation": "ListExports", "error": THROTTLED, "account": 111122223333}, "account must be a string"),
        ({"operation": "ListExports", "error": THROTTLED, "account": "\u0661" * 12}, "account"),
        ({"operation": "ListExports", "error": THROTTLED, "access_key_id": 7}, "access_key_id"),
        ({"operation": "ListExports", "error": THROTTLED, "access_key_id": ""}, "access_key_id"),
        ({"operation": "ListExports", "error": THROTTLED, "share": 1.5}, "share"),
        ({"operation": "ListExports", "error": THROTTLED, "share": 0}, "share must be above 0"),
        ({"operation": "ListExports", "error": THROTTLED, "times": 0}, "times"),
        ({"operation": "ListExports", "error": THROTTLED, "nth": 3, "every": 2}, "every does not go with"),
        ({"operation": "ListExports", "error": THROTTLED, "nth": 3, "share": 0.5}, "share does not go with"),
        ({"operation": "ListExports", "error": THROTTLED, "every": 0}, "every"),
        ({"operation": "ListExports", "error": THROTTLED, "nth": True}, "nth"),
        ({"operation": "ListExports", "error": THROTTLED, "export": "one"}, "export does not go with error"),
        ({"operation": "GetExport", "hide_seconds": 1, "access_key_id": "x"}, "access_key_id does not go with"),
        ({"estimate": {"failure_message": "m"}, "operation": "*"}, "operation does not go with estimate"),
    ],
)
def test_a_rule_that_is_not_understood_is_refused_in_one_sentence(rule, says):
    with pytest.raises(ValueError, match=says):
        parse_fault(rule, 0)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"error": {"code": ""}}, "with a code"),
        ({"error": {"code": "X\r\nSet-Cookie: a"}}, "with a code"),
        ({"error": {"code": "X", "message": 5}}, "message must be a string"),
        ({"error": {"code": "X", "message": None}}, "message must be a string"),
        ({"error": {"code": "X", "self": 1}}, "'self' is no member of the error X"),
        ({"error": {"code": "ValidationException", "fields": "x"}}, "a list of objects with Name and Message"),
        ({"error": {"code": "ValidationException", "fields": [{"nane": "x"}]}}, "a list of objects"),
        ({"error": {"code": "ValidationException", "reason": "whim"}}, "reason of the error ValidationException"),
        ({"error": {"code": "ThrottlingException", "retryAfterSeconds": "soon"}}, "a whole number"),
        ({"error": {"code": "ThrottlingException", "retryAfterSeconds": 1}, "operation": "GetExport"}, "quotaCode"),
        ({"error": {"code": "X", "retryAfterSeconds": 1}}, "X here; it has code, message, status"),
        ({"error": {"code": "ThrottlingException", "retryAfterSeconds": -1}}, "from 0 to 2147483647"),
        ({"error": {"code": "ThrottlingException", "retryAfterSeconds": 2**31}}, "from 0 to 2147483647"),
        ({"error": {"code": "ValidationException", "a": 1}}, "it has code, message, reason, fields, status"),
        ({"error": {"code": "AccessDeniedException", "message": "a", "Message": "b"}}, "has message twice"),
        ({"error": {"code": "AccessDeniedException", "Message": 5}}, "Message of the error"),
        ({"error": {"code": "X", "retryAfterSeconds": "a\r\nb: c"}, "service": "s3"}, "a whole number"),
        ({"error": {"code": "X", "resourceId": "a"}, "service": "sts"}, "it has code, message, retryAfterSeconds"),
    ],
)
def test_an_error_that_could_not_be_answered_is_refused(rule, says):
    with pytest.raises(ValueError, match=says):
        parse_fault({"operation": "*", **rule}, 0)


def test_an_error_has_its_own_members_in_each_services_case(emulator, exports, calculator, refused):
    problem = {"code": "ValidationException", "reason": "other", "fields": [{"name": "a", "message": "b"}]}
    emulator.faults.add({"operation": "*", "error": problem})
    answer = refused(exports.list_exports)
    assert (answer["Reason"], answer["Fields"]) == ("other", [{"Name": "a", "Message": "b"}])
    answer = refused(calculator.list_bill_scenarios)
    assert (answer["reason"], answer["fieldList"]) == ("other", [{"name": "a", "message": "b"}])


def test_names_of_an_errors_members_may_be_of_either_services_case(emulator, calculator, s3, refused):
    problem = {"Reason": "other", "fieldList": [{"Name": "a", "Message": "b"}], "Message": "no"}
    emulator.faults.add({"operation": "*", "error": {"code": "ValidationException", **problem}})
    answer = refused(calculator.list_bill_scenarios)
    assert (answer["reason"], answer["Error"]["Message"]) == ("other", "no")
    assert answer["fieldList"] == [{"name": "a", "message": "b"}], "a rule was accepted, and its fields dropped"
    emulator.faults.add({"service": "s3", "operation": "*", "error": {"code": "SlowDown", "RetryAfterSeconds": 5}})
    headers = refused(s3.list_buckets)["ResponseMetadata"]["HTTPHeaders"]
    assert headers.get("retry-after") == "5", "a rule was accepted, and its Retry-After dropped"


def test_tags_and_what_builds_on_a_newborn_can_be_hidden_from(emulator, calculator, refused):
    scenario = calculator.create_bill_scenario(name="new")["id"]
    for operation in ("CreateBillEstimate", "ListTagsForResource"):
        emulator.faults.add({"operation": operation, "hide_seconds": 60})
    arn = f"arn:aws:bcm-pricing-calculator:us-east-1:111122223333:bill-scenario/{scenario}"
    for call, params in (
        (calculator.create_bill_estimate, {"billScenarioId": scenario, "name": "e"}),
        (calculator.list_tags_for_resource, {"arn": arn}),
    ):
        assert refused(call, **params)["code"] == "ResourceNotFoundException"
    assert [rule["struck"] for rule in emulator.faults.list()] == [1, 1]
