"""One task's wait: what it looks for, when it looks next, and what it tells its task."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bcm.exceptions import BcmPermanentError
from bcm.hooks.base import NOT_FOUND_CODES, error_code, is_transient, sentence
from bcm.looks import Forecast, Look, Seen
from bcm.statuses import Verdict

#: Looks in a row that must find nothing before a thing counts as gone: AWS shows a new one only after a while.
NOT_FOUND_LOOKS = 3
#: Longest pause, in seconds, between looks at a service that throttles or fails.
LONGEST_BACKOFF = 300.0
#: A wait is reported in its task's log at each change, and after this many seconds without one.
REPORT_EVERY = 3600.0
#: While nobody knows when the answer comes, the pause is this share of the wait's age.
AGE_SHARE = 0.1


@dataclass(eq=False)
class Wait:
    """One task's wait.

    :param look: what to look at
    :param deadline: epoch seconds after which the wait has timed out
    :param poke_interval: seconds between looks while the answer is due, at most
    :param max_wait: seconds between looks while it is not, at most
    :param started: epoch seconds at which the wait began
    """

    look: Look
    deadline: float
    poke_interval: float
    max_wait: float
    started: float = field(default_factory=time.time)
    due: float = 0.0
    status: str = "nothing new since the task looked"
    problem: str | None = None
    failures: int = 0
    not_found: int = 0
    rejected: int = 0
    verdict: Verdict | None = None
    broken: BaseException | None = None
    report_due: float = 0.0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def age(self) -> float:
        """Return for how many seconds the wait has lasted, whatever restarts there were."""
        return time.time() - self.started

    def joins(self, now: float) -> None:
        """Plan the first look. A young wait's task has just looked; an older one comes back from a restart."""
        fresh = self.age < self.poke_interval
        self.next_look(
            self.pause(self.look.forecast(timedelta(seconds=self.age))) if fresh else self.poke_interval, now
        )
        self.report_due = now + REPORT_EVERY

    def pause(self, forecast: Forecast) -> float:
        """Return the seconds until the next look: few while the answer is due, many while it cannot be there."""
        if forecast.due <= 0 < forecast.overdue:
            return self.poke_interval
        longest = max(self.poke_interval, self.max_wait)
        pause = longest if forecast.earliest > 0 else min(longest, self.age * AGE_SHARE)
        for moment in (forecast.earliest, forecast.due):
            if moment > 0:
                pause = min(pause, moment)
        return max(pause, self.poke_interval)

    def next_look(self, pause: float, now: float) -> None:
        """Plan the next look ``pause`` seconds after ``now`` (monotonic), but not after the deadline."""
        self.due = now + max(0.0, min(pause, self.deadline - time.time()))

    def saw(self, seen: Seen, jitter: float) -> None:
        """Take in what a look saw."""
        if seen.status != self.status or self.problem:
            self.report_due = 0.0
        self.status, self.problem, self.failures, self.not_found, self.rejected = seen.status, None, 0, 0, 0
        self.verdict = seen.verdict or self._timed_out()
        self.next_look(self.pause(seen.forecast) * jitter, time.monotonic())
        self._tell()

    def failed(self, error: Exception, jitter: float, *, renewing: bool = False) -> None:
        """Take in that a look failed: what passes is weathered, what stays ends the wait.

        :param renewing: whether the next look is with fresh credentials, as these may have been rotated
        """
        problem = sentence(error, f"looking for {self.look.target}")
        code = error_code(error)
        self.failures += 1
        if code in NOT_FOUND_CODES:
            self.not_found += 1
            if self.not_found >= NOT_FOUND_LOOKS:
                message = f"{self.look.target} no longer exists in AWS: it was deleted, or has expired ({problem})."
                self.verdict = {"outcome": "vanished", "message": message}
        elif renewing and self.rejected == 0:
            self.rejected += 1
        elif isinstance(error, BcmPermanentError) or not is_transient(error):
            self.verdict = {"outcome": "refused", "message": problem}
        if problem != self.problem:
            self.report_due = 0.0
        self.problem = problem
        self.verdict = self.verdict or self._timed_out()
        backoff = min(self.poke_interval * 2 ** min(self.failures, 10), LONGEST_BACKOFF) * jitter
        self.next_look(max(retry_after(error), backoff), time.monotonic())
        self._tell()

    def report(self) -> str:
        """Return the line for the task's log: what is awaited, since when, the next look and the deadline."""
        now = time.monotonic()
        waited = int(self.age)
        gives_up = datetime.fromtimestamp(self.deadline, UTC)
        self.report_due = now + REPORT_EVERY
        return (
            f"Waiting for {self.look.target}: {self.problem or self.status}. Waited {waited // 3600}h"
            f"{waited // 60 % 60:02}m{waited % 60:02}s, next look in {max(0, round(self.due - now))} s, "
            f"gives up at {gives_up:%Y-%m-%d %H:%M:%S} UTC."
        )

    def _tell(self) -> None:
        """Wake the task's trigger if there is something to say."""
        if self.verdict or time.monotonic() >= self.report_due:
            self.news.set()

    def _timed_out(self) -> Verdict | None:
        if time.time() < self.deadline:
            return None
        message = (
            f"Gave up waiting for {self.look.target} after {self.age / 3600:.2f} hours: {self.problem or self.status}. "
            "Nothing was changed in AWS; raise the sensor's timeout, or clear the task to wait again."
        )
        return {"outcome": "timeout", "message": message}


def retry_after(error: Exception) -> float:
    """Return the seconds that AWS asked to wait with an error; 0 if it did not."""
    return float((getattr(error, "response", None) or {}).get("retryAfterSeconds") or 0.0)
