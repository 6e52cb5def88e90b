"""What befalls one wait costs its neighbours nothing: neither looks, nor patience, nor the time to settle."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from tests.unit.bcm.triggers.conftest import HOUR, Make, Triggerer
from tests.unit.bcm.triggers.fake_aws import FakeAws, client_error

from bcm.exceptions import AwsConnectionMissingError
from bcm.hooks.base import answer, error_code
from bcm.triggers.client import CLIENT_LIFETIME
from bcm.triggers.stream import StatusStream
from bcm.triggers.wait import SETTLING


def test_one_rejection_of_a_new_client_ends_no_wait(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    names = ["x-1", "x-2", "x-3"]
    aws.ends = dict.fromkeys(names, 2 * HOUR)
    aws.fault = lambda method, number: (
        client_error("UnrecognizedClientException")
        if CLIENT_LIFETIME < aws.clock.monotonic() < CLIENT_LIFETIME + 100
        else None
    )
    triggerer.run(*map(make.execution, names))
    assert triggerer.outcomes() == ["success"] * 3, "a client that is a minute old is no proof that AWS means it"


@pytest.mark.parametrize("denied", [1, 20])
def test_denied_waits_take_no_looks_from_others(triggerer: Triggerer, make: Make, aws: FakeAws, denied: int) -> None:
    names = [f"denied-{number}" for number in range(denied)]
    aws.ends = {"mine": HOUR}
    aws.fault = lambda method, number: (
        client_error("AccessDeniedException") if aws.calls[-1][2].startswith("denied") else None
    )
    triggerer.run(*map(make.execution, [*names, "mine"]))
    assert triggerer.outcomes() == ["refused"] * denied + ["success"]
    longest = max(later - earlier for earlier, later in pairwise(aws.moments("list_executions", "mine")))
    assert longest <= 91, "a connection is looked through as often as without them"
    assert aws.opened <= 6, "a new client is enough for all that were rejected together"


def test_a_quick_wait_does_not_use_up_the_patience_of_a_slow_one(
    triggerer: Triggerer, make: Make, aws: FakeAws
) -> None:
    aws.ends = {"b-1": 5000.0, "b-2": 5000.0}
    aws.fault = lambda method, number: (
        client_error("ResourceNotFoundException") if aws.clock.monotonic() < 200 else None
    )
    triggerer.run(make.estimate("b-1", poke=90, longest=90), make.estimate("b-2", poke=5, longest=5))
    assert triggerer.outcomes() == ["success", "vanished"], "each wait counts the looks that it asked for itself"


def test_a_connection_that_is_missing_for_a_minute_ends_no_wait_that_looks_less_often(
    triggerer: Triggerer, make: Make, aws: FakeAws
) -> None:
    aws.ends = {"x-1": 5000.0, "x-2": 5000.0}
    opened = aws.open

    async def missing() -> Any:
        if aws.clock.monotonic() < 60:
            raise AwsConnectionMissingError("there is no Airflow connection 'aws_default'.")
        return await opened()

    aws.open = missing  # type: ignore[method-assign]
    triggerer.run(make.execution("x-1", poke=30), make.execution("x-2", poke=5))
    assert triggerer.outcomes() == ["success", "refused"]


def test_no_wait_that_has_just_joined_is_judged_by_a_look_of_others(
    triggerer: Triggerer, make: Make, aws: FakeAws
) -> None:
    aws.ends = {"x-1": 85.0}
    triggerer.run(make.execution(), make.execution(), after={1: 89.0})
    assert triggerer.outcomes() == ["success"] * 2
    assert triggerer.event(1)[0] >= 89 + SETTLING, "Airflow fails a task whose deferral it has not booked yet"


def test_deadlines_are_kept_while_aws_does_not_answer(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    async def called(method: str, about: str) -> None:
        await asyncio.sleep(300)
        raise TimeoutError("Read timeout on endpoint URL")

    aws._called = called  # type: ignore[method-assign]
    names = [f"x-{number}" for number in range(60)]
    triggerer.run(*(make.execution(name, hours=1) for name in names))
    assert triggerer.outcomes() == ["timeout"] * 60
    assert max(triggerer.event(number)[0] for number in range(60)) <= HOUR + 600, "Airflow's own time-out comes then"


def test_looks_that_stand_in_a_queue_are_no_rarer_for_it(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    called = aws._called

    async def slowly(method: str, about: str) -> None:
        await asyncio.sleep(1)
        await called(method, about)

    aws._called = slowly  # type: ignore[method-assign]
    names = [f"x-{number}" for number in range(40)]
    aws.ends = dict.fromkeys(names, HOUR)
    triggerer.run(*map(make.execution, names))
    moments = aws.moments("list_executions", "x-7")
    assert max(later - earlier for earlier, later in pairwise(moments)) <= 91


def test_a_wait_that_joins_a_broken_poll_is_told(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    async def joins() -> None:
        trigger = make.execution()
        stream = trigger.stream()
        stream._broken = ValueError("a mistake")
        with pytest.raises(RuntimeError, match="the poll of this connection broke"):
            await anext(trigger._follow(stream))

    aws.clock.run(joins())
    StatusStream._shared.clear()


def test_an_error_with_a_response_of_another_kind_is_an_error_like_any_other() -> None:
    error = OSError("Exceeded 30 redirects.")
    error.response = object()  # type: ignore[attr-defined]
    assert error_code(error) == ""
    assert answer(error) == "OSError: Exceeded 30 redirects."
