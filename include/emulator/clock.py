"""Emulated time: a clock that can run fast and be moved on, and the timeline of what falls due on it."""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Action = Callable[[datetime], None]
FASTEST = 1e7
"""Four months a second: the calendar's end, the year 9999, stays hours away."""
_log = logging.getLogger(__name__)


class Clock:
    """Time in UTC that runs ``speed`` times as fast as the wall.

    :param start: the emulated time now; the wall's time when ``None``.
    :param speed: emulated seconds per second of the wall, above 0, at most :data:`FASTEST`.
    """

    def __init__(self, start: datetime | None = None, speed: float = 1.0) -> None:
        self._lock = threading.Lock()
        self._emulated = start or datetime.now(UTC)
        self._wall = time.monotonic()
        self._speed = _checked_speed(speed)
        self._jumps = 0

    @property
    def jumps(self) -> int:
        """How often the clock was moved by hand: who moved it waits for what fell due, who reads it does not."""
        return self._jumps

    @property
    def speed(self) -> float:
        """Emulated seconds per second of the wall."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        with self._lock:
            self._rebase()
            self._speed = _checked_speed(speed)

    def now(self) -> datetime:
        """Give the emulated time, aware, in UTC."""
        with self._lock:
            return self._rebase()

    def advance(self, seconds: float) -> datetime:
        """Move on by ``seconds`` of emulated time (0 or more) and give the new time.

        :raises ValueError: if ``seconds`` is negative: deliveries cannot be undone; or beyond the calendar.
        """
        if not seconds >= 0:
            raise ValueError(f"advance_seconds must be 0 or more, not {seconds}: the clock cannot go back")
        with self._lock:
            try:
                self._emulated = self._rebase() + timedelta(seconds=seconds)
            except OverflowError:
                raise ValueError(f"advance_seconds: {seconds} is beyond the calendar") from None
            self._jumps += 1
            return self._emulated

    def set(self, moment: datetime) -> None:
        """Go to ``moment``, back too: only who replaces the whole state of the emulator does this."""
        with self._lock:
            self._wall = time.monotonic()
            self._emulated = moment
            self._jumps += 1

    def _rebase(self) -> datetime:
        wall = time.monotonic()
        self._emulated += timedelta(seconds=(wall - self._wall) * self._speed)
        self._wall = wall
        return self._emulated


def _checked_speed(speed: float) -> float:
    if not 0 < speed <= FASTEST:
        raise ValueError(f"speed must be above 0 and at most {FASTEST:.0e}, not {speed}")
    return float(speed)


class Timeline:
    """What falls due when. Actions run in the order of their emulated time, whoever asks first.

    Nothing here sleeps: :meth:`settle` is called before every request and by the server's ticker.
    """

    def __init__(self) -> None:
        self._due: list[tuple[datetime, int, Action]] = []
        self._scheduled = 0

    def schedule(self, at: datetime, action: Action) -> None:
        """Have ``action(at)`` called as soon as the emulated time reaches ``at``.

        :param action: picklable, as snapshots keep it: a function of a module or a bound method, or a
            :func:`functools.partial` of one.
        """
        self._scheduled += 1
        heapq.heappush(self._due, (at, self._scheduled, action))

    def is_due(self, now: datetime) -> bool:
        """Say whether :meth:`settle` has something to do. This may be asked without the world's lock."""
        return any(at <= now for at, _, _ in self._due[:1])

    def settle(self, now: datetime) -> None:
        """Run everything that is due by ``now``, including what these actions schedule by then.

        An action that fails is logged and over: it is not the fault of the request that came after it.
        """
        while self._due and self._due[0][0] <= now:
            at, _, action = heapq.heappop(self._due)
            try:
                action(at)
            except Exception:
                _log.exception("what was due at %s failed", at)
