"""A fault of one wait, and the others on the same connection: what was not asked has not failed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from tests.unit.bcm.triggers.conftest import HOUR, Make, Triggerer
from tests.unit.bcm.triggers.fake_aws import FakeAws, client_error

from bcm.triggers.client import FIRST_HOLD


def about(aws: FakeAws, name: str, code: str, until: float = 9e9) -> None:
    """An error of every call about one thing."""

    def fault(method: str, number: int) -> Exception | None:
        when, _, what = aws.calls[-1]
        return client_error(code) if what == name and when < until else None

    aws.fault = fault


@pytest.mark.parametrize("position", range(5))
@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException", "ResourceNotFoundException"])
def test_what_one_export_is_refused_ends_no_wait_for_another(
    triggerer: Triggerer, make: Make, aws: FakeAws, code: str, position: int
) -> None:
    """A denied call makes the stream take a new client, and the others wait for that without being asked."""
    names = [f"x-{number}" for number in range(5)]
    aws.ends = dict.fromkeys(names, 3000.0)
    about(aws, names[position], code)
    triggerer.run(*(make.execution(name, hours=2) for name in names))
    outcomes = triggerer.outcomes()
    assert outcomes.pop(position) in ("refused", "vanished")
    assert outcomes == ["success"] * 4


def test_waits_that_were_not_asked_are_looked_for_as_soon_as_the_throttling_is_over(
    triggerer: Triggerer, make: Make, aws: FakeAws
) -> None:
    names = [f"x-{number}" for number in range(10)]
    aws.ends = dict.fromkeys(names, 0.0)
    aws.fault = lambda method, number: client_error("ThrottlingException") if number == 1 else None
    triggerer.run(*(make.execution(name) for name in names))
    moments = sorted(events[0][0] for events in triggerer.fired.values())
    assert moments[:9] == pytest.approx([90 + FIRST_HOLD] * 9), "one call was throttled; nine were not made"


def test_a_throttled_connection_is_asked_once_a_hold_however_many_wait(
    triggerer: Triggerer, make: Make, aws: FakeAws
) -> None:
    names = [f"x-{number}" for number in range(50)]
    aws.fault = lambda method, number: client_error("ThrottlingException")
    triggerer.run(*(make.execution(name, hours=2) for name in names))
    assert triggerer.outcomes() == ["timeout"] * 50
    assert len(aws.calls) <= 2 * HOUR / 270 + 8, "the hold grows to five minutes"
    assert min(later - earlier for (earlier, *_), (later, *_) in pairwise(aws.calls)) >= FIRST_HOLD


def test_what_was_not_asked_is_told_why(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    aws.fault = lambda method, number: client_error("ThrottlingException", message="Rate exceeded")
    triggerer.run(make.execution("x-1", hours=2), make.execution("x-2", hours=2))
    for number in (0, 1):
        assert (
            "the last look failed: AWS answered ThrottlingException: Rate exceeded"
            in (triggerer.event(number)[1]["message"])
        )
