"""In which order a desk does its work, and what becomes of the rest when some of it fails."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest

from emulator.clock import FIRST, LAST
from emulator.desk import Desk


class Line(Desk):
    """Work is the hour at which it is due, none if that is ``NEVER``; nothing is done until it is let ``go_on``."""

    BAD, NEVER = 1, 99
    thread_name = "emulator-line"

    def __init__(self):
        super().__init__(SimpleNamespace(lock=threading.RLock()))
        self.go_on = threading.Event()
        self.done = []

    def hand_in(self, *hours):
        with self._world.lock:
            for hour in hours:
                self._hand_in(hour, hour)

    def _due(self, work):
        return [] if work == self.NEVER else [FIRST + timedelta(hours=work)]

    def _do(self, work):
        assert self.go_on.wait(20)
        self.done.append(work)
        if work == self.BAD:
            raise IndexError("a defect")


@pytest.fixture
def line():
    desk = Line()
    yield desk
    desk.go_on.set()


def wait(line):
    """Wait for all of it that is due some day, but not without end."""
    waiting = threading.Thread(target=line.wait, args=[LAST], daemon=True)
    waiting.start()
    line.go_on.set()
    waiting.join(10)
    assert not waiting.is_alive(), "who waits for the desk waits without end"


def test_what_is_due_first_is_done_first(line):
    line.hand_in(line.NEVER, 8, 2, 5)
    wait(line)
    assert line.done[:3] == [2, 5, 8], "what is due waits for what was handed in before it and is not due"


def test_a_defect_ends_its_own_work_alone(line, caplog):
    with caplog.at_level(logging.CRITICAL):
        line.hand_in(2, line.BAD)
        wait(line)
    assert line.done == [line.BAD, 2]
