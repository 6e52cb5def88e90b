"""Many waits, one poll: under Airflow's own SharedStreamManager, on virtual time."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from itertools import pairwise

import pytest
from tests.unit.bcm.triggers.conftest import HOUR, Make, Triggerer
from tests.unit.bcm.triggers.fake_aws import FakeAws


def test_twenty_waits_for_estimates_make_one_list_call_a_round(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    names = [f"b-{number}" for number in range(20)]
    aws.ends = dict.fromkeys(names, HOUR)
    triggerer.run(*(make.estimate(name, age=2 * HOUR) for name in names))
    assert triggerer.outcomes() == ["success"] * 20
    # rounds at 90 s and then each 600 s: six of them lie in the hour, and one sees the end
    assert aws.counts == {"list_bill_estimates": 7, "get_bill_estimate": 20}


def test_every_page_of_the_list_is_read_once_a_round(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    names = [f"b-{number}" for number in range(60)]
    aws.ends = dict.fromkeys(names, 700.0)
    triggerer.run(*(make.estimate(name) for name in names))
    assert triggerer.outcomes() == ["success"] * 60
    assert aws.counts["list_bill_estimates"] == 3 + 1, "60 in progress are three pages, none are one"


def test_waits_for_two_exports_make_two_list_calls_a_round(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    aws.ends = {"x-1": 200.0, "x-2": 200.0}
    triggerer.run(*(make.execution(arn) for arn in ["x-1", "x-2"] * 10))
    assert triggerer.outcomes() == ["success"] * 20
    assert aws.moments("list_executions", "x-1") == aws.moments("list_executions", "x-2") == [90.0, 180.0, 270.0]


def test_one_client_serves_all_waits(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    aws.ends = {"x-1": 200.0}
    triggerer.run(*(make.execution() for _ in range(10)))
    assert aws.opened == aws.closed == 1


def test_a_late_joiner_falls_into_step_with_the_others(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    aws.ends = {"x-1": 2000.0}
    triggerer.run(make.execution(), make.execution(), after={1: 300.0})
    assert triggerer.outcomes() == ["success"] * 2
    alone = 2000 // 90 + 1
    assert len(aws.moments("list_executions")) <= alone + 2, "waits that joined at different times must share calls"


def test_a_late_joiner_is_told_of_what_ended_before_it_came(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    aws.ends = {"x-1": 100.0, "x-2": 5000.0}
    triggerer.run(make.execution("x-2"), make.execution("x-1"), after={1: 1000.0})
    assert triggerer.event(1)[0] <= 1000 + 90 + 1


def test_a_late_joiner_need_not_sit_out_the_pause_of_the_others(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    aws.ends = {"b-1": 3000.0, "b-2": 0.0}
    triggerer.run(make.estimate("b-1", age=2 * HOUR), make.estimate("b-2", first_look=None), after={1: 200.0})
    assert aws.moments("get_bill_estimate", "b-2") == [pytest.approx(290)], "the stream slept until 690"


def test_each_wait_is_looked_for_as_often_as_it_asked(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    aws.ends = {"quick": 2000.0, "slow": 2000.0}
    triggerer.run(make.execution("quick", poke=20), make.execution("slow", poke=300))
    assert len(aws.moments("list_executions", "quick")) == pytest.approx(100, abs=5)
    # it may look along with the other one when it is nearly due
    assert 7 <= len(aws.moments("list_executions", "slow")) <= 14
    assert triggerer.event(0)[0] <= 2000 + 20
    assert triggerer.event(1)[0] <= 2000 + 300


def test_the_first_look_comes_one_interval_after_the_deferral(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    aws.ends = {"x-1": 0.0}
    triggerer.run(make.execution(poke=90))
    assert triggerer.event()[0] == pytest.approx(90), "Airflow 3.3 mishandles a trigger that fires at once"


def test_nothing_is_polled_when_nobody_waits(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    aws.ends = {"x-1": 100.0}
    triggerer.run(make.execution(), idle=10 * HOUR)
    assert max(aws.moments("list_executions")) <= 180.0


def test_a_wait_that_was_cancelled_is_no_longer_looked_for(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    aws.ends = {"stays": 5000.0}

    async def cancel_one() -> None:
        gone = asyncio.create_task(triggerer.wait(1, make.execution("goes")))
        stays = asyncio.create_task(triggerer.wait(0, make.execution("stays")))
        await asyncio.sleep(1000)
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone
        await stays

    triggerer.clock.run(cancel_one())
    assert triggerer.fired[1] == []
    assert max(aws.moments("list_executions", "goes")) <= 1000
    assert triggerer.event(0)[1]["outcome"] == "success"


def test_a_new_wait_after_the_last_one_left_is_served(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    aws.ends = {"x-1": 100.0}
    triggerer.run(make.execution(), make.execution(), after={1: 2 * HOUR})
    assert triggerer.outcomes() == ["success"] * 2
    assert aws.opened == 2, "the second poll opens its own client"


def test_one_bad_wait_does_not_end_the_others(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    aws.ends = {"x-1": 500.0, "x-2": 500.0}
    bad = make.execution("x-2", export={"Name": "another"})  # the fake AWS has no GetExecution
    triggerer.run(make.execution("x-1"), bad)
    assert triggerer.outcomes() == ["success", "refused"]


@pytest.mark.parametrize("kind", ["estimate", "execution"])
def test_an_event_is_small_plain_json(triggerer: Triggerer, make: Make, aws: FakeAws, kind: str) -> None:
    aws.ends = {"b-1": 100.0, "x-1": 100.0}
    triggerer.run(getattr(make, kind)())
    payload = triggerer.event()[1]
    assert json.loads(json.dumps(payload)) == payload
    assert len(json.dumps(payload)) < 1024


def test_jitter_keeps_waits_of_one_stream_in_step(
    triggerer: Triggerer, make: Make, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bcm.triggers.client.JITTER", 0.1)
    aws.ends = {"x-1": HOUR}
    triggerer.run(*(make.execution() for _ in range(10)))
    moments = aws.moments("list_executions")
    assert len(moments) == pytest.approx(43, abs=5), "ten waits must not make more calls than one"
    pauses = {round(later - earlier, 1) for earlier, later in pairwise(moments)}
    assert len(pauses) > 5, "pauses vary, so that many triggerers do not call in step"
    assert all(80.9 <= pause <= 90.1 for pause in pauses), "a wait is looked for at least as often as it asked"
