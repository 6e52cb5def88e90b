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
"""Four months a second."""
FIRST = datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime(2999, 12, 31, tzinfo=UTC)
"""Where emulated time stands still: what is scheduled for later, and looked up in the past, still has a date."""
_log = logging.getLogger(__name__)


class Clock:
    """Time in UTC that runs ``speed`` times as fast as the wall.

    :param start: the emulated time now, :data:`FIRST` to :data:`LAST`; the wall's time when ``None``.
    :param speed: emulated seconds per second of the wall, above 0, at most :data:`FASTEST`.
    :raises ValueError: if one of them is not in its bounds.
    """

    def __init__(self, start: datetime | None = None, speed: float = 1.0) -> None:
        self._lock = threading.Lock()
        self._emulated = checked_moment(start or datetime.now(UTC))
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
        self.change(speed=speed)

    def now(self) -> datetime:
        """Give the emulated time, aware, in UTC."""
        with self._lock:
            return self._rebase()

    def advance(self, seconds: float) -> datetime:
        """Move on by ``seconds`` of emulated time (0 or more) and give the new time.

        :raises ValueError: if ``seconds`` is negative: deliveries cannot be undone; or beyond :data:`LAST`.
        """
        return self.change(advance_seconds=seconds)

    def change(self, *, advance_seconds: float | None = None, speed: float | None = None) -> datetime:
        """Move on, change the pace, or both, and give the new time.

        :raises ValueError: as :meth:`advance` and :class:`Clock` do; then neither has happened.
        """
        checked = self._speed if speed is None else _checked_speed(speed)
        with self._lock:
            now = self._rebase()
            if advance_seconds is not None:
                if not advance_seconds >= 0:
                    raise ValueError(f"advance_seconds must be 0 or more, not {advance_seconds}: time does not go back")
                if advance_seconds > (LAST - now).total_seconds():
                    raise ValueError(f"advance_seconds: the clock goes to {LAST:%Y-%m-%d} only")
                self._emulated += timedelta(seconds=advance_seconds)
                self._jumps += 1
            self._speed = checked
            return self._emulated

    def set(self, moment: datetime) -> None:
        """Go to ``moment``, back too: only who replaces the whole state of the emulator does this."""
        with self._lock:
            self._wall = time.monotonic()
            self._emulated = moment
            self._jumps += 1

    def _rebase(self) -> datetime:
        wall = time.monotonic()
        passed = (wall - self._wall) * self._speed
        self._emulated += timedelta(seconds=min(passed, (LAST - self._emulated).total_seconds()))
        self._wall = wall
        return self._emulated


def checked_moment(moment: datetime) -> datetime:
    """Give an aware ``moment`` if the clock can show it.

    :raises ValueError: with one sentence if it is before :data:`FIRST` or after :data:`LAST`.
    """
    if not FIRST <= moment <= LAST:
        raise ValueError(f"start: {moment:%Y-%m-%d} is not from {FIRST:%Y-%m-%d} to {LAST:%Y-%m-%d}")
    return moment


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
