"""soft_fail, never_fail, silent_fail, retries: what the sensor's base class promises, in each way to wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk import RetryAction
from airflow.sdk.exceptions import AirflowException, AirflowSensorTimeout, AirflowSkipException
from tests.unit.bcm.sensors.support import of_estimate
from tests.unit.bcm.sensors.worker import HOUR, POKE, RESCHEDULE, Worker, during
from tests.unit.bcm.support import StateStore, a_context

from bcm.retry_policy import BCM_RETRY_POLICY
from bcm.statuses import ERRORS

DEFERRED: dict[str, Any] = {}
FORGIVING = pytest.mark.parametrize("forgiving", ["soft_fail", "never_fail"])


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    """A worker, and an estimate that never ends."""
    return Worker(monkeypatch)


def fails(worker: Worker) -> None:
    worker.ends, worker.status = 0.0, "FAILED"


def is_unknown(worker: Worker) -> None:
    worker.ends, worker.status = 0.0, "PONDERING"


def is_denied(worker: Worker) -> None:
    worker.trouble = during(0, 9e9, "AccessDeniedException")


def vanishes(worker: Worker) -> None:
    worker.trouble = during(0, 9e9, "ResourceNotFoundException")


def times_out(worker: Worker) -> None:
    pass


def resumed(outcome: str) -> Callable[..., Any]:
    """A deferred task that resumes with an event."""

    def run(**arguments: Any) -> Any:
        kwargs = {"event": {"outcome": outcome, "message": "so it ended"}}
        return of_estimate("b-1", **arguments).resume_execution("execute_complete", kwargs, a_context(StateStore()))

    return run


ENDS = pytest.mark.parametrize(
    ("ending", "outcome"),
    [
        (fails, "estimate_failed"),
        (is_unknown, "unknown_status"),
        (is_denied, "refused"),
        (vanishes, "vanished"),
        (times_out, "timeout"),
    ],
    ids=["failed", "unknown", "denied", "vanished", "timeout"],
)
WAYS = pytest.mark.parametrize("way", [DEFERRED, POKE, RESCHEDULE], ids=["deferred", "poke", "reschedule"])


def the_end(worker: Worker, way: dict[str, Any], ending: Callable[[Worker], None], outcome: str) -> Callable[..., Any]:
    """What runs a task to the same end in each way."""
    if way is DEFERRED:
        return resumed(outcome)
    ending(worker)
    return lambda **arguments: worker.run(**way, timeout=2 * HOUR, **arguments)


@WAYS
@ENDS
@FORGIVING
def test_a_forgiving_sensor_skips_whatever_the_end_and_the_way(
    worker: Worker, way: dict[str, Any], ending: Callable[[Worker], None], outcome: str, forgiving: str
) -> None:
    with pytest.raises(AirflowSkipException):
        the_end(worker, way, ending, outcome)(**{forgiving: True})
    assert any("The wait is over:" in line for _, line in worker.lines), "the log must have the reason"


@WAYS
@ENDS
def test_each_end_is_the_same_error_in_every_way(
    worker: Worker, way: dict[str, Any], ending: Callable[[Worker], None], outcome: str
) -> None:
    with pytest.raises(AirflowException) as caught:
        the_end(worker, way, ending, outcome)()
    assert type(caught.value) is ERRORS[outcome]


@WAYS
@ENDS
def test_no_end_is_worth_a_retry_and_a_time_out_gets_none(
    worker: Worker, way: dict[str, Any], ending: Callable[[Worker], None], outcome: str
) -> None:
    with pytest.raises(AirflowException) as caught:
        the_end(worker, way, ending, outcome)()
    if outcome == "timeout":
        assert isinstance(caught.value, AirflowSensorTimeout), "Airflow never retries this one"
    else:
        assert BCM_RETRY_POLICY.evaluate(caught.value, 1, 3).action is RetryAction.FAIL


@pytest.mark.parametrize("way", [POKE, RESCHEDULE], ids=["poke", "reschedule"])
def test_a_silent_sensor_in_a_worker_pokes_on_as_its_base_class_says(worker: Worker, way: dict[str, Any]) -> None:
    worker.ends = HOUR
    worker.trouble = during(0, HOUR, "AccessDeniedException")
    assert worker.run(**way, silent_fail=True)["status"] == "COMPLETE"
    assert len(worker.said("Sensor poke failed")) > 1


@pytest.mark.parametrize("way", [POKE, RESCHEDULE], ids=["poke", "reschedule"])
def test_a_silent_sensor_gives_up_all_the_same(worker: Worker, way: dict[str, Any]) -> None:
    worker.trouble = during(0, 9e9, "AccessDeniedException")
    with pytest.raises(AirflowSensorTimeout):
        worker.run(**way, silent_fail=True, timeout=HOUR)
