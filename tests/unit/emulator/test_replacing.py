"""Restores and resets: one at a time, and nothing of what they replace goes on."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from tests.unit.emulator.held import HOUR, pass_hours

from emulator.world import World


@pytest.fixture
def start(calculator, reader):
    """Create an estimate, whose bill is being read then, and give its id."""

    def create():
        scenario = calculator.create_bill_scenario(name="growth")["id"]
        estimate = calculator.create_bill_estimate(billScenarioId=scenario, name="estimate")["id"]
        assert reader.begun.wait(20)
        return estimate

    return create


@pytest.fixture
def given_up(monkeypatch):
    """Whether what is under way is given up ``once``, and ``twice`` at a time."""
    give_up, seen = World.give_up, SimpleNamespace(now=0, once=threading.Event(), twice=threading.Event())

    def counted(world):
        seen.now += 1
        (seen.twice if seen.now > 1 else seen.once).set()
        give_up(world)
        seen.now -= 1

    monkeypatch.setattr(World, "give_up", counted)
    return seen


def threads():
    return [thread.name for thread in threading.enumerate() if thread.name == "emulator-estimates"]


@pytest.mark.parametrize("end", ["restore", "reset"])
def test_nothing_is_worked_out_for_a_state_that_is_gone(emulator, start, end):
    emulator.snapshot()
    start()
    getattr(emulator, end)()
    assert threads() == [], f"a {end} leaves a thread at work"


@pytest.mark.parametrize("second", ["restore", "reset"])
def test_of_two_replacements_at_once_one_waits_for_the_other(emulator, calculator, start, reader, given_up, second):
    started = start()
    pass_hours(emulator.clock)
    emulator.snapshot()
    reader.heeds = False
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(emulator.restore)
        assert given_up.once.wait(20)
        other = pool.submit(getattr(emulator, second))
        asking = pool.submit(emulator.settle)
        given_up.twice.wait(0.2)
        reader.go_on.set()
        for each in (first, other, asking):
            each.result(20)
    assert not given_up.twice.is_set(), "two replace the state at once: each gives up what the other has put there"
    emulator.clock.advance(0)
    kept = {one["id"]: one["status"] for one in calculator.list_bill_estimates()["items"]}
    assert kept == ({} if second == "reset" else {started: "COMPLETE"})


def test_a_snapshot_waits_for_a_restore(emulator, start, calculator, reader, given_up):
    emulator.snapshot("empty")
    start()
    reader.heeds = False
    with ThreadPoolExecutor(2) as pool:
        restored = pool.submit(emulator.restore, "empty")
        assert given_up.once.wait(20)
        taken = pool.submit(emulator.snapshot, "meanwhile")
        given_up.twice.wait(0.2)
        reader.go_on.set()
        for each in (restored, taken):
            each.result(20)
    emulator.restore("meanwhile")
    kept = calculator.list_bill_estimates()["items"]
    assert kept == [], "a snapshot has a state whose work was being given up: its estimates never end"


def test_a_snapshot_that_waits_for_what_is_due_keeps_no_restore_out(emulator, start, reader, monkeypatch):
    emulator.snapshot("empty")
    start()
    desk, waits = emulator._world.estimate_desk, threading.Event()
    wait = desk.wait

    def noted(until):
        if threading.current_thread() is taking:
            waits.set()
        wait(until)

    monkeypatch.setattr(desk, "wait", noted)
    taking = threading.Thread(target=emulator.snapshot)
    restoring = threading.Thread(target=emulator.restore, args=["empty"])
    emulator.clock.advance(13 * HOUR)
    taking.start()
    assert waits.wait(20)
    restoring.start()
    restoring.join(5)
    is_kept_out = restoring.is_alive()
    reader.go_on.set()
    for thread in (taking, restoring):
        thread.join(20)
    assert not is_kept_out, "a restore, or a stop, waits until what it gives up has been done"
