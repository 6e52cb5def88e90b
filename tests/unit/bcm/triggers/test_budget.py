"""The process-wide budget of calls: evenly spaced, with fair turns."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.bcm.triggers.virtual_time import Clock

from bcm.triggers.budget import CallBudget


def test_calls_are_spaced_evenly(clock: Clock) -> None:
    async def calls() -> list[float]:
        budget, moments = CallBudget(10), []
        for _ in range(5):
            await budget.turn()
            moments.append(clock.monotonic())
        return moments

    assert clock.run(calls()) == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])


def test_a_stream_with_many_calls_gets_no_more_turns_than_one_with_few(clock: Clock) -> None:
    async def turns() -> str:
        budget, order = CallBudget(10), []

        async def stream(name: str, calls: int) -> None:
            for _ in range(calls):
                await budget.turn()
                order.append(name)

        await asyncio.gather(stream("m", 20), stream("f", 3))
        return "".join(order)

    assert clock.run(turns()).startswith("mfmfmf")


def test_an_idle_process_saves_no_turns_up(clock: Clock) -> None:
    async def calls() -> list[float]:
        budget, moments = CallBudget(10), []
        await asyncio.sleep(100)
        for _ in range(3):
            await budget.turn()
            moments.append(clock.monotonic() - 100)
        return moments

    assert clock.run(calls()) == pytest.approx([0.0, 0.1, 0.2])
