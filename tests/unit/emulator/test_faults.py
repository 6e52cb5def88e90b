"""Fault rules: what they do, to whom, how often."""

from __future__ import annotations

import time

import pytest
from botocore.exceptions import ConnectionClosedError

from emulator.fault_rules import parse_fault

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
    rule = emulator.faults.add({"operation": "ListExports", "error": THROTTLED, "times": 3})
    refused(exports.list_exports)
    assert emulator.faults.list() == [
        {"id": rule, "operation": "ListExports", "times": 2, "skip": 0, "error": THROTTLED}
    ]


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
        ({"estimate": {}}, "exactly one of"),
        ({"estimate": {"message": "x"}}, "failure_message"),
        ({"operation": "ListExports", "delay_seconds": "1"}, "delay_seconds"),
    ],
)
def test_a_rule_that_is_not_understood_is_refused_in_one_sentence(rule, says):
    with pytest.raises(ValueError, match=says):
        parse_fault(rule, 0)
