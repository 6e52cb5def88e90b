"""The check of the ledger finds whatever is lost or doubled, each by a sentence of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.chaos.check import faults
from tests.chaos.ledger import Account, Outcome
from tests.chaos.workload import Launch, Workload

EXPORT = Launch("export", "daily", "run-1")
DOOMED = Launch("export", "doomed", "run-2")
ESTIMATE = Launch("estimate", "growth", "run-3")
FAILING = Launch("estimate", "growth", "run-4")
WORK = Workload(
    {"daily": {}, "doomed": {}},
    {"growth": {"usage_modifications": [{}, {}], "commitment_modifications": [{}]}},
    "doomed",
    [EXPORT, DOOMED, ESTIMATE, FAILING],
)
RUNS = {
    "export": Outcome(EXPORT, "success", made="arn:daily", awaited="execution-1", reports=("s3://r/1",)),
    "doomed": Outcome(DOOMED, "failed", made="arn:doomed", failed=("await_execution",)),
    "estimate": Outcome(
        ESTIMATE, "success", made="estimate-1", scenario="scenario-1", awaited="estimate-1", reports=("s3://r/2",)
    ),
    "failing": Outcome(FAILING, "failed", made="estimate-2", scenario="scenario-2", failed=("await_estimate",)),
}
AWS = Account(
    exports={"daily": "arn:daily", "doomed": "arn:doomed"},
    executions={
        "arn:daily": {"execution-1": "DELIVERY_SUCCESS", "execution-2": "QUERY_IN_PROCESS"},
        "arn:doomed": {"execution-3": "DELIVERY_FAILURE"},
    },
    estimates={"estimate-1": ("growth-a", "COMPLETE"), "estimate-2": ("growth-b", "FAILED")},
    scenarios={"scenario-1": (2, 1), "scenario-2": (2, 1)},
    objects=frozenset({"s3://r/1", "s3://r/2"}),
    created={("CreateExport", "daily"): 1, ("CreateBillEstimate", "growth-a"): 1},
    changed={"UpdateExport": 0, "DeleteExport": 0},
    charged=1,
)


def found(aws: Account = AWS, **changed: dict[str, Any]) -> list[str]:
    runs = [replace(run, **changed.get(name, {})) for name, run in RUNS.items()]
    return faults(WORK, runs, aws)


def test_what_is_as_it_must_be_has_no_fault() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"export": {"state": "running"}}, "run-1 did not end: it is running."),
        ({"export": {"state": ""}}, "run-1 did not end: it is unknown to Airflow."),
        ({"export": {"reports": ()}}, "run-1 succeeded without a report."),
        ({"export": {"reports": ("s3://r/9",)}}, "run-1 succeeded, but its report s3://r/9 is not there."),
        ({"export": {"made": "arn:other"}}, "run-1 took arn:other for its export, which is arn:daily."),
        (
            {"export": {"awaited": "execution-2"}},
            "run-1 succeeded with execution execution-2, which is QUERY_IN_PROCESS.",
        ),
        (
            {"export": {"awaited": "execution-3"}},
            "run-1 succeeded with execution execution-3, which is unknown to AWS.",
        ),
        (
            {"export": {"state": "failed", "failed": ("ensure_export",)}},
            "run-1 failed (ensure_export), but AWS has not failed an execution of daily.",
        ),
        ({"doomed": {"failed": ("ensure_export",)}}, "run-2 failed by ensure_export instead of await_execution."),
        (
            {"doomed": {"state": "success", "awaited": "execution-3", "reports": ("s3://r/1",)}},
            "run-2 succeeded with execution execution-3, which is DELIVERY_FAILURE.",
        ),
        ({"failing": {"failed": ()}}, "run-4 failed by no task instead of await_estimate."),
        ({"estimate": {"scenario": ""}}, "run-3 has no bill scenario in AWS."),
    ],
)
def test_a_run_that_did_not_end_as_it_must_is_told(changed: dict[str, Any], sentence: str) -> None:
    assert sentence in found(**changed)


def test_a_run_that_failed_although_its_estimate_is_complete_is_told() -> None:
    told = found(estimate={"state": "failed", "failed": ("create_estimate",)})
    assert "run-3 failed (create_estimate), but its bill estimate estimate-1 is COMPLETE." in told
    assert "AWS charges 1 bill estimates for 0 runs that succeeded." in told


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"exports": {**AWS.exports, "daily-2": "arn:2"}}, "Export daily-2 belongs to no definition: one too many."),
        ({"created": {("CreateExport", "daily"): 2}}, "CreateExport has made daily 2 times."),
        (
            {"estimates": {**AWS.estimates, "estimate-9": ("growth-a-2", "COMPLETE")}},
            "Bill estimate growth-a-2 (estimate-9, COMPLETE) belongs to no run: one too many.",
        ),
        (
            {"estimates": {**AWS.estimates, "estimate-9": ("growth-a-2", "FAILED")}},
            "Bill estimate growth-a-2 (estimate-9, FAILED) belongs to no run: one too many.",
        ),
        (
            {"scenarios": {**AWS.scenarios, "scenario-9": (2, 1)}},
            "Bill scenario scenario-9 belongs to no run: one too many.",
        ),
        (
            {"scenarios": {**AWS.scenarios, "scenario-1": (4, 1)}},
            "run-3: its bill scenario has (4, 1) modifications, not (2, 1).",
        ),
        ({"charged": 2}, "AWS charges 2 bill estimates for 1 runs that succeeded."),
        ({"changed": {"DeleteExport": 1}}, "DeleteExport was called 1 times; nobody asked for it."),
    ],
)
def test_what_aws_has_too_many_of_is_told(changed: dict[str, Any], sentence: str) -> None:
    assert found(replace(AWS, **changed)) == [sentence]


def test_an_export_that_is_gone_is_told() -> None:
    assert found(replace(AWS, exports={"doomed": "arn:doomed"})) == ["run-1: there is no export daily."]


def test_an_estimate_of_two_runs_is_told() -> None:
    told = found(failing={"state": "success", "made": "estimate-1", "awaited": "estimate-1", "reports": ("s3://r/2",)})
    assert "Bill estimate estimate-1 is that of 2 runs." in told
    assert "AWS charges 1 bill estimates for 2 runs that succeeded." in told


def test_an_estimate_that_aws_failed_may_be_made_anew() -> None:
    estimates = {**AWS.estimates, "estimate-0": ("growth-a", "FAILED"), "estimate-1": ("growth-a-2", "COMPLETE")}
    assert found(replace(AWS, estimates=estimates)) == []
