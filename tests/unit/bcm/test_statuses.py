"""Every status that either service can report has an outcome: a verdict, and an error class in the task."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from airflow.sdk.exceptions import AirflowException, AirflowSensorTimeout

from bcm import exceptions
from bcm.exactly_once import UNUSABLE
from bcm.operators.pricing_calculator import BcmCreateBillEstimateOperator
from bcm.statuses import ERRORS, REASONS, judge_estimate, judge_execution, raise_unless_success

ARN = "arn:aws:bcm-data-exports:us-east-1:111122223333:export/cur2-daily-1"
MEND = "AWS has changed this list: decide what the status means in plugins/bcm/statuses.py, then name it here"


def enum(service: str, shape: str) -> list[str]:
    """The values that botocore's model of a service gives a shape."""
    return list(botocore.session.get_session().get_service_model(service).shape_for(shape).enum)


#: None waits on, "success" succeeds, a class is raised in the task.
EXECUTIONS: dict[str, Any] = {
    "INITIATION_IN_PROCESS": None,
    "QUERY_QUEUED": None,
    "QUERY_IN_PROCESS": None,
    "DELIVERY_IN_PROCESS": None,
    "DELIVERY_SUCCESS": "success",
    "QUERY_FAILURE": exceptions.ExecutionFailedError,
    "DELIVERY_FAILURE": exceptions.ExecutionFailedError,
    "A_STATUS_OF_TOMORROW": exceptions.UnknownStatusError,
}
ESTIMATES: dict[str, Any] = {
    "IN_PROGRESS": None,
    "COMPLETE": "success",
    "FAILED": exceptions.BillEstimateFailedError,
    "A_STATUS_OF_TOMORROW": exceptions.UnknownStatusError,
}
SCENARIOS: dict[str, Any] = {
    "READY": "success",
    "LOCKED": exceptions.ScenarioLockedError,
    "FAILED": exceptions.BillScenarioUnusableError,
    "STALE": exceptions.BillScenarioUnusableError,
    "A_STATUS_OF_TOMORROW": exceptions.BillScenarioUnusableError,
}


@pytest.mark.parametrize(
    ("service", "shape", "table"),
    [
        ("bcm-data-exports", "ExecutionStatusCode", EXECUTIONS),
        ("bcm-data-exports", "ExecutionStatusReason", {**REASONS, "A_STATUS_OF_TOMORROW": None}),
        ("bcm-pricing-calculator", "BillEstimateStatus", ESTIMATES),
        ("bcm-pricing-calculator", "BillScenarioStatus", SCENARIOS),
    ],
)
def test_the_tables_name_exactly_the_statuses_of_the_service_model(
    service: str, shape: str, table: dict[str, Any]
) -> None:
    assert sorted(enum(service, shape)) == sorted(table.keys() - {"A_STATUS_OF_TOMORROW"}), f"{shape}: {MEND}"


def check_outcome(verdict: dict[str, Any] | None, expected: Any, status: str) -> None:
    if expected is None:
        assert verdict is None, f"{status} is in progress: the wait must go on"
        return
    assert verdict is not None, f"{status} would be awaited until the deadline: give it a verdict"
    assert verdict["status"] == status
    assert json.loads(json.dumps(verdict)) == verdict, "a verdict travels as JSON through the triggerer's event"
    assert len(json.dumps(verdict)) < 1024, "an event is kept small: it is stored in Airflow's database"
    if expected == "success":
        assert raise_unless_success(verdict) == verdict
    else:
        with pytest.raises(expected) as caught:
            raise_unless_success(verdict)
        assert type(caught.value) is expected
        assert status in str(caught.value), "the message must name the status"


@pytest.mark.parametrize("reason", [*REASONS, None, "A_REASON_OF_TOMORROW"])
@pytest.mark.parametrize("code", EXECUTIONS)
def test_every_execution_status_has_an_outcome(code: str, reason: str | None) -> None:
    moment = datetime(2026, 11, 20, tzinfo=UTC)
    status = {"StatusCode": code, "CreatedAt": moment, "LastUpdatedAt": moment}
    if reason:
        status["StatusReason"] = reason
    verdict = judge_execution(ARN, {"ExecutionId": "e-1", "ExecutionStatus": status})
    check_outcome(verdict, EXECUTIONS[code], code)
    if code.endswith("FAILURE") and reason:
        assert reason in verdict["message"]


@pytest.mark.parametrize("code", EXECUTIONS)
def test_an_execution_status_without_times_has_an_outcome_too(code: str) -> None:
    verdict = judge_execution(ARN, {"ExecutionId": "e-1", "ExecutionStatus": {"StatusCode": code}})
    check_outcome(verdict, EXECUTIONS[code], code)


@pytest.mark.parametrize("summary", [None, {}, {"totalCostDifference": {}}])
@pytest.mark.parametrize("status", ESTIMATES)
def test_every_estimate_status_has_an_outcome(status: str, summary: dict[str, Any] | None) -> None:
    estimate = {"id": "11112222-3333", "name": "growth", "status": status, "costSummary": summary}
    check_outcome(judge_estimate(estimate), ESTIMATES[status], status)


def test_a_completed_estimate_carries_both_costs() -> None:
    total = {
        "historicalCost": {"amount": 10.5, "currency": "USD"},
        "estimatedCost": {"amount": 12.0, "currency": "USD"},
    }
    verdict = judge_estimate({"id": "1", "status": "COMPLETE", "costSummary": {"totalCostDifference": total}})
    assert (verdict["historical_cost"], verdict["estimated_cost"], verdict["currency"]) == (10.5, 12.0, "USD")


def test_a_failed_estimate_carries_the_failure_message_of_aws() -> None:
    verdict = judge_estimate({"id": "1", "status": "FAILED", "failureMessage": "no usage in the bill"})
    with pytest.raises(exceptions.BillEstimateFailedError, match=r"no usage in the bill.*not billed"):
        raise_unless_success(verdict)


@pytest.mark.parametrize("status", SCENARIOS)
def test_every_scenario_status_has_an_outcome(status: str) -> None:
    class Hook:
        def get_or_none(self, kind: str, identifier: str) -> dict[str, Any]:
            return {"id": identifier, "name": "growth", "status": status}

    operator = BcmCreateBillEstimateOperator(task_id="t", bill_scenario_id="s-1", name="growth")
    operator.__dict__["hook"] = Hook()
    if SCENARIOS[status] == "success":
        assert operator.usable_scenario("s-1")["status"] == status
    else:
        with pytest.raises(SCENARIOS[status], match=f"growth.*s-1.*{status}"):
            operator.usable_scenario("s-1")


def test_what_is_unusable_is_a_status_that_aws_has() -> None:
    assert UNUSABLE["bill_estimate"] <= set(ESTIMATES)
    assert UNUSABLE["bill_scenario"] <= set(SCENARIOS)


@pytest.mark.parametrize("verdict", [None, {}, {"outcome": None}, {"outcome": "hooray"}, {"status": "success"}])
def test_an_event_without_a_known_outcome_never_counts_as_success(verdict: dict[str, Any] | None) -> None:
    with pytest.raises(exceptions.UnknownStatusError, match="without a known outcome"):
        raise_unless_success(verdict)


@pytest.mark.parametrize(("outcome", "error"), ERRORS.items())
def test_each_outcome_raises_its_error_with_its_message(outcome: str, error: type[AirflowException]) -> None:
    with pytest.raises(error, match="because of the moon") as caught:
        raise_unless_success({"outcome": outcome, "message": "because of the moon"})
    assert type(caught.value) is error


def test_a_timeout_is_the_error_after_which_airflow_never_retries_a_sensor() -> None:
    assert ERRORS["timeout"] is AirflowSensorTimeout
