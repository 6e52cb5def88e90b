"""Both sensors: look first, defer with one absolute deadline, end by a verdict. On the emulator."""

from __future__ import annotations

import time
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import (
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferralError,
    TaskDeferralTimeout,
    TaskDeferred,
)
from tests.unit.bcm.support import StateStore, a_context, a_usage, an_export

from bcm.exceptions import (
    AwsRefusedError,
    BillEstimateFailedError,
    ExecutionFailedError,
    ResourceVanishedError,
    UnknownStatusError,
)
from bcm.sensors.base import DEADLINE_KEY, GRACE
from bcm.sensors.data_exports import BcmExportExecutionSensor
from bcm.sensors.pricing_calculator import BcmBillEstimateSensor
from bcm.statuses import ERRORS
from emulator.server import Emulator

HOUR = 3600.0


@pytest.fixture
def arn(exports: Any) -> str:
    """An export that has not run yet."""
    identifier: str = exports.create_export(Export=an_export())["ExportArn"]
    return identifier


@pytest.fixture
def estimate(calculator: Any) -> str:
    """An estimate in progress."""
    scenario = calculator.create_bill_scenario(name="growth")["id"]
    calculator.batch_create_bill_scenario_usage_modification(billScenarioId=scenario, usageModifications=[a_usage()])
    identifier: str = calculator.create_bill_estimate(billScenarioId=scenario, name="growth")["id"]
    return identifier


def of_estimate(estimate: str, **kwargs: Any) -> BcmBillEstimateSensor:
    return BcmBillEstimateSensor(task_id="t", bill_estimate_id=estimate, **kwargs)


def of_execution(arn: str, **kwargs: Any) -> BcmExportExecutionSensor:
    return BcmExportExecutionSensor(task_id="t", export_arn=arn, **kwargs)


def deferral(sensor: Any, context: Any = None) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as caught:
        sensor.execute(context or a_context(StateStore()))
    return caught.value


@pytest.mark.parametrize("deferrable", [True, False])
def test_what_has_ended_is_returned_without_waiting(emu: Emulator, estimate: str, deferrable: bool) -> None:
    emu.clock.advance(13 * HOUR)
    result = of_estimate(estimate, deferrable=deferrable).execute(a_context(StateStore()))
    assert (result["bill_estimate_id"], result["status"], result["currency"]) == (estimate, "COMPLETE", "USD")
    assert result["estimated_cost"] >= result["historical_cost"] > 0


def test_a_delivered_execution_is_returned_without_waiting(emu: Emulator, exports: Any, arn: str) -> None:
    emu.clock.advance(30 * HOUR)
    emu.settle()
    newest = max(
        exports.list_executions(ExportArn=arn)["Executions"], key=lambda one: one["ExecutionStatus"]["CreatedAt"]
    )
    if newest["ExecutionStatus"]["StatusCode"] != "DELIVERY_SUCCESS":
        emu.clock.advance(3 * HOUR)
        emu.settle()
    result = of_execution(arn).execute(a_context(StateStore()))
    assert (result["export_arn"], result["status"], result["outcome"]) == (arn, "DELIVERY_SUCCESS", "success")


def test_a_deferral_carries_everything_the_wait_needs(emu: Emulator, estimate: str) -> None:
    before = time.time()
    sensor = of_estimate(
        estimate, poke_interval=30, max_wait=timedelta(minutes=5), verify=False, botocore_config={"read_timeout": 20}
    )
    deferred = deferral(sensor)
    path, kwargs = deferred.trigger.serialize()
    assert path == "bcm.triggers.pricing_calculator.BcmBillEstimateTrigger"
    started, deadline = kwargs.pop("started"), kwargs.pop("deadline")
    assert kwargs == {
        "bill_estimate_id": estimate,
        "poke_interval": 30.0,
        "max_wait": 300.0,
        "aws_conn_id": "aws_default",
        "region_name": "us-east-1",
        "verify": False,
        "botocore_config": {"read_timeout": 20},
    }
    assert before <= started <= time.time()
    assert deadline - started == pytest.approx(14 * HOUR)
    assert deferred.method_name == "execute_complete"
    assert deferred.timeout.total_seconds() == pytest.approx(14 * HOUR + GRACE.total_seconds(), abs=10)


def test_the_wait_for_an_execution_carries_what_it_is_about(emu: Emulator, arn: str) -> None:
    sensor = of_execution(arn, since="2026-11-20T06:00:00", export=an_export())
    kwargs = deferral(sensor).trigger.serialize()[1]
    assert (kwargs["export_arn"], kwargs["execution_id"], kwargs["export"]) == (arn, None, an_export())
    assert kwargs["since"] == "2026-11-20T06:00:00+00:00", "a time without a zone is UTC"
    assert kwargs["deadline"] - kwargs["started"] == pytest.approx(36 * HOUR)


@pytest.mark.parametrize("nothing", ["", None, "None"])
def test_a_template_that_renders_to_nothing_is_no_limit(emu: Emulator, arn: str, nothing: str | None) -> None:
    kwargs = deferral(of_execution(arn, since=nothing, execution_id=nothing)).trigger.serialize()[1]
    assert (kwargs["since"], kwargs["execution_id"]) == (None, None)


def test_since_leaves_out_a_delivery_that_was_there_before(emu: Emulator, arn: str) -> None:
    emu.clock.advance(30 * HOUR)
    emu.settle()
    since = (datetime.now(UTC) + timedelta(hours=31)).isoformat()
    deferral(of_execution(arn, since=since))


def test_only_an_execution_of_the_wanted_definition_counts(emu: Emulator, arn: str) -> None:
    emu.clock.advance(30 * HOUR)
    emu.settle()
    other = an_export(S3Prefix="elsewhere")
    deferral(of_execution(arn, export=other))


def test_a_retry_goes_on_with_the_first_deadline(emu: Emulator, estimate: str) -> None:
    store = StateStore()
    first = deferral(of_estimate(estimate, timeout=HOUR), a_context(store, try_number=1))
    time.sleep(0.01)
    second = deferral(of_estimate(estimate, timeout=HOUR), a_context(store, try_number=2))
    assert second.trigger.deadline == first.trigger.deadline
    assert second.trigger.started == first.trigger.started
    assert second.timeout < first.timeout


def test_a_deadline_that_has_passed_does_not_count(emu: Emulator, estimate: str) -> None:
    past = time.time() - 60
    store = StateStore({DEADLINE_KEY: {"started": past - HOUR, "deadline": past}})
    deferred = deferral(of_estimate(estimate, timeout=HOUR), a_context(store))
    assert deferred.trigger.deadline > time.time() + HOUR - 10, "a task cleared after its time-out waits anew"


def test_without_a_state_store_the_wait_works_too(emu: Emulator, estimate: str) -> None:
    assert deferral(of_estimate(estimate), a_context()).trigger.deadline > time.time()


@pytest.mark.parametrize("outcome", ["success", *ERRORS])
def test_the_deadline_is_dropped_at_the_end_whatever_it_was(outcome: str) -> None:
    store = StateStore({DEADLINE_KEY: {"started": 0, "deadline": 9e9}})
    event = {"outcome": outcome, "message": "x"}
    with nullcontext() if outcome == "success" else pytest.raises(ERRORS[outcome]):
        of_estimate("b-1").execute_complete(a_context(store), event)
    assert store == {}


@pytest.mark.parametrize(("outcome", "error"), ERRORS.items())
def test_each_outcome_raises_its_error(outcome: str, error: type[Exception]) -> None:
    event = {"outcome": outcome, "message": f"because of {outcome}"}
    for sensor in (of_estimate("b-1"), of_execution("x-1")):
        with pytest.raises(error, match=f"because of {outcome}") as caught:
            sensor.execute_complete(a_context(StateStore()), event)
        assert type(caught.value) is error


@pytest.mark.parametrize("event", [None, {}, {"outcome": "hooray"}, {"status": "success"}, {"status": "COMPLETE"}])
def test_an_event_that_says_nothing_known_never_succeeds(event: dict[str, Any] | None) -> None:
    for sensor in (of_estimate("b-1"), of_execution("x-1")):
        with pytest.raises(UnknownStatusError):
            sensor.execute_complete(a_context(StateStore()), event)


def test_a_success_is_returned_as_it_came() -> None:
    event = {"outcome": "success", "bill_estimate_id": "b-1", "status": "COMPLETE"}
    assert of_estimate("b-1").execute_complete(a_context(), event) == event


@pytest.mark.parametrize("forgiving", ["soft_fail", "never_fail"])
@pytest.mark.parametrize("outcome", ERRORS)
def test_a_forgiving_sensor_skips_when_it_resumes(forgiving: str, outcome: str) -> None:
    sensor = of_estimate("b-1", **{forgiving: True})
    with pytest.raises(AirflowSkipException):
        sensor.resume_execution("execute_complete", {"event": {"outcome": outcome, "message": "x"}}, a_context())


@pytest.mark.parametrize("forgiving", ["soft_fail", "never_fail"])
def test_a_forgiving_sensor_skips_before_it_defers(emu: Emulator, estimate: str, forgiving: str) -> None:
    emu.faults.add({"operation": "GetBillEstimate", "error": {"code": "AccessDeniedException", "message": "no"}})
    with pytest.raises(AirflowSkipException, match="no"):
        of_estimate(estimate, **{forgiving: True}).execute(a_context(StateStore()))


def test_the_time_out_of_the_framework_is_a_sensors_time_out() -> None:
    next_kwargs = {"error": "Trigger timeout", "traceback": None}
    with pytest.raises(AirflowSensorTimeout):
        of_estimate("b-1").resume_execution("__fail__", next_kwargs, a_context())


def test_a_trigger_that_failed_fails_the_task() -> None:
    next_kwargs = {"error": "Trigger failure", "traceback": ["boom"]}
    with pytest.raises(TaskDeferralError) as caught:
        of_estimate("b-1").resume_execution("__fail__", next_kwargs, a_context())
    assert not isinstance(caught.value, TaskDeferralTimeout)


@pytest.mark.parametrize("deferrable", [True, False])
def test_a_failed_estimate_fails_the_task_with_what_aws_says(emu: Emulator, calculator: Any, deferrable: bool) -> None:
    emu.faults.add({"estimate": {"failure_message": "the bill is not final"}})
    scenario = calculator.create_bill_scenario(name="s")["id"]
    calculator.batch_create_bill_scenario_usage_modification(billScenarioId=scenario, usageModifications=[a_usage()])
    estimate = calculator.create_bill_estimate(billScenarioId=scenario, name="e")["id"]
    emu.clock.advance(13 * HOUR)
    with pytest.raises(BillEstimateFailedError, match="the bill is not final"):
        of_estimate(estimate, deferrable=deferrable).execute(a_context(StateStore()))


def test_a_failed_execution_fails_the_task_with_the_reason(emu: Emulator, exports: Any) -> None:
    emu.faults.add({"execution": {"status": "DELIVERY_FAILURE", "reason": "INSUFFICIENT_PERMISSION"}})
    arn = exports.create_export(Export=an_export())["ExportArn"]
    emu.clock.advance(30 * HOUR)
    emu.settle()
    with pytest.raises(ExecutionFailedError, match=r"DELIVERY_FAILURE \(INSUFFICIENT_PERMISSION: .*policy"):
        of_execution(arn).execute(a_context(StateStore()))


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerException", "ExpiredTokenException"])
def test_a_first_look_that_aws_does_not_answer_defers_all_the_same(emu: Emulator, estimate: str, code: str) -> None:
    emu.faults.add({"operation": "GetBillEstimate", "error": {"code": code}})
    deferral(of_estimate(estimate))


def test_what_the_first_look_does_not_find_may_be_too_new_to_be_seen(emu: Emulator, estimate: str) -> None:
    emu.faults.add({"operation": "GetBillEstimate", "times": 1, "error": {"code": "ResourceNotFoundException"}})
    deferral(of_estimate(estimate))


def test_what_a_poke_does_not_find_has_vanished(emu: Emulator) -> None:
    missing = "11111111-2222-3333-4444-555555555555"
    with pytest.raises(ResourceVanishedError, match=missing):
        of_estimate(missing, deferrable=False).execute(a_context(StateStore()))


@pytest.mark.parametrize("deferrable", [True, False])
def test_a_first_look_that_aws_refuses_fails_at_once(emu: Emulator, estimate: str, deferrable: bool) -> None:
    emu.faults.add({"operation": "GetBillEstimate", "error": {"code": "AccessDeniedException", "message": "no"}})
    with pytest.raises(AwsRefusedError, match=f"Looking for bill estimate {estimate}: .*AccessDenied.*no"):
        of_estimate(estimate, deferrable=deferrable).execute(a_context(StateStore()))


def test_the_link_is_there_while_the_task_is_deferred(emu: Emulator, estimate: str) -> None:
    context = a_context(StateStore())
    deferral(of_estimate(estimate), context)
    assert context["ti"].pushed["bcm_pricing_calculator"]["region_name"] == "us-east-1"


def test_poking_goes_on_until_the_end(emu: Emulator, estimate: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        emu.clock.advance(5 * HOUR)

    monkeypatch.setattr("airflow.sdk.bases.sensor.time.sleep", sleep)
    emu.faults.add({"operation": "GetBillEstimate", "times": 1, "error": {"code": "ThrottlingException"}})
    result = of_estimate(estimate, deferrable=False, poke_interval=7).execute(a_context(StateStore()))
    assert result["status"] == "COMPLETE"
    assert set(pauses) == {7.0}


def test_poking_ends_at_the_timeout(emu: Emulator, estimate: str) -> None:
    with pytest.raises(AirflowSensorTimeout):
        of_estimate(estimate, deferrable=False, poke_interval=0.01, timeout=0.02).execute(a_context(StateStore()))


def test_rescheduling_frees_the_worker(emu: Emulator, estimate: str) -> None:
    sensor = of_estimate(estimate, deferrable=False, mode="reschedule", poke_interval=120)
    before = datetime.now(UTC)
    with pytest.raises(AirflowRescheduleException) as caught:
        sensor.execute(a_context(StateStore()))
    assert (caught.value.reschedule_date - before).total_seconds() == pytest.approx(120, abs=10)


def test_an_emulated_wait_ends_in_a_real_trigger(emu: Emulator, estimate: str) -> None:
    """The real trigger with the real aiobotocore client, alone: nothing between them is faked."""
    import asyncio

    sensor = of_estimate(estimate, poke_interval=0.02, max_wait=0.02, timeout=20)
    trigger = deferral(sensor).trigger
    emu.clock.advance(13 * HOUR)

    async def first() -> Any:
        async for event in trigger.run():
            return event
        return None

    event = asyncio.run(asyncio.wait_for(first(), 15))
    assert sensor.execute_complete(a_context(StateStore()), event.payload)["status"] == "COMPLETE"


def test_an_impossible_combination_is_refused_when_the_dag_is_parsed() -> None:
    with pytest.raises(ValueError, match="mutually exclusive"):
        of_estimate("b-1", soft_fail=True, never_fail=True)
