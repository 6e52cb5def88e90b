"""One task's wait: what it looks for, when it looks next, and what it tells its task."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bcm.exceptions import AwsConnectionMissingError
from bcm.hooks.base import NOT_FOUND_CODES, answer, error_code, is_transient, response
from bcm.looks import Forecast, Look, Seen
from bcm.statuses import Verdict

#: Looks in a row that must find nothing before a thing counts as gone: AWS shows a new one only after a while, and a
#: connection seems to be missing while its secrets backend is down.
NOT_FOUND_LOOKS = 3
#: Seconds that a wait lasts at least: Airflow 3.3 fails a task whose trigger fires while its deferral is still booked.
SETTLING = 5.0
#: Longest pause, in seconds, between looks at a service that throttles or fails.
LONGEST_BACKOFF = 300.0
#: A wait is reported in its task's log at each change, and after this many seconds without one.
REPORT_EVERY = 3600.0
#: While nobody knows when the answer comes, the pause is this share of the wait's age.
AGE_SHARE = 0.1
NOT_LOOKED = "not looked for yet"


@dataclass(eq=False, slots=True)
class Wait:
    """One task's wait.

    :param look: what to look at
    :param deadline: epoch seconds after which the wait has timed out
    :param poke_interval: seconds between looks while the answer is due, at most
    :param max_wait: seconds between looks while it is not, at most
    :param started: epoch seconds at which the wait began
    :param first_look: epoch seconds before which there is nothing new to see, by the look of somebody else
    :param status: what that look saw
    """

    look: Look
    deadline: float
    poke_interval: float
    max_wait: float
    started: float = field(default_factory=time.time)
    first_look: float = 0.0
    status: str = NOT_LOOKED
    joined: float = -math.inf
    due: float = 0.0
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
        """Return for how many seconds the wait has lasted, whatever restarts there were; 0 if the clock went back."""
        return max(0.0, time.time() - self.started)

    @property
    def state(self) -> str:
        """Say what was seen last, and what the last look failed with."""
        return f"{self.status}; the last look failed: {self.problem.rstrip('.')}" if self.problem else self.status

    @property
    def longest(self) -> float:
        """Return the longest pause between two looks that nothing disturbs, in seconds."""
        return max(self.poke_interval, self.max_wait)

    def joins(self, now: float) -> None:
        """Plan the first look: one interval from ``now`` (monotonic), or later if somebody looked just before."""
        self.joined = now
        pause = min(max(self.poke_interval, self.first_look - time.time()), self.longest)
        self.due = now + min(pause, max(SETTLING, self.deadline - time.time()))
        self.report_due = now + REPORT_EVERY

    @property
    def settling(self) -> bool:
        """Tell whether it is too early for a verdict that others have asked for."""
        now = time.monotonic()
        return now < self.joined + SETTLING and now < self.due

    def pause(self, forecast: Forecast) -> float:
        """Return the seconds until the next look: few while the answer is due, many while it cannot be there."""
        if forecast.due <= 0 < forecast.overdue:
            return self.poke_interval
        pause = self.longest if forecast.earliest > 0 else min(self.longest, self.age * AGE_SHARE)
        for moment in (forecast.earliest, forecast.due):
            if moment > 0:
                pause = min(pause, moment)
        return max(pause, self.poke_interval)

    def next_look(self, pause: float, now: float) -> None:
        """Plan the next look ``pause`` seconds after ``now`` (monotonic), but not after the deadline."""
        self.due = now + max(0.0, min(pause, self.deadline - time.time()))

    def saw(self, seen: Seen, jitter: float = 1.0, due: float | None = None) -> None:
        """Take in what a look saw.

        :param jitter: by how much the pause until the next look is shortened, as a factor
        :param due: when the look was due (monotonic): the pause counts from then, so that looks which stood in a queue
            are no rarer for it; at most half of the pause is made up for so
        """
        if seen.status != self.status or self.problem:
            self.report_due = 0.0
        self.status, self.problem, self.failures, self.not_found, self.rejected = seen.status, None, 0, 0, 0
        self.verdict = seen.verdict or self._timed_out()
        pause, now = self.pause(seen.forecast) * jitter, time.monotonic()
        self.next_look(pause - min(now - (now if due is None else due), pause / 2), now)
        self._tell()

    def failed(self, error: BaseException, jitter: float = 1.0, *, renewing: bool = False) -> None:
        """Take in that a look failed: what passes is weathered, what stays ends the wait.

        :param renewing: whether the next look is with fresh credentials, as these may have been rotated
        """
        self.failures += 1
        self._has_problem(error)
        self.verdict = self._refusal(error, renewing) or self._timed_out()
        backoff = min(self.poke_interval * 2 ** min(self.failures, 10), max(LONGEST_BACKOFF, self.poke_interval))
        self.next_look(max(retry_after(error), backoff * jitter), time.monotonic())
        self._tell()

    def put_off(self, error: BaseException, pause: float) -> None:
        """Take in that the connection makes no calls for a while; nothing counts against this wait.

        :param pause: seconds until the next look
        """
        self._has_problem(error)
        self.verdict = self._timed_out()
        self.next_look(pause, time.monotonic())
        self._tell()

    def _has_problem(self, error: BaseException) -> None:
        problem = answer(error)
        if problem != self.problem:
            self.report_due = 0.0
        self.problem = problem

    def _refusal(self, error: BaseException, renewing: bool) -> Verdict | None:
        """Return the verdict that a failed look gives, None if the wait goes on."""
        code = error_code(error)
        connection_missing = isinstance(error, AwsConnectionMissingError)
        message = f"Looking for {self.look.target}: {answer(error)}"
        refused = {"outcome": "refused", "message": message, "code": code}
        if connection_missing or code in NOT_FOUND_CODES:
            self.not_found += 1
            if self.not_found < NOT_FOUND_LOOKS:
                return None
            gone = f"{self.look.target} no longer exists in AWS: it was deleted, or has expired ({answer(error)})."
            return refused if connection_missing else {"outcome": "vanished", "message": gone}
        if renewing and self.rejected == 0:
            self.rejected += 1
            return None
        return None if is_transient(error) else refused

    def report(self) -> str:
        """Return the line for the task's log: what is awaited, its state, since when, the next look, the deadline."""
        now = time.monotonic()
        waited = int(self.age)
        gives_up = "never gives up" if math.isinf(self.deadline) else f"gives up at {_text(self.deadline)}"
        self.report_due = now + REPORT_EVERY
        return (
            f"Waiting for {self.look.target}: {self.state}. Began at {_text(self.started)} "
            f"({waited // 3600}h{waited // 60 % 60:02}m{waited % 60:02}s ago), next look in "
            f"{max(0, round(self.due - now))} s, {gives_up}."
        )

    async def told(self) -> None:
        """Wait until there is something to say.

        :raises RuntimeError: when the poll broke
        """
        await self.news.wait()
        self.news.clear()
        if self.broken is not None:
            raise RuntimeError("the poll of this connection broke") from self.broken

    def _tell(self) -> None:
        """Wake the task's trigger if there is something to say."""
        if self.verdict or time.monotonic() >= self.report_due:
            self.news.set()

    def _timed_out(self) -> Verdict | None:
        if time.time() < self.deadline:
            return None
        message = (
            f"Gave up waiting for {self.look.target} after {self.age / 3600:.2f} hours: {self.state}. "
            "Nothing was changed in AWS; raise the sensor's timeout, or clear the task to wait again."
        )
        return {"outcome": "timeout", "message": message}


def _text(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S} UTC"


def retry_after(error: BaseException) -> float:
    """Return the seconds that AWS asked to wait with an error; 0 if it did not."""
    return float(response(error).get("retryAfterSeconds") or 0.0)
