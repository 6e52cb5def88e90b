"""Waiting without a triggerer: the same looks, verdicts, deadline and log lines as deferred."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSensorTimeout
from tests.unit.bcm.sensors.worker import HOUR, POKE, RESCHEDULE, Worker, dies, during
from tests.unit.bcm.triggers.fake_aws import client_error

from bcm.exceptions import AwsConnectionMissingError, AwsRefusedError, BillEstimateFailedError, ResourceVanishedError
from bcm.sensors.pricing_calculator import BcmBillEstimateSensor
from bcm.triggers.client import CLIENT_LIFETIME
from bcm.triggers.wait import LONGEST_BACKOFF

BOTH = pytest.mark.parametrize("way", [POKE, RESCHEDULE], ids=["poke", "reschedule"])
Way = dict[str, Any]


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    """A worker, and an estimate that never ends."""
    return Worker(monkeypatch)


def test_who_reschedules_does_not_defer_unless_told_so() -> None:
    def deferrable(**arguments: Any) -> bool:
        return BcmBillEstimateSensor(task_id="t", bill_estimate_id="b-1", **arguments).deferrable

    assert deferrable() is True
    assert deferrable(mode="poke") is True
    assert deferrable(mode="reschedule") is False
    assert deferrable(mode="reschedule", deferrable=True) is True
    assert deferrable(deferrable=False) is False


@BOTH
def test_a_worker_looks_once_an_interval_and_returns_the_verdict(worker: Worker, way: Way) -> None:
    worker.ends = 1000.0
    assert worker.run(**way, poke_interval=90)["status"] == "COMPLETE"
    assert worker.looks == pytest.approx([90.0 * number for number in range(13)])
    assert worker.store == {}, "what is over is not remembered"


@BOTH
def test_a_failure_is_raised(worker: Worker, way: Way) -> None:
    worker.ends, worker.status = 1000.0, "FAILED"
    with pytest.raises(BillEstimateFailedError):
        worker.run(**way)


@BOTH
@pytest.mark.parametrize("code", ["ThrottlingException", "ServiceUnavailable", "ExpiredTokenException"])
def test_an_outage_of_hours_is_weathered_in_a_worker(worker: Worker, way: Way, code: str) -> None:
    worker.ends = 4 * HOUR
    worker.trouble = during(HOUR, 5 * HOUR, code)
    assert worker.run(**way)["status"] == "COMPLETE"
    assert worker.now <= 5 * HOUR + LONGEST_BACKOFF
    pauses = [round(later - earlier) for earlier, later in pairwise(worker.looks) if HOUR <= earlier < 5 * HOUR]
    assert pauses[0] == 180
    assert set(pauses[1:]) == {300}, "it asks less often while AWS does not answer"


@BOTH
def test_an_outage_at_the_first_look_is_weathered_too(worker: Worker, way: Way) -> None:
    worker.ends = 0.0
    worker.trouble = during(0, 1000, "ThrottlingException")
    assert worker.run(**way)["status"] == "COMPLETE"


@BOTH
def test_a_pause_that_aws_asks_for_is_kept_in_a_worker(worker: Worker, way: Way) -> None:
    worker.ends = 0.0
    worker.trouble = lambda now: client_error("ThrottlingException", retryAfterSeconds=777) if now == 0 else None
    worker.run(**way)
    assert worker.looks == pytest.approx([0, 777])


@BOTH
@pytest.mark.parametrize("until", [100, 300])
def test_not_found_is_tolerated_twice_in_a_worker(worker: Worker, way: Way, until: float) -> None:
    worker.ends = 0.0
    worker.trouble = during(0, until, "ResourceNotFoundException")
    assert worker.run(**way)["status"] == "COMPLETE"


@BOTH
def test_the_third_look_in_a_row_that_finds_nothing_ends_the_wait(worker: Worker, way: Way) -> None:
    worker.trouble = during(1000, 9e9, "ResourceNotFoundException")
    with pytest.raises(ResourceVanishedError, match="bill estimate b-1 no longer exists in AWS"):
        worker.run(**way)
    assert len([when for when in worker.looks if when >= 1000]) == 3


@BOTH
@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException"])
def test_a_refusal_at_the_first_look_ends_the_wait_in_a_worker(worker: Worker, way: Way, code: str) -> None:
    worker.trouble = during(0, 9e9, code)
    with pytest.raises(AwsRefusedError, match=f"Looking for bill estimate b-1: AWS answered {code}") as caught:
        worker.run(**way)
    assert caught.value.code == code
    assert worker.looks == [0]


@BOTH
def test_credentials_that_were_rotated_get_a_second_look_in_a_worker(worker: Worker, way: Way) -> None:
    worker.ends = 2000.0
    worker.trouble = during(1000, 1100, "UnrecognizedClientException")
    hooks = 1 if way is POKE else 12  # until then, and in each process
    assert worker.run(**way)["status"] == "COMPLETE"
    assert worker.hooks > hooks, "the look after it must be with the connection as it is then"


@BOTH
def test_a_denial_that_stays_ends_the_wait_in_a_worker(worker: Worker, way: Way) -> None:
    worker.trouble = during(1000, 9e9, "AccessDeniedException")
    with pytest.raises(AwsRefusedError):
        worker.run(**way)
    assert len([when for when in worker.looks if when >= 1000]) == 2


def test_a_process_that_pokes_for_hours_reads_its_connection_again(worker: Worker) -> None:
    worker.ends = 3 * CLIENT_LIFETIME - 100
    worker.run(**POKE)
    assert worker.hooks == 3


@BOTH
@pytest.mark.parametrize(("until", "ends"), [(1250, "well"), (9e9, "badly")])
def test_a_connection_that_is_not_found_is_looked_for_three_times(
    worker: Worker, way: Way, until: float, ends: str
) -> None:
    worker.ends = 8000.0
    worker.trouble = during(900, 901, "ThrottlingException")  # a poking process reads it again after any trouble
    worker.connection_missing = lambda now: 1000 < now < until
    if ends == "well":
        assert worker.run(**way)["status"] == "COMPLETE"
    else:
        with pytest.raises(AwsRefusedError, match=r"Looking for .*: aws_conn_id: there is no Airflow connection\."):
            worker.run(**way)


@BOTH
def test_a_connection_that_never_was_is_not_waited_for(worker: Worker, way: Way) -> None:
    worker.connection_missing = lambda now: True
    with pytest.raises(AwsConnectionMissingError):
        worker.run(**way)
    assert worker.now == 0


@BOTH
def test_nothing_is_looked_at_before_the_account_is_known(worker: Worker, way: Way) -> None:
    worker.ends = 0.0
    worker.account_unknown = lambda now: now < 500
    assert worker.run(**way, expected_account_id="111122223333")["status"] == "COMPLETE"
    assert min(worker.looks) >= 500


def test_the_account_is_compared_in_every_process(worker: Worker) -> None:
    worker.ends = 1000.0
    worker.account_unknown = lambda now: 200 < now < 500
    worker.run(**RESCHEDULE, expected_account_id="111122223333")
    assert len(worker.accounts) == len(worker.looks) + len([when for when in worker.accounts if 200 < when < 500])


@BOTH
def test_a_wait_in_a_worker_ends_at_its_deadline_with_our_sentence(worker: Worker, way: Way) -> None:
    with pytest.raises(AirflowSensorTimeout, match=r"Gave up waiting for bill estimate b-1 after 3\.00 hours: IN_PRO"):
        worker.run(**way, timeout=3 * HOUR, poke_interval=700)
    assert worker.now == pytest.approx(3 * HOUR), "not at the look after it"
    assert worker.store == {}


@BOTH
def test_throttled_for_ever_ends_at_the_deadline_in_a_worker(worker: Worker, way: Way) -> None:
    worker.trouble = during(0, 9e9, "ThrottlingException")
    with pytest.raises(AirflowSensorTimeout, match="the last look failed: AWS answered ThrottlingException"):
        worker.run(**way, timeout=3 * HOUR)
    assert worker.now == pytest.approx(3 * HOUR)


@BOTH
def test_a_retry_in_a_worker_goes_on_with_the_first_deadline(worker: Worker, way: Way) -> None:
    worker.trouble = dies(at=HOUR)
    with pytest.raises(MemoryError):
        worker.run(**way, timeout=3 * HOUR)
    worker.trouble = lambda now: None
    worker.now += HOUR / 2
    with pytest.raises(AirflowSensorTimeout):
        worker.run(try_number=2, **way, timeout=3 * HOUR)
    assert worker.now == pytest.approx(3 * HOUR)


@pytest.mark.parametrize("ends", [5 * HOUR, 9e9])
def test_a_deadline_that_passes_while_no_worker_runs_still_gets_one_look(worker: Worker, ends: float) -> None:
    worker.ends = ends
    worker.next_process = lambda due: 9 * HOUR if HOUR < due < 9 * HOUR else due
    if ends < 9 * HOUR:
        assert worker.run(**RESCHEDULE, timeout=3 * HOUR)["status"] == "COMPLETE"
    else:
        with pytest.raises(AirflowSensorTimeout):
            worker.run(**RESCHEDULE, timeout=3 * HOUR)
    assert worker.now == 9 * HOUR


@BOTH
def test_the_log_tells_at_the_start_at_each_change_and_once_an_hour(worker: Worker, way: Way) -> None:
    worker.ends = 4.9 * HOUR
    worker.trouble = during(2.5 * HOUR, 2.7 * HOUR, "ThrottlingException")
    worker.run(**way, poke_interval=60)
    hours = [round(when / HOUR, 1) for when in worker.said("Waiting for bill estimate b-1: IN_PROGRESS")]
    assert hours == [0.0, 1.0, 2.0, 2.5, 2.8, 3.8, 4.8]
    assert [round(when / HOUR, 1) for when in worker.said("the last look failed: AWS answered Throttling")] == [2.5]
    assert worker.lines[0][1] == (
        "Waiting for bill estimate b-1: IN_PROGRESS. Began at 2026-11-20 06:00:00 UTC (0h00m00s ago), "
        "next look in 60 s, gives up at 2026-11-20 20:00:00 UTC."
    )
    assert "The wait is over: success: bill_estimate_id b-1, status COMPLETE" in [line for _, line in worker.lines]


def test_the_log_of_a_new_try_begins_with_what_is_awaited(worker: Worker) -> None:
    worker.trouble = dies(at=180)
    with pytest.raises(MemoryError):
        worker.run(**RESCHEDULE)
    worker.lines.clear()
    worker.trouble = lambda now: None
    worker.ends = 1000.0
    worker.sleep(60)
    worker.run(try_number=2, **RESCHEDULE)
    assert worker.said("Waiting for bill estimate b-1") == [240]


@BOTH
def test_the_backoff_of_the_base_class_is_honored(worker: Worker, way: Way) -> None:
    worker.ends = 6 * HOUR
    worker.run(**way, poke_interval=60, exponential_backoff=True, max_wait=900)
    pauses = [round(later - earlier) for earlier, later in pairwise(worker.looks)]
    assert min(pauses) < 200
    assert pauses[-5:] == [900] * 5


@BOTH
def test_without_a_state_store_a_worker_waits_too(worker: Worker, way: Way) -> None:
    worker.store = None  # type: ignore[assignment]
    worker.ends = 1000.0
    assert worker.run(**way)["status"] == "COMPLETE"
