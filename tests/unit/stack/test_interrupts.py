"""Ctrl-C as a flag."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from stack.errors import StoppedError
from stack.interrupts import Interrupts


@pytest.mark.parametrize("number", Interrupts.SIGNALS)
def test_a_signal_ends_a_pause_long_before_its_time(number: signal.Signals) -> None:
    began = time.monotonic()
    with Interrupts() as interrupts:
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
        with pytest.raises(StoppedError, match=number.name):
            interrupts.pause(20)
    assert time.monotonic() - began < 5


def test_a_signal_raises_nowhere_but_at_a_look() -> None:
    with Interrupts() as interrupts:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(StoppedError):
            interrupts.check()


def test_only_the_first_signal_is_announced() -> None:
    said: list[str] = []
    with Interrupts(lambda: said.append("stopping")):
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
    assert said == ["stopping"]


def test_the_handlers_of_before_come_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupts():
        pass
    assert signal.getsignal(signal.SIGINT) is before


def test_a_call_that_hangs_does_not_keep_a_signal_waiting() -> None:
    hanging = threading.Event()
    began = time.monotonic()
    with Interrupts() as interrupts:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(StoppedError):
            interrupts.during(lambda: hanging.wait(20))
    hanging.set()
    assert time.monotonic() - began < 5


def test_a_call_is_answered_with_its_outcome() -> None:
    assert Interrupts().during(lambda: 42) == 42
    with pytest.raises(TimeoutError, match="its own"):
        Interrupts().during(lambda: (_ for _ in ()).throw(TimeoutError("its own")))
