"""The kills of a campaign are its seed's."""

from __future__ import annotations

import pytest
from tests.chaos.schedule import MANNERS, PAUSES, SINGLE, VICTIMS, WORKERS, kills
from tests.chaos.victims import COMPONENTS


def test_a_seed_has_one_sequence() -> None:
    assert kills(7, 300) == kills(7, 300)
    assert kills(7, 300) != kills(8, 300)


def test_this_is_seed_1s() -> None:
    # written down: whoever changes how chance is drawn changes what every seed that somebody has noted means
    told = [f"{kill.at:g} {kill.victim} {kill.manner} {kill.pick:g}" for kill in kills(1, 30)]
    assert told == [
        "4.81 scheduler-2 child 0.0939",
        "8.98 triggerer-1 child 0.4328",
        "17.55 scheduler-1 machine 0.4454",
        "25.88 triggerer-2 machine 0.9453",
    ]


def test_a_longer_campaign_begins_like_a_shorter_one() -> None:
    short = kills(3, 60)
    assert kills(3, 600)[: len(short)] == short


@pytest.mark.parametrize("seed", range(20))
def test_everybodys_turn_comes_in_order_within_the_time(seed: int) -> None:
    found = kills(seed, 300)
    assert {kill.victim for kill in found[: len(VICTIMS)]} == set(VICTIMS)
    times = [kill.at for kill in found]
    pauses = [later - earlier for earlier, later in zip([0.0, *times], times, strict=False)]
    assert all(PAUSES[0] - 0.01 <= pause <= PAUSES[1] + 0.01 for pause in pauses)
    assert times[-1] <= 300 < times[-1] + PAUSES[1] + 0.01


def test_what_there_is_one_of_is_killed_half_as_often_and_the_workers_more() -> None:
    victims = [kill.victim for kill in kills(5, 100_000)]
    for name in VICTIMS:
        share = victims.count(name) / len(victims)
        assert share == pytest.approx((1 if name in SINGLE else 3 if name in WORKERS else 2) / 16, rel=0.02), name


def test_every_manner_comes_as_often_as_it_should() -> None:
    manners = [kill.manner for kill in kills(5, 100_000)]
    for manner, weight in MANNERS.items():
        assert manners.count(manner) / len(manners) == pytest.approx(weight / sum(MANNERS.values()), rel=0.03), manner


def test_the_victims_are_the_components() -> None:
    assert set(VICTIMS) == set(COMPONENTS)
