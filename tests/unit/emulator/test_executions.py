"""Executions: when they run, how they go, how they fail."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from emulator.data_exports.executions import periods

HOUR, DAY = 3600, 86400
BUCKET = "finops-exports-111122223333"


@pytest.fixture
def arn(exports, definition):
    return exports.create_export(Export=definition())["ExportArn"]


@pytest.fixture
def executions(exports):
    def listed(arn):
        pages = exports.get_paginator("list_executions").paginate(ExportArn=arn)
        return [execution for page in pages for execution in page["Executions"]]

    return listed


def test_nothing_runs_in_the_first_hour(emulator, executions, arn):
    emulator.clock.advance(0.9 * HOUR)
    assert executions(arn) == []


def test_the_first_run_is_delivered_within_a_day(emulator, executions, arn):
    emulator.clock.advance(7 * HOUR)
    assert [run["ExecutionStatus"]["StatusCode"] for run in executions(arn)] == ["DELIVERY_SUCCESS"]


def test_a_run_walks_through_all_statuses(emulator, executions, arn):
    seen, runs = [], []
    while "DELIVERY_SUCCESS" not in seen:
        emulator.clock.advance(10 if runs else 60)
        runs = executions(arn)
        if runs and runs[0]["ExecutionStatus"]["StatusCode"] not in seen[-1:]:
            seen.append(runs[0]["ExecutionStatus"]["StatusCode"])
    assert seen == [
        "INITIATION_IN_PROCESS",
        "QUERY_QUEUED",
        "QUERY_IN_PROCESS",
        "DELIVERY_IN_PROCESS",
        "DELIVERY_SUCCESS",
    ]


def test_there_are_up_to_three_runs_a_day(emulator, executions, arn):
    emulator.clock.advance(9 * DAY)
    assert 9 * 2 <= len(executions(arn)) <= 9 * 3


def test_a_run_takes_minutes(emulator, executions, arn):
    emulator.clock.advance(2 * DAY)
    for run in executions(arn)[1:]:
        status = run["ExecutionStatus"]
        assert 5 * 60 <= (status["LastUpdatedAt"] - status["CreatedAt"]).total_seconds() <= 40 * 60


def test_executions_are_listed_newest_first_in_pages(emulator, exports, executions, arn):
    emulator.clock.advance(3 * DAY)
    moments = [run["ExecutionStatus"]["CreatedAt"] for run in executions(arn)]
    assert moments == sorted(moments, reverse=True)
    assert len(exports.list_executions(ExportArn=arn, MaxResults=2)["Executions"]) == 2


def test_completed_at_is_there_sometimes(emulator, executions, arn):
    emulator.clock.advance(5 * DAY)
    present = {"CompletedAt" in run["ExecutionStatus"] for run in executions(arn)[1:]}
    assert present == {True, False}


def test_an_execution_keeps_the_definition_it_ran_with(emulator, exports, executions, arn, definition):
    emulator.clock.advance(7 * HOUR)
    exports.update_export(ExportArn=arn, Export=definition(columns="line_item_usage_type"))
    old = exports.get_execution(ExportArn=arn, ExecutionId=executions(arn)[-1]["ExecutionId"])
    emulator.clock.advance(DAY)
    new = exports.get_execution(ExportArn=arn, ExecutionId=executions(arn)[0]["ExecutionId"])
    statements = [run["Export"]["DataQuery"]["QueryStatement"] for run in (old, new)]
    assert statements == [
        "SELECT line_item_usage_account_id, line_item_unblended_cost FROM COST_AND_USAGE_REPORT",
        "SELECT line_item_usage_type FROM COST_AND_USAGE_REPORT",
    ]


def test_an_unknown_execution_is_not_found(exports, arn, refused):
    answer = refused(exports.get_execution, ExportArn=arn, ExecutionId="none")
    assert (answer["code"], answer["ResourceType"]) == ("ResourceNotFoundException", "Execution")


def test_a_deleted_export_runs_no_more(emulator, exports, keys, arn):
    exports.delete_export(ExportArn=arn)
    emulator.clock.advance(2 * DAY)
    assert keys() == {}


def test_the_latest_delivery_refreshes_the_export(emulator, exports, executions, arn):
    emulator.clock.advance(7 * HOUR)
    latest = executions(arn)[0]["ExecutionStatus"]["LastUpdatedAt"]
    assert exports.get_export(ExportArn=arn)["ExportStatus"]["LastRefreshedAt"] == latest


@pytest.mark.parametrize("status", ["QUERY_FAILURE", "DELIVERY_FAILURE"])
def test_a_fault_fails_a_run(emulator, exports, executions, arn, status):
    emulator.faults.add(
        {"execution": {"status": status, "reason": "BILL_OWNER_CHANGED"}, "export": "daily", "times": 1}
    )
    emulator.clock.advance(7 * HOUR)
    failed = executions(arn)[0]["ExecutionStatus"]
    assert (failed["StatusCode"], failed["StatusReason"]) == (status, "BILL_OWNER_CHANGED")
    health = exports.get_export(ExportArn=arn)["ExportStatus"]
    assert (health["StatusCode"], health["StatusReason"]) == ("UNHEALTHY", "BILL_OWNER_CHANGED")


def test_the_run_after_a_failure_heals_the_export(emulator, exports, arn):
    emulator.faults.add({"execution": {"status": "QUERY_FAILURE"}, "times": 1})
    emulator.clock.advance(DAY)
    assert exports.get_export(ExportArn=arn)["ExportStatus"]["StatusCode"] == "HEALTHY"


def test_a_bucket_that_was_closed_fails_the_delivery(emulator, s3, exports, executions, keys, arn):
    s3.delete_bucket_policy(Bucket=BUCKET)
    emulator.clock.advance(7 * HOUR)
    failed = executions(arn)[0]["ExecutionStatus"]
    assert (failed["StatusCode"], failed["StatusReason"]) == ("DELIVERY_FAILURE", "INSUFFICIENT_PERMISSION")
    assert exports.get_export(ExportArn=arn)["ExportStatus"]["StatusCode"] == "UNHEALTHY"
    assert keys() == {}


@pytest.mark.parametrize(
    ("table", "day", "covered"),
    [
        ("COST_AND_USAGE_REPORT", 20, [date(2026, 11, 1)]),
        ("COST_AND_USAGE_REPORT", 14, [date(2026, 10, 1), date(2026, 11, 1)]),
        ("FOCUS_1_2_AWS", 15, [date(2026, 11, 1)]),
        ("COST_OPTIMIZATION_RECOMMENDATIONS", 20, [date(2026, 11, 20)]),
        ("CARBON_EMISSIONS", 20, [date(2026, 10, 1)]),
    ],
)
def test_which_partitions_a_run_covers(table, day, covered):
    assert periods(table, datetime(2026, 11, day, 12, tzinfo=UTC)) == covered
