"""Looking first, poking and rescheduling, on the emulator."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from tests.unit.bcm.sensors.support import HOUR, deferral, of_estimate, of_execution
from tests.unit.bcm.support import StateStore, a_context, a_usage, an_export

from bcm.exceptions import (
    AwsRefusedError,
    BillEstimateFailedError,
    ExecutionFailedError,
)
from emulator.server import Emulator


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


@pytest.mark.parametrize("forgiving", ["soft_fail", "never_fail"])
def test_a_forgiving_sensor_skips_before_it_defers(emu: Emulator, estimate: str, forgiving: str) -> None:
    emu.faults.add({"operation": "GetBillEstimate", "error": {"code": "AccessDeniedException", "message": "no"}})
    with pytest.raises(AirflowSkipException, match="no"):
        of_estimate(estimate, **{forgiving: True}).execute(a_context(StateStore()))


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


@pytest.mark.parametrize("deferrable", [True, False])
def test_a_first_look_that_aws_refuses_fails_at_once(emu: Emulator, estimate: str, deferrable: bool) -> None:
    emu.faults.add({"operation": "GetBillEstimate", "error": {"code": "AccessDeniedException", "message": "no"}})
    with pytest.raises(AwsRefusedError, match=f"Looking for bill estimate {estimate}: .*AccessDenied.*no"):
        of_estimate(estimate, deferrable=deferrable).execute(a_context(StateStore()))


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
