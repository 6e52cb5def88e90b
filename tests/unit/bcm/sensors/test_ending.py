"""How a wait ends: each event and each failure has its outcome in the task."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
from airflow.sdk.exceptions import (
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferralError,
    TaskDeferralTimeout,
)
from tests.unit.bcm.sensors.support import of_estimate, of_execution
from tests.unit.bcm.support import StateStore, a_context

from bcm.exceptions import (
    UnknownStatusError,
)
from bcm.sensors.memory import WAIT_KEY
from bcm.statuses import ERRORS
from emulator.server import Emulator


@pytest.mark.parametrize("outcome", ["success", *ERRORS])
def test_the_deadline_is_dropped_at_the_end_whatever_it_was(outcome: str) -> None:
    store = StateStore({WAIT_KEY: {"started": 0, "deadline": 9e9}})
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


def test_a_task_that_resumes_asks_aws_nothing(emu: Emulator) -> None:
    """Whoever resumes waits for a worker slot once more, and must not hold it."""
    event = {"outcome": "success", "bill_estimate_id": "b-1", "status": "COMPLETE"}
    sensor = of_estimate("b-1", expected_account_id="111122223333")
    sensor.resume_execution("execute_complete", {"event": event}, a_context(StateStore()))
    assert emu.requests() == []


@pytest.mark.parametrize("forgiving", ["soft_fail", "never_fail"])
@pytest.mark.parametrize("outcome", ERRORS)
def test_a_forgiving_sensor_skips_when_it_resumes(forgiving: str, outcome: str) -> None:
    sensor = of_estimate("b-1", **{forgiving: True})
    with pytest.raises(AirflowSkipException):
        sensor.resume_execution("execute_complete", {"event": {"outcome": outcome, "message": "x"}}, a_context())


def test_the_time_out_of_the_framework_is_a_sensors_time_out() -> None:
    next_kwargs = {"error": "Trigger timeout", "traceback": None}
    with pytest.raises(AirflowSensorTimeout):
        of_estimate("b-1").resume_execution("__fail__", next_kwargs, a_context())


def test_a_trigger_that_failed_fails_the_task() -> None:
    next_kwargs = {"error": "Trigger failure", "traceback": ["boom"]}
    with pytest.raises(TaskDeferralError) as caught:
        of_estimate("b-1").resume_execution("__fail__", next_kwargs, a_context())
    assert not isinstance(caught.value, TaskDeferralTimeout)


def test_an_impossible_combination_is_refused_when_the_dag_is_parsed() -> None:
    with pytest.raises(ValueError, match="mutually exclusive"):
        of_estimate("b-1", soft_fail=True, never_fail=True)
