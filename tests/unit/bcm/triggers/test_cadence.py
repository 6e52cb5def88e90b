"""When a wait looks: seldom while the answer cannot be there, often when it is due; and what that costs."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest
from tests.unit.bcm.triggers.conftest import HOUR, Make, Triggerer
from tests.unit.bcm.triggers.fake_aws import FakeAws

MINUTE = 60.0


def pauses(aws: FakeAws, method: str) -> dict[float, float]:
    """The pause after each look, by when it began."""
    return {earlier: later - earlier for earlier, later in pairwise(aws.moments(method))}


@pytest.mark.parametrize("seed", range(5))
def test_an_estimate_of_ten_hours_costs_150_calls_and_is_noticed_within_90_seconds(
    alone: Any, make: Make, aws: FakeAws, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("bcm.triggers.client.JITTER", 0.1)
    random.seed(seed)
    aws.ends = {"b-1": 10 * HOUR}
    ((moment, event),) = alone(make.estimate())
    assert event.payload["outcome"] == "success"
    assert 10 * HOUR <= moment <= 10 * HOUR + 90
    assert aws.counts.total() <= 150


def test_both_numbers_are_the_sensors_to_choose(alone: Any, make: Make, aws: FakeAws) -> None:
    aws.ends = {"b-1": 10 * HOUR}
    ((moment, _),) = alone(make.estimate(poke=300, longest=1800))
    assert moment <= 10 * HOUR + 300
    assert aws.counts.total() <= 60


def test_an_estimate_is_not_looked_for_before_one_can_end(alone: Any, make: Make, aws: FakeAws) -> None:
    aws.ends = {"b-1": 20 * MINUTE}
    ((moment, _),) = alone(make.estimate(longest=HOUR))
    assert aws.moments("list_bill_estimates") == [20 * MINUTE]
    assert moment == pytest.approx(20 * MINUTE, abs=1)


def test_pauses_grow_with_the_age_of_an_estimate_until_it_is_due(alone: Any, make: Make, aws: FakeAws) -> None:
    aws.ends = {"b-1": 13 * HOUR}
    alone(make.estimate())
    after = pauses(aws, "list_bill_estimates")
    growing = {age: pause for age, pause in after.items() if 20 * MINUTE <= age < 100 * MINUTE}
    assert all(pause == pytest.approx(age / 10) for age, pause in growing.items())
    assert {round(pause) for age, pause in after.items() if 100 * MINUTE < age < 7.8 * HOUR} == {600}
    assert {round(pause) for age, pause in after.items() if 8 * HOUR < age < 11.9 * HOUR} == {90}
    assert {round(pause) for age, pause in after.items() if age > 12 * HOUR} == {600}, "overdue: nobody knows"


def test_the_first_look_of_the_due_time_comes_when_it_begins(alone: Any, make: Make, aws: FakeAws) -> None:
    aws.ends = {"b-1": 8 * HOUR}
    ((moment, _),) = alone(make.estimate(longest=2 * HOUR))
    assert moment <= 8 * HOUR + 90


def test_an_execution_that_runs_is_looked_for_often(alone: Any, make: Make, aws: FakeAws) -> None:
    aws.ends = {"x-1": 5 * HOUR}
    alone(make.execution(age=9 * HOUR))
    assert {round(pause) for pause in pauses(aws, "list_executions").values()} == {90}


def test_the_tightest_wait_decides_for_all_that_share_a_survey(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    aws.ends = {"x-1": 2000.0}
    triggerer.run(make.execution(poke=300), make.execution(poke=20))
    assert {round(pause) for pause in pauses(aws, "list_executions").values()} == {20}
    assert [round(triggerer.event(number)[0]) for number in (0, 1)] == [2000, 2000]


def test_waits_with_little_patience_leave_and_the_others_slow_down(
    triggerer: Triggerer, make: Make, aws: FakeAws
) -> None:
    aws.ends = {"x-1": 5000.0}
    triggerer.run(make.execution(poke=300), make.execution(poke=20, hours=1000 / HOUR))
    assert triggerer.outcomes() == ["success", "timeout"]
    late = {round(pause) for age, pause in pauses(aws, "list_executions").items() if age > 1400}
    assert late == {300}
