"""The clock, the timeline, and how a world settles."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from emulator.clock import FASTEST, FIRST, LAST, Clock, Timeline

START = datetime(2026, 11, 20, 6, tzinfo=UTC)


def test_a_fast_clock_runs_fast():
    clock = Clock(START, speed=1e6)
    first, second = clock.now(), clock.now()
    assert START < first < second


def test_a_clock_keeps_its_time_when_the_speed_changes():
    clock = Clock(START, speed=1e6)
    before = clock.now()
    clock.speed = 1e-6
    assert before <= clock.now() < before + timedelta(hours=1)


@pytest.mark.parametrize("speed", [0, -1, 1e8, float("inf"), float("nan")])
def test_a_speed_must_be_above_zero(speed):
    with pytest.raises(ValueError, match="speed"):
        Clock(START, speed)


def test_what_is_due_runs_in_order_even_if_it_schedules_more():
    timeline, ran = Timeline(), []

    def first(at):
        ran.append(("first", at))
        timeline.schedule(at + timedelta(hours=1), lambda at: ran.append(("second", at)))

    timeline.schedule(START + timedelta(hours=3), lambda at: ran.append(("third", at)))
    timeline.schedule(START, first)
    timeline.schedule(START + timedelta(days=9), lambda at: ran.append(("never", at)))
    timeline.settle(START + timedelta(days=1))
    assert [name for name, _ in ran] == ["first", "second", "third"]


def test_an_action_that_fails_does_not_stop_the_others(caplog):
    timeline, ran = Timeline(), []
    timeline.schedule(START, lambda at: 1 / 0)
    timeline.schedule(START + timedelta(hours=1), ran.append)
    timeline.settle(START + timedelta(days=1))
    assert ran == [START + timedelta(hours=1)]
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("seconds", [-1, 1e15, float("inf"), float("nan")])
def test_the_clock_moves_on_within_the_calendar(seconds):
    clock = Clock(START)
    with pytest.raises(ValueError, match=r"advance_seconds|NaN"):
        clock.advance(seconds)
    assert clock.now() - START < timedelta(minutes=1)


def test_only_what_is_due_makes_work():
    timeline = Timeline()
    assert not timeline.is_due(START)
    timeline.schedule(START, lambda at: None)
    assert (timeline.is_due(START - timedelta(seconds=1)), timeline.is_due(START)) == (False, True)


def test_a_clock_stands_still_at_its_end_and_can_be_set_back():
    clock = Clock(LAST - timedelta(microseconds=1), speed=FASTEST)
    while clock.now() < LAST:
        pass
    assert clock.now() == LAST
    clock.speed = 1
    clock.set(START)
    assert clock.now() - START < timedelta(minutes=1)


@pytest.mark.parametrize("start", [FIRST - timedelta(seconds=1), LAST + timedelta(seconds=1)])
def test_a_clock_starts_within_its_bounds(start):
    with pytest.raises(ValueError, match=r"start: .* is not from 1970-01-01 to 2999-12-31"):
        Clock(start)


@pytest.mark.parametrize(("seconds", "speed"), [(3600, -1), (-1, 60)])
def test_a_change_that_is_half_wrong_changes_nothing(seconds, speed):
    clock = Clock(START)
    with pytest.raises(ValueError, match="must be"):
        clock.change(advance_seconds=seconds, speed=speed)
    assert clock.now() - START < timedelta(minutes=1), "the clock moved, and its mover was told that it did not"
    assert (clock.speed, clock.jumps) == (1, 0)


def test_moving_the_clock_is_a_jump_and_reading_it_is_none():
    clock = Clock(START)
    clock.now()
    clock.speed = 2
    before = clock.jumps
    clock.advance(0)
    clock.set(START)
    assert (before, clock.jumps) == (0, 2)


def test_settling_waits_for_nobody_if_nothing_is_due(emulator, exports, definition):
    exports.create_export(Export=definition())
    settling = threading.Thread(target=emulator.settle)
    with emulator._world.lock:
        settling.start()
        settling.join(20)
        assert not settling.is_alive()


def test_everybody_who_asks_after_a_jump_finds_what_it_brought(emulator, exports, client, definition):
    exports.create_export(Export=definition())
    emulator.clock.advance(7 * 3600)
    found = []

    def look():
        found.append("LastRefreshedAt" in client("bcm-data-exports").list_exports()["Exports"][0]["ExportStatus"])

    threads = [threading.Thread(target=look) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 5


def test_the_ticker_goes_on_after_a_failure(emulator, monkeypatch, caplog):
    ticked, failures = threading.Event(), [RuntimeError("this tick fails")]

    def settle():
        if failures:
            raise failures.pop()
        ticked.set()

    monkeypatch.setattr(emulator._world, "settle", settle)
    assert ticked.wait(20), "one failure ended the ticker for ever"
    assert "this tick fails" in caplog.text
