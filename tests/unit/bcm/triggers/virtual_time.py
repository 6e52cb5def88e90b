"""Hours of waiting in no time: an event loop whose clock jumps to whatever is due next."""

from __future__ import annotations

import asyncio
import time as real
from collections.abc import Coroutine
from datetime import UTC, datetime, tzinfo
from typing import Any, TypeVar

import pytest

Result = TypeVar("Result")


class VirtualLoop(asyncio.SelectorEventLoop):
    """Never sleeps. It can wait for no socket and no thread: what it runs must be made of fakes."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and not self._stopping:
            due = [handle.when() for handle in self._scheduled if not handle.cancelled()]
            if not due:
                raise AssertionError("everybody waits for something that never happens: a wait would hang for ever")
            self.now = max(self.now, min(due))
        super()._run_once()


class Clock:
    """Stands in for the module ``time`` and the class ``datetime``, and runs coroutines on its own time."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.epoch = real.time()

    def monotonic(self) -> float:
        return self.loop.now

    def time(self) -> float:
        return self.epoch + self.loop.now

    def at(self, seconds: float) -> datetime:
        """The moment so many seconds after the start."""
        return datetime.fromtimestamp(self.epoch + seconds, UTC)

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            return runner.run(coroutine)

    def patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Give the triggers this time."""
        clock = self

        class VirtualDatetime(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:
                return datetime.fromtimestamp(clock.time(), tz)

        for module in ("base", "client", "stream", "wait", "budget", "metrics", "news"):
            monkeypatch.setattr(f"bcm.triggers.{module}.time", self)
        monkeypatch.setattr("bcm.looks.datetime", VirtualDatetime)
