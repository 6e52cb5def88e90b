"""What goes wrong during a wait of hours: what passes is weathered, what stays ends the wait with its reason."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import botocore.exceptions
import pytest
from airflow.triggers.base import TriggerEvent
from tests.unit.bcm.triggers.conftest import HOUR, Make, Triggerer
from tests.unit.bcm.triggers.fake_aws import FakeAws, client_error
from tests.unit.bcm.triggers.virtual_time import Clock

from bcm.exceptions import AwsConnectionMissingError
from bcm.hooks.base import REJECTED_CODES, TRANSIENT_CODES
from bcm.triggers.stream import StatusStream
from bcm.triggers.wait import LONGEST_BACKOFF, Wait

#: Faults that pass by themselves.
PASSING: dict[str, Callable[[], Exception]] = {
    **{code: (lambda code=code: client_error(code)) for code in TRANSIENT_CODES},
    "a new 5xx": lambda: client_error("SomethingNewException", status=503),
    "connection reset": lambda: ConnectionResetError(104, "Connection reset by peer"),
    "no answer in time": lambda: botocore.exceptions.ReadTimeoutError(endpoint_url="https://aws"),
    "no connection": lambda: botocore.exceptions.EndpointConnectionError(endpoint_url="https://aws"),
    "closed early": lambda: botocore.exceptions.ConnectionClosedError(endpoint_url="https://aws"),
    "asyncio time-out": TimeoutError,
}


def first(times: int, error: Callable[[], Exception], method: str = "") -> Callable[[str, int], Exception | None]:
    """A fault of the first ``times`` calls of a method, or of every method."""
    return lambda name, number: error() if number <= times and method in name else None


@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_weathered(triggerer: Triggerer, make: Make, aws: FakeAws, fault: str) -> None:
    aws.ends = {"x-1": 100.0, "x-2": 100.0}
    aws.fault = first(6, PASSING[fault])
    triggerer.run(make.execution("x-1"), make.execution("x-2"))
    assert triggerer.outcomes() == ["success"] * 2


def test_pauses_grow_while_the_service_throttles_and_have_a_limit(
    triggerer: Triggerer, make: Make, aws: FakeAws
) -> None:
    aws.ends = {"x-1": 0.0}
    aws.fault = first(8, lambda: client_error("ThrottlingException"))
    triggerer.run(make.execution(poke=10))
    moments = aws.moments("list_executions")
    pauses = [round(later - earlier) for earlier, later in pairwise(moments)]
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300]
    assert max(pauses) <= LONGEST_BACKOFF


def test_the_usual_pauses_return_after_the_fault(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    aws.ends = {"x-1": 1000.0}
    aws.fault = first(1, lambda: client_error("ThrottlingException"))
    triggerer.run(make.execution(poke=10))
    moments = aws.moments("list_executions")
    assert [round(moment) for moment in moments[:4]] == [10, 15, 25, 35]


def test_a_pause_that_aws_asks_for_is_kept(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    aws.ends = {"x-1": 0.0}
    aws.fault = first(1, lambda: client_error("ThrottlingException", retryAfterSeconds=777))
    triggerer.run(make.execution(poke=10))
    assert triggerer.event()[0] == pytest.approx(10 + 777)


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException"])
def test_expired_credentials_are_renewed_by_a_new_client(
    triggerer: Triggerer, make: Make, aws: FakeAws, code: str
) -> None:
    aws.ends = {"x-1": 0.0}
    aws.fault = first(1, lambda: client_error(code))
    triggerer.run(make.execution())
    assert triggerer.outcomes() == ["success"]
    assert aws.opened == 2, "the client with the expired credentials was used again"


def test_other_faults_keep_the_client(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    aws.ends = {"x-1": 0.0}
    aws.fault = first(3, lambda: client_error("ThrottlingException"))
    triggerer.run(make.execution())
    assert aws.opened == 1


@pytest.mark.parametrize(
    "error",
    [
        lambda: client_error("ValidationException", message="bad arn"),
        botocore.exceptions.NoCredentialsError,
    ],
    ids=["invalid", "no credentials"],
)
def test_a_refusal_ends_the_wait_at_once_with_its_reason(
    triggerer: Triggerer, make: Make, aws: FakeAws, error: Callable[[], Exception]
) -> None:
    aws.fault = first(10_000, error)
    triggerer.run(make.execution())
    moment, event = triggerer.event()
    assert (moment, event["outcome"]) == (pytest.approx(90), "refused")
    detail = getattr(error(), "response", {}).get("Error", {}).get("Message") or "Unable to locate credentials"
    assert detail in event["message"]
    assert "x-1" in event["message"], "the message must name what was awaited"


@pytest.mark.parametrize("code", sorted(REJECTED_CODES))
def test_a_rejection_gets_a_second_look_with_a_new_client_and_no_third(
    triggerer: Triggerer, make: Make, aws: FakeAws, code: str
) -> None:
    aws.fault = first(10_000, lambda: client_error(code, message="User: x is not authorized"))
    triggerer.run(make.execution())
    moment, event = triggerer.event()
    assert (moment, event["outcome"]) == (pytest.approx(90 + 180), "refused")
    assert "User: x is not authorized" in event["message"]
    assert aws.opened == 2, "the second look must be with the connection's credentials as they are then"


def test_a_refusal_of_one_wait_leaves_the_others_alone(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    aws.ends = {"mine": 500.0}

    def fault(method: str, number: int) -> Exception | None:
        return client_error("AccessDeniedException") if aws.calls[-1][2] == "theirs" else None

    aws.fault = fault
    triggerer.run(make.execution("mine"), make.execution("theirs"))
    assert triggerer.outcomes() == ["success", "refused"]


@pytest.mark.parametrize(("times", "outcome", "looks"), [(1, "success", 2), (2, "success", 3), (9, "vanished", 3)])
def test_not_found_is_tolerated_twice(
    triggerer: Triggerer, make: Make, aws: FakeAws, times: int, outcome: str, looks: int
) -> None:
    aws.ends = {"x-1": 0.0}
    aws.fault = first(times, lambda: client_error("ResourceNotFoundException", message="no such export"))
    triggerer.run(make.execution())
    assert triggerer.outcomes() == [outcome]
    assert aws.counts["list_executions"] == looks
    if outcome == "vanished":
        assert "x-1 no longer exists in AWS" in triggerer.event()[1]["message"]


def test_not_found_is_counted_anew_after_it_was_found(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    aws.ends = {"x-1": 2000.0}
    missing = {2, 3, 5, 6, 8, 9}
    aws.fault = lambda method, number: client_error("ResourceNotFoundException") if number in missing else None
    triggerer.run(make.execution())
    assert triggerer.outcomes() == ["success"]


def test_a_bug_in_a_look_ends_the_wait_with_a_message(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    aws.fault = first(10_000, lambda: KeyError("Executions"))
    triggerer.run(make.execution())
    event = triggerer.event()[1]
    assert event["outcome"] == "refused"
    assert "KeyError" in event["message"]


@pytest.mark.parametrize(("kind", "status"), [("estimate", "PAUSED"), ("execution", "DELIVERY_SKIPPED")])
def test_a_status_that_nobody_knows_ends_the_wait_and_names_it(
    triggerer: Triggerer, make: Make, aws: FakeAws, kind: str, status: str
) -> None:
    aws.ends = {"b-1": 1000.0, "x-1": 1000.0}
    aws.ended = status
    triggerer.run(getattr(make, kind)())
    event = triggerer.event()[1]
    assert event["outcome"] == "unknown_status"
    assert f"has status {status!r}, which this version does not know" in event["message"]


def test_a_task_ends_in_a_worker_where_its_retries_and_callbacks_are(alone: Any, make: Make, aws: FakeAws) -> None:
    """Airflow's events that end a task from its trigger skip both."""
    aws.ends = {"b-1": 1000.0}
    ((_, event),) = alone(make.estimate())
    assert type(event) is TriggerEvent


def opening(times: int, error: Callable[[], Exception]) -> Callable[[int], Exception | None]:
    return lambda number: error() if number <= times else None


@pytest.mark.parametrize(
    "error",
    [lambda: OSError("no route to host"), lambda: RuntimeError("the API server is down"), lambda: TimeoutError()],
    ids=["OSError", "RuntimeError", "TimeoutError"],
)
def test_a_client_that_cannot_be_opened_for_a_while_is_weathered(
    triggerer: Triggerer, make: Make, aws: FakeAws, error: Callable[[], Exception]
) -> None:
    aws.ends = {"x-1": 100.0, "x-2": 100.0}
    aws.open_fault = opening(5, error)
    triggerer.run(make.execution("x-1"), make.execution("x-2"))
    assert triggerer.outcomes() == ["success"] * 2
    assert aws.attempts == 6


def missing() -> Exception:
    return AwsConnectionMissingError("aws_conn_id: there is no Airflow connection 'aws_billing'. Create it.")


def test_a_missing_connection_ends_every_wait_with_the_sentence(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    aws.open_fault = opening(10_000, missing)
    triggerer.run(make.execution("x-1"), make.execution("x-2"))
    assert triggerer.outcomes() == ["refused"] * 2
    assert str(missing()) in triggerer.event()[1]["message"]
    assert aws.attempts == 3


def test_a_connection_that_a_broken_secrets_backend_does_not_find_is_weathered(
    triggerer: Triggerer, make: Make, aws: FakeAws
) -> None:
    aws.ends = {"x-1": 100.0}
    aws.open_fault = opening(2, missing)
    triggerer.run(make.execution("x-1"))
    assert triggerer.outcomes() == ["success"]


def test_a_verdict_is_not_overwritten_by_a_client_that_cannot_be_opened(clock: Clock, make: Make) -> None:
    """A task may fetch its verdict after the round that follows it."""

    async def refuse() -> Any:
        raise AwsConnectionMissingError("somebody deleted the connection")

    async def one_round() -> dict[str, Any] | None:
        stream = StatusStream(refuse)
        ended, goes_on = (Wait(make.execution().look(), clock.time() + HOUR, 90, 600, clock.time()) for _ in range(2))
        with stream.waiting(ended), stream.waiting(goes_on):
            ended.verdict = {"outcome": "success"}
            poll = asyncio.create_task(stream.poll())
            await goes_on.news.wait()
            poll.cancel()
            await asyncio.gather(poll, return_exceptions=True)
        return ended.verdict

    assert clock.run(one_round()) == {"outcome": "success"}


def throttled(aws: FakeAws) -> None:
    aws.fault = first(10**9, lambda: client_error("ThrottlingException", status=429, message="Rate exceeded"))


def unopened(aws: FakeAws) -> None:
    aws.open_fault = opening(10**9, lambda: OSError("no route to host"))


def never_ends(aws: FakeAws) -> None:
    aws.ends = {}


@pytest.mark.parametrize(
    ("trouble", "said"),
    [(never_ends, "IN_PRO"), (throttled, "Rate exceeded"), (unopened, "no route to host")],
    ids=lambda value: getattr(value, "__name__", ""),
)
@pytest.mark.parametrize("kind", ["estimate", "execution"])
def test_the_deadline_ends_the_wait_whatever_happens(
    triggerer: Triggerer, make: Make, aws: FakeAws, kind: str, trouble: Callable[[FakeAws], None], said: str
) -> None:
    trouble(aws)
    triggerer.run(getattr(make, kind)(hours=3))
    moment, event = triggerer.event()
    assert event["outcome"] == "timeout"
    assert moment == pytest.approx(3 * HOUR, abs=2), "a wait ends at its deadline, not at the look after it"
    assert said in event["message"] or "QUERY_IN_PROCESS" in event["message"]
    assert "3.00 hours" in event["message"]


def test_a_deadline_that_passed_while_no_triggerer_ran_still_gets_one_look(
    triggerer: Triggerer, make: Make, aws: FakeAws
) -> None:
    aws.ends = {"x-1": 0.0, "x-2": HOUR}
    triggerer.run(make.execution("x-1", hours=-1), make.execution("x-2", hours=-1))
    assert triggerer.outcomes() == ["success", "timeout"], "what has ended is worth more than the deadline"


@pytest.mark.parametrize("kind", ["estimate", "execution"])
def test_a_trigger_works_alone_too(alone: Any, make: Make, aws: FakeAws, kind: str) -> None:
    aws.ends = {"b-1": 1000.0, "x-1": 1000.0}
    aws.fault = first(1, lambda: client_error("ThrottlingException"), "list")
    ((moment, event),) = alone(getattr(make, kind)())
    assert event.payload["outcome"] == "success"
    assert moment < 1000 + 600 + 1


def test_a_max_wait_below_the_poke_interval_does_not_count(alone: Any, make: Make, aws: FakeAws) -> None:
    aws.ends = {"b-1": HOUR}
    alone(make.estimate(poke=120, longest=10))
    moments = aws.moments("list_bill_estimates")
    assert {round(later - earlier) for earlier, later in pairwise(moments)} == {120}
