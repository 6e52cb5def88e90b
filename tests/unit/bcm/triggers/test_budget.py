"""The process-wide budget of calls: evenly spaced, with fair turns."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from tests.unit.bcm.triggers.conftest import Make, Triggerer
from tests.unit.bcm.triggers.fake_aws import FakeAws
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


def test_the_waits_of_all_connections_keep_to_one_budget(
    triggerer: Triggerer, make: Make, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bcm.triggers.client.BUDGET", CallBudget(1))
    many = [f"many-{number}" for number in range(20)]
    aws.ends = dict.fromkeys([*many, "few"], 0.0)
    triggerer.run(
        *(make.execution(arn, aws_conn_id="one") for arn in many), make.execution("few", aws_conn_id="another")
    )
    moments = aws.moments("list_executions")
    assert len(moments) == 21
    assert all(later - earlier >= 0.999 for earlier, later in pairwise(moments)), "one call a second, whoever calls"
    assert triggerer.event(20)[0] <= 90 + 3, "a connection with one wait must not stand behind one with twenty"
