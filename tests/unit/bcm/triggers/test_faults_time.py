"""Restarts and clocks: one absolute deadline, and no harm from a clock that is set."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from airflow.models.trigger import Trigger
from airflow.sdk.module_loading import import_string
from tests.unit.bcm.triggers.conftest import HOUR, Make, Triggerer, run_alone
from tests.unit.bcm.triggers.fake_aws import FakeAws, client_error
from tests.unit.bcm.triggers.virtual_time import Clock

from bcm.triggers.base import GRACE, BcmBaseTrigger
from bcm.triggers.wait import SETTLING, Wait

KINDS = pytest.mark.parametrize("kind", ["estimate", "execution"])


def again(trigger: BcmBaseTrigger) -> BcmBaseTrigger:
    """The trigger as another triggerer gets it from the database."""
    row = Trigger(*trigger.serialize())
    rebuilt: BcmBaseTrigger = import_string(row.classpath)(**row.kwargs)
    return rebuilt


def restarted(triggerer: Triggerer, trigger: BcmBaseTrigger, *after: float, pause: float = 60.0) -> None:
    """Run a trigger in triggerers that are killed ``after`` so many seconds each, and in one that lives."""

    async def lives() -> None:
        for seconds in after:
            one = asyncio.create_task(triggerer.wait(0, again(trigger)))
            await asyncio.sleep(seconds)
            one.cancel()
            with suppress(asyncio.CancelledError):
                await one
            await asyncio.sleep(pause)
        await triggerer.wait(0, again(trigger))

    triggerer.clock.run(lives())


@KINDS
def test_restarts_of_the_triggerer_keep_the_deadline(triggerer: Triggerer, make: Make, aws: FakeAws, kind: str) -> None:
    restarted(triggerer, getattr(make, kind)(hours=3), HOUR, HOUR / 2)
    moment, event = triggerer.event()
    assert event["outcome"] == "timeout"
    assert moment == pytest.approx(3 * HOUR, abs=2), "each restart began the wait anew"
    assert "after 3.00 hours" in event["message"]


@KINDS
def test_a_wait_goes_on_after_restarts(triggerer: Triggerer, make: Make, aws: FakeAws, kind: str) -> None:
    aws.ends = {"b-1": 2 * HOUR, "x-1": 2 * HOUR}
    restarted(triggerer, getattr(make, kind)(), HOUR, HOUR / 4, 10)
    assert triggerer.event()[1]["outcome"] == "success"
    assert triggerer.event()[0] <= 2 * HOUR + 720 + 90


def test_the_pauses_go_on_growing_after_a_restart(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    none_yet = make.execution(hours=6, since=triggerer.clock.at(9 * HOUR).isoformat())
    restarted(triggerer, none_yet, 4 * HOUR)
    after = [later - earlier for earlier, later in pairwise(aws.moments("list_executions")) if earlier > 4.1 * HOUR]
    assert {round(pause) for pause in after[:-1]} == {600}, "the age of the wait counts, not that of the process"


def test_an_estimate_that_cannot_have_ended_is_not_looked_for_after_a_restart_either(
    triggerer: Triggerer, make: Make, aws: FakeAws
) -> None:
    aws.ends = {"b-1": 1300.0}
    restarted(triggerer, make.estimate(longest=HOUR), 300)
    assert aws.moments("list_bill_estimates")[0] == 1200


@pytest.mark.parametrize(("hours", "when"), [(0.0, SETTLING), (3 / HOUR, SETTLING), (30 / HOUR, 30), (-5.0, SETTLING)])
def test_no_trigger_fires_while_its_deferral_is_still_booked(
    triggerer: Triggerer, make: Make, aws: FakeAws, hours: float, when: float
) -> None:
    triggerer.run(make.execution(hours=hours))
    assert triggerer.event()[0] == pytest.approx(when), "Airflow 3.3 takes an event that comes at once for a mismatch"


class Watch:
    """Sets the wall clock while triggers wait; monotonic time goes on."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    async def set_at(self, moment: float, by: float) -> None:
        await asyncio.sleep(moment)
        self.clock.epoch += by


def jumping(triggerer: Triggerer, trigger: BcmBaseTrigger, at: float, by: float) -> tuple[float, dict[str, Any]]:
    """Run a trigger while the wall clock is set ``by`` seconds at a moment; return when and how the wait ended."""

    async def both() -> None:
        await asyncio.gather(triggerer.wait(0, trigger), Watch(triggerer.clock).set_at(at, by))

    triggerer.clock.run(both())
    return triggerer.event()


@KINDS
@pytest.mark.parametrize("by", [-300.0, -1.0, 1.0, 300.0])
def test_a_clock_that_is_set_moves_the_deadline_by_as_much_and_no_more(
    triggerer: Triggerer, make: Make, aws: FakeAws, kind: str, by: float
) -> None:
    moment, event = jumping(triggerer, getattr(make, kind)(hours=6), at=2 * HOUR, by=by)
    assert event["outcome"] == "timeout"
    assert moment == pytest.approx(6 * HOUR - by, abs=2)


@KINDS
@pytest.mark.parametrize("by", [-24 * HOUR, -300.0, 300.0, 5 * HOUR])
def test_a_clock_that_is_set_does_not_change_when_the_next_look_is(
    triggerer: Triggerer, make: Make, aws: FakeAws, kind: str, by: float
) -> None:
    aws.ends = {"b-1": 3 * HOUR, "x-1": 3 * HOUR}
    moment, event = jumping(triggerer, getattr(make, kind)(), at=2 * HOUR, by=by)
    assert event["outcome"] == "success"
    assert 3 * HOUR <= moment <= 3 * HOUR + 601, "pauses are of monotonic time"


def test_what_ended_before_the_clock_jumped_past_the_deadline_counts(
    triggerer: Triggerer, make: Make, aws: FakeAws
) -> None:
    aws.ends = {"x-1": 2 * HOUR - 1}
    _, event = jumping(triggerer, make.execution(hours=6), at=2 * HOUR, by=1000 * HOUR)
    assert event["outcome"] == "success"


def test_a_clock_far_back_does_not_put_the_first_look_off(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    """The worker's clock is a day ahead of the triggerer's."""
    aws.ends = {"b-1": 1300.0}
    trigger = make.estimate()
    assert trigger.first_look is not None
    trigger.first_look += 24 * HOUR
    triggerer.run(trigger)
    assert aws.moments("list_bill_estimates")[0] <= 600


def test_a_wait_never_lasted_less_than_nothing(make: Make, clock: Clock) -> None:
    wait = Wait(make.execution().look(), clock.time() + HOUR, 90, 600, started=clock.time() + 500)
    assert wait.age == 0
    assert "(0h00m00s ago)" in wait.report()


@pytest.mark.parametrize(
    "error",
    [
        lambda: client_error("RequestTimeTooSkewed"),
        lambda: client_error("InvalidSignatureException", message="Signature expired: 20261120T0600 is now earlier"),
        lambda: client_error("SignatureDoesNotMatch", message="Signature not yet current: 20261120T0600 is still"),
    ],
    ids=["skewed", "expired", "not yet"],
)
def test_signatures_of_a_wrong_clock_are_weathered_until_it_is_right(
    triggerer: Triggerer, make: Make, aws: FakeAws, error: Any
) -> None:
    aws.ends = {"x-1": 2 * HOUR}
    aws.fault = lambda method, number: error() if HOUR < aws.clock.monotonic() < 2 * HOUR else None
    triggerer.run(make.execution())
    assert triggerer.outcomes() == ["success"]


@KINDS
def test_where_no_task_ran_before_the_deadline_is_that_of_the_deferral(
    triggerer: Triggerer, make: Make, aws: FakeAws, clock: Clock, kind: str
) -> None:
    """``start_from_trigger``: the triggerer tells a trigger when its deferral ends, the same after a restart."""
    ends = datetime.fromtimestamp(clock.time(), UTC) + timedelta(hours=3) + GRACE
    trigger = getattr(make, kind)(
        deadline=None, started=None, first_look=None, status=None, timeout=timedelta(hours=3).total_seconds()
    )

    async def lives() -> None:
        first = again(trigger)
        first.timeout_after = ends
        one = asyncio.create_task(triggerer.wait(0, first))
        await asyncio.sleep(HOUR)
        one.cancel()
        with suppress(asyncio.CancelledError):
            await one
        second = again(trigger)
        second.timeout_after = ends.replace(tzinfo=None)  # as SQLite returns it
        await triggerer.wait(0, second)

    clock.run(lives())
    moment, event = triggerer.event()
    assert moment == pytest.approx(3 * HOUR, abs=2)
    assert "after 3.00 hours" in event["message"]
    assert min(aws.moments("list_bill_estimates" if kind == "estimate" else "list_executions")) == 90, (
        "nobody has looked before, so it may have ended long ago"
    )


def test_where_nobody_tells_the_deadline_it_is_counted_from_now(make: Make, aws: FakeAws, clock: Clock) -> None:
    """``dag.test()`` runs a trigger by itself."""
    trigger = make.execution(deadline=None, started=None, timeout=HOUR)
    ((moment, event),) = run_alone(clock, trigger)
    assert (event.payload["outcome"], moment) == ("timeout", pytest.approx(HOUR))
