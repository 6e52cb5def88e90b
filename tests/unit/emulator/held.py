"""What holds up the reading of a bill, and hours that pass without a jump of the clock."""

from __future__ import annotations

import threading
from datetime import timedelta

HOUR = 3600


class Held:
    """Stands before a function and holds it up until it is let go on; it can be given up if it ``heeds`` that."""

    def __init__(self, function):
        self._function = function
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.times = 0
        self.heeds = True

    def __call__(self, *arguments):
        self.times += 1
        self.begun.set()
        proceed = arguments[-1] if callable(arguments[-1]) else lambda: None
        while not self.go_on.wait(0.005):
            if self.heeds:
                proceed()
        return self._function(*arguments)


def pass_hours(clock):
    """Let as many hours be over as the longest estimate takes, and let nobody wait for what that brings."""
    with clock._lock:
        clock._emulated += timedelta(hours=13)
