"""Triggers on virtual time and a fake AWS, alone or under the triggerer's own manager of shared streams."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.triggers.base import TriggerEvent
from airflow.triggers.shared_stream import SharedStreamManager
from tests.unit.bcm.triggers.fake_aws import FakeAws
from tests.unit.bcm.triggers.virtual_time import Clock

from bcm.looks import ESTIMATE_EARLIEST
from bcm.triggers.base import BcmBaseTrigger, StreamTrigger
from bcm.triggers.budget import CallBudget
from bcm.triggers.data_exports import BcmExportExecutionTrigger
from bcm.triggers.pricing_calculator import BcmBillEstimateTrigger
from bcm.triggers.stream import StatusStream

HOUR = 3600.0


@pytest.fixture(scope="session", autouse=True)
def garbage_is_found_quickly() -> Iterator[None]:
    """What was imported is no garbage: looking through all of it after each test would take longer than the tests."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Virtual time, without jitter, and without a limit of calls."""
    clock = Clock()
    clock.patch(monkeypatch)
    monkeypatch.setattr("bcm.triggers.client.JITTER", 0.0)
    monkeypatch.setattr("bcm.triggers.client.BUDGET", CallBudget(float("inf")))
    return clock


@pytest.fixture
def aws(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAws]:
    """The AWS that every trigger's client talks to; afterwards, nothing of any stream may be left."""
    aws = FakeAws(clock)
    monkeypatch.setattr(StreamTrigger, "open_client", lambda self: aws.open)
    yield aws
    gc.collect()
    left = list(StatusStream._shared)
    StatusStream._shared.clear()
    assert not left, "a stream outlived its waits: something still holds it"
    assert aws.opened == aws.closed, "a client was left open: the round's finally must close it"


class Triggerer:
    """Runs triggers as Airflow's triggerer does, and collects what they fire."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.manager = SharedStreamManager()
        self.fired: dict[int, list[tuple[float, dict[str, Any]]]] = {}

    async def wait(self, number: int, trigger: BcmBaseTrigger, after: float = 0.0) -> None:
        """Run one trigger until it ends, beginning ``after`` seconds."""
        await asyncio.sleep(after)
        key = trigger.shared_stream_key()
        events = self.fired.setdefault(number, [])
        stream = self.manager.subscribe(trigger_id=number, trigger=trigger, key=key)
        try:
            async for event in trigger.filter_shared_stream(stream):
                events.append((self.clock.monotonic(), event.payload))
        finally:
            await self.manager.unsubscribe(number, key)

    def run(self, *triggers: BcmBaseTrigger, after: dict[int, float] | None = None, idle: float = 0) -> None:
        """Run triggers until all have ended, and go on for ``idle`` seconds; the key of ``after`` is the position."""

        async def everything() -> None:
            waits = (self.wait(n, one, (after or {}).get(n, 0.0)) for n, one in enumerate(triggers))
            await asyncio.gather(*waits)
            await asyncio.sleep(idle)

        self.clock.run(everything())

    def outcomes(self) -> list[str]:
        """The outcome of each trigger's only event."""
        assert all(len(events) == 1 for events in self.fired.values()), f"each fires exactly once: {self.fired}"
        return [self.fired[number][0][1]["outcome"] for number in sorted(self.fired)]

    def event(self, number: int = 0) -> tuple[float, dict[str, Any]]:
        """When the only event of a trigger came, and what it says."""
        (only,) = self.fired[number]
        return only


@pytest.fixture
def triggerer(aws: FakeAws, clock: Clock) -> Triggerer:
    """Airflow's manager of shared streams, on virtual time."""
    return Triggerer(clock)


class Make:
    """Makes triggers that began ``age`` seconds ago and give up in ``hours``."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def _shared(self, hours: float, poke: float, longest: float, age: float, earliest: float = 0.0) -> dict[str, Any]:
        """The arguments that a task gives which has just looked, at ``age``; ``earliest`` is of its forecast."""
        now = self.clock.time()
        wait = {"started": now - age, "deadline": now + hours * HOUR, "poke_interval": poke, "max_wait": longest}
        first_look = now + min(max(poke, longest), earliest) if age < poke and earliest else None
        return {**wait, "first_look": first_look, "status": "what the task saw"}

    def estimate(
        self,
        name: str = "b-1",
        *,
        hours: float = 14,
        poke: float = 90,
        longest: float = 600,
        age: float = 0,
        **kwargs: Any,
    ) -> BcmBillEstimateTrigger:
        """A wait for a bill estimate."""
        shared = self._shared(hours, poke, longest, age, ESTIMATE_EARLIEST.total_seconds())
        return BcmBillEstimateTrigger(bill_estimate_id=name, **{**shared, **kwargs})

    def execution(
        self,
        arn: str = "x-1",
        *,
        hours: float = 36,
        poke: float = 90,
        longest: float = 600,
        age: float = 0,
        **kwargs: Any,
    ) -> BcmExportExecutionTrigger:
        """A wait for an execution of an export."""
        return BcmExportExecutionTrigger(export_arn=arn, **{**self._shared(hours, poke, longest, age), **kwargs})


@pytest.fixture
def make(clock: Clock) -> Make:
    """Makes triggers."""
    return Make(clock)


def run_alone(clock: Clock, trigger: BcmBaseTrigger) -> list[tuple[float, TriggerEvent]]:
    """Run a trigger by its ``run()``, without a shared stream."""

    async def collect() -> list[tuple[float, TriggerEvent]]:
        return [(clock.monotonic(), event) async for event in trigger.run()]

    return clock.run(collect())


@pytest.fixture
def alone(aws: FakeAws, clock: Clock) -> Any:
    """Runs a trigger alone and returns its events with their times."""
    return lambda trigger: run_alone(clock, trigger)
