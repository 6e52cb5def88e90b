"""Executions: when they run, how they go, how they fail."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import boto3
import pytest

from emulator.data_exports.executions import next_run, periods
from emulator.server import running

HOUR, DAY = 3600, 86400
PAYER, BUCKET = "111122223333", "finops-exports-111122223333"
KEYS = {"aws_access_key_id": f"AKIADEMO{PAYER}", "aws_secret_access_key": "x"}


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
@pytest.mark.parametrize("reason", ["INSUFFICIENT_PERMISSION", "BILL_OWNER_CHANGED", "INTERNAL_FAILURE", "DEPRECATED"])
def test_a_fault_fails_a_run(emulator, exports, executions, keys, arn, status, reason):
    emulator.faults.add({"execution": {"status": status, "reason": reason}, "export": "daily", "times": 1})
    emulator.clock.advance(7 * HOUR)
    failed = executions(arn)[0]["ExecutionStatus"]
    assert (failed["StatusCode"], failed["StatusReason"], "CompletedAt" in failed) == (status, reason, False)
    health = exports.get_export(ExportArn=arn)["ExportStatus"]
    assert (health["StatusCode"], health["StatusReason"], "LastRefreshedAt" in health) == ("UNHEALTHY", reason, False)
    assert keys() == {}


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


CUR, DAILY, MONTHLY = "COST_AND_USAGE_REPORT", "COST_OPTIMIZATION_RECOMMENDATIONS", "CARBON_EMISSIONS"


@pytest.mark.parametrize(
    ("table", "day", "covered"),
    [
        (CUR, 20, [date(2026, 11, 1)]),
        (CUR, 14, [date(2026, 10, 1), date(2026, 11, 1)]),
        ("FOCUS_1_2_AWS", 15, [date(2026, 11, 1)]),
        ("COST_AND_USAGE_DASHBOARD", 1, [date(2026, 10, 1), date(2026, 11, 1)]),
        (DAILY, 20, [date(2026, 11, 20)]),
        (MONTHLY, 20, [date(2026, 10, 1)]),
        (MONTHLY, 14, [date(2026, 9, 1)]),
    ],
)
def test_which_partitions_a_run_covers(table, day, covered):
    assert periods(table, datetime(2026, 11, day, 12, tzinfo=UTC)) == covered


def test_new_emissions_come_with_the_38_months_that_are_published():
    covered = periods(MONTHLY, datetime(2026, 11, 20, tzinfo=UTC), is_first=True)
    assert (len(covered), covered[0], covered[1], covered[-1]) == (
        38,
        date(2023, 9, 1),
        date(2023, 10, 1),
        date(2026, 10, 1),
    )


def test_other_tables_begin_with_what_every_run_covers():
    at = datetime(2026, 11, 20, tzinfo=UTC)
    assert all(periods(table, at, is_first=True) == periods(table, at) for table in (CUR, DAILY))


def _runs(table, days):
    """The runs of a table's export in so many days after the 20th of January, with any luck that the draw gives."""
    draw, at, runs = random.Random(1), datetime(2026, 1, 20, 3, tzinfo=UTC), []
    end = at + timedelta(days=days)
    while at < end:
        runs.append(at)
        at = next_run(table, at, draw)
    return runs


def test_cost_tables_run_at_least_daily_and_at_most_three_times():
    runs = Counter(run.date() for run in _runs(CUR, 400))
    assert set(list(runs.values())[1:-1]) == {2, 3}


def test_recommendations_come_once_a_day():
    days = [run.date() for run in _runs(DAILY, 400)]
    assert [later - earlier for earlier, later in pairwise(days)] == [timedelta(days=1)] * 399


def test_emissions_come_once_a_month_up_to_three_weeks_late():
    runs = _runs(MONTHLY, 1000)
    covered = [periods(MONTHLY, run)[0] for run in runs]
    assert ({15 <= run.day <= 21 for run in runs[1:]}, len(set(covered)), len(covered)) == ({True}, 33, 33)


def test_the_same_seed_gives_the_same_ids(definition):
    seen = []
    for _ in range(2):
        with running(start="2026-11-20T06:00:00Z", rows=100, buckets=[f"{PAYER}/{BUCKET}"]) as emulator:
            exports = boto3.client("bcm-data-exports", endpoint_url=emulator.url, region_name="us-east-1", **KEYS)
            arn = exports.create_export(Export=definition())["ExportArn"]
            emulator.clock.advance(DAY)
            seen.append((arn, [run["ExecutionId"] for run in exports.list_executions(ExportArn=arn)["Executions"]]))
    assert seen[0] == seen[1]


def test_an_export_that_is_made_again_has_ids_of_its_own(emulator, exports, executions, definition):
    ids = []
    for _ in range(2):
        arn = exports.create_export(Export=definition())["ExportArn"]
        emulator.clock.advance(DAY)
        ids += [arn, *(run["ExecutionId"] for run in executions(arn))]
        exports.delete_export(ExportArn=arn)
    assert len(ids) == len(set(ids)) > 4
