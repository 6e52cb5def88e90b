"""Which months of a bill are kept once they are read, and how often one is read."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest

from emulator.organisation import Organisation
from emulator.pricing_calculator import history
from emulator.pricing_calculator.products import product

SEPTEMBER, OCTOBER, NOVEMBER = (date(2026, month, 1) for month in (9, 10, 11))
NOW = datetime(2027, 1, 20, 15, 30, tzinfo=UTC)
ORGANISATION = Organisation(7, "111122223333", (), 500)


@pytest.fixture
def read(monkeypatch):
    """The months that were read, each of ten parts, and when they were known."""
    done = []

    def reading(organisation, month, known_at, proceed):
        proceed()
        done.append((month, known_at))
        return history.History(organisation, month, known_at, [None] * 10, [], {})

    monkeypatch.setattr(history, "_read", reading)
    monkeypatch.setattr(history, "_recent", {})
    monkeypatch.setattr(history, "_KEPT_PARTS", 20)
    return done


def test_a_month_is_read_once_while_there_is_room(read):
    for month in (SEPTEMBER, OCTOBER, SEPTEMBER, NOVEMBER, SEPTEMBER, OCTOBER):
        assert history.history_of(ORGANISATION, month, NOW).month == month
    assert [month for month, _ in read] == [SEPTEMBER, OCTOBER, NOVEMBER, OCTOBER]


def test_a_month_is_known_as_at_midnight_until_it_is_settled(read):
    for day in (2, 2, 3, 15, 28):
        history.history_of(ORGANISATION, OCTOBER, NOW.replace(year=2026, month=11, day=day))
    assert [known_at for _, known_at in read] == [datetime(2026, 11, day, tzinfo=UTC) for day in (2, 3, 15)]


def test_who_asks_while_a_month_is_read_waits_for_it(monkeypatch, read):
    quick, begun, go_on = history._read, threading.Event(), threading.Event()

    def slow(*how):
        begun.set()
        assert go_on.wait(20)
        return quick(*how)

    monkeypatch.setattr(history, "_read", slow)
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(history.history_of, ORGANISATION, OCTOBER, NOW) for _ in range(2)]
        assert begun.wait(20)
        other = Organisation(8, "111122223333", (), 500)
        monkeypatch.setattr(history, "_read", quick)
        assert history.history_of(other, OCTOBER, NOW).organisation is other, "another's bill waits for this one"
        go_on.set()
        assert asked[0].result() is asked[1].result()
    assert len(read) == 2


def test_what_is_known_of_hours_takes_room_too(read):
    first = history.history_of(ORGANISATION, SEPTEMBER, NOW)
    first._hourly = dict.fromkeys(range(10))
    for month in (OCTOBER, SEPTEMBER):
        history.history_of(ORGANISATION, month, NOW)
    assert [month for month, _ in read] == [SEPTEMBER, OCTOBER, SEPTEMBER], "hours are kept beyond the bound"


def give_up():
    raise InterruptedError


def test_a_reading_that_is_given_up_can_be_done_again(read):
    with pytest.raises(InterruptedError):
        history.history_of(ORGANISATION, OCTOBER, NOW, give_up)
    assert history.history_of(ORGANISATION, OCTOBER, NOW).month == OCTOBER


@pytest.mark.parametrize("function", ["_read", "_read_hours"])
def test_who_waits_for_anothers_reading_can_give_up(monkeypatch, read, function):
    month, begun, go_on = history.History(ORGANISATION, OCTOBER, NOW, [], [], {}), threading.Event(), threading.Event()

    def slow(*_):
        begun.set()
        assert go_on.wait(20)
        return {}

    def ask(proceed):
        if function == "_read":
            history.history_of(ORGANISATION, OCTOBER, NOW, proceed)
        else:
            month.read_hours(proceed)

    monkeypatch.setattr(history, function, slow)
    late = threading.Timer(5, go_on.set)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(ask, lambda: None)
        assert begun.wait(20)
        late.start()
        try:
            with pytest.raises(InterruptedError):
                ask(give_up)
        finally:
            late.cancel()
            go_on.set()


def test_a_reading_can_be_given_up_after_each_slice(monkeypatch):
    monkeypatch.setattr(history, "_recent", {})
    monkeypatch.setattr(history, "_SLICE_LINES", 3)
    slices = []
    with pytest.raises(InterruptedError):  # if not, a large organisation's bill is read to its end
        history.history_of(
            Organisation(7, "111122223333", (), 50), OCTOBER, NOW, lambda: give_up() if slices else slices.append(1)
        )
    with pytest.raises(InterruptedError):
        history.History(ORGANISATION, OCTOBER, NOW, [], [], {}).read_hours(give_up)


def test_the_hours_are_those_of_all_usage_that_a_commitment_can_cover(monkeypatch):
    monkeypatch.setattr(history, "_recent", {})
    read = history.history_of(ORGANISATION, OCTOBER, NOW)
    coverable = {
        part.number: part.quantity
        for part in read.parts
        if part.is_usage and (known := product(*part.key[:3])) is not None and known.compute
    }
    assert {number: hours.sum() for number, hours in read.hourly.items()} == pytest.approx(coverable), (
        "the hours are read from a part of the resources and differ from what the whole bill has"
    )
