"""One poll for all waits on one service through one connection, in one triggerer process.

The stream makes rounds. In a round every wait that is due looks (``bcm.looks``), and waits that need the same
answer share one call. Between rounds it sleeps until the next wait is due, or until a new one joins.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar
from weakref import WeakValueDictionary

from bcm.exceptions import BcmPermanentError
from bcm.hooks.base import NOT_FOUND_CODES, error_code, is_transient, sentence
from bcm.looks import Call, Look, Seen
from bcm.statuses import Verdict

#: Looks in a row that must find nothing before a thing counts as gone: AWS shows a new one only after a while.
NOT_FOUND_LOOKS = 3
#: Longest pause, in seconds, between looks at a service that throttles or fails.
LONGEST_BACKOFF = 300.0
#: A wait is reported in its task's log at each change, and after this many seconds without one.
REPORT_EVERY = 3600.0
#: Each pause is shortened or lengthened by up to this share, so that many triggerers do not call in step.
JITTER = 0.1
#: Whoever is due within this share of its interval looks with the others now: one call serves them all, and
#: waits that joined at different times fall into step.
TOGETHER = 0.5
#: While the answer is not due, the pause is this share of the wait's age, from ``poke_interval`` to ``max_wait``.
AGE_SHARE = 0.1

OpenClient = Callable[[], Awaitable[AbstractAsyncContextManager[Any]]]


@dataclass(eq=False)
class Wait:
    """One task's wait.

    :param look: what to look at
    :param deadline: epoch seconds after which the wait has timed out
    :param poke_interval: seconds between looks while the answer is due
    :param max_wait: seconds between looks while it is not, at most: the pauses grow with the age of the wait
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
    verdict: Verdict | None = None
    report_due: float = 0.0

    def pause(self, soon: bool) -> float:
        """Return the seconds until the next look: young waits look more often than old ones."""
        age = time.time() - self.started
        return self.poke_interval if soon else max(self.poke_interval, min(self.max_wait, age * AGE_SHARE))

    def next_look(self, pause: float, now: float) -> None:
        """Plan the next look ``pause`` seconds after ``now`` (monotonic), but not after the deadline."""
        self.due = now + max(0.0, min(pause, self.deadline - time.time()))

    def report(self, now: float) -> str:
        """Return the line for the task's log: what is awaited, since when, the next look and the deadline."""
        waited = int(time.time() - self.started)
        gives_up = datetime.fromtimestamp(self.deadline, UTC)
        return (
            f"Waiting for {self.look.target}: {self.problem or self.status}. Waited {waited // 3600}h"
            f"{waited // 60 % 60:02}m{waited % 60:02}s, next look in {max(0, round(self.due - now))} s, "
            f"gives up at {gives_up:%Y-%m-%d %H:%M:%S} UTC."
        )


class StatusStream:
    """The waits of one service and connection, and the rounds that look for them.

    :param open_client: opens an aiobotocore client
    """

    _shared: ClassVar[WeakValueDictionary[Hashable, StatusStream]] = WeakValueDictionary()

    def __init__(self, open_client: OpenClient) -> None:
        self.open_client = open_client
        self.waits: set[Wait] = set()
        self.joined = asyncio.Event()
        self.jitter = 1.0
        self.log = logging.getLogger(__name__)

    @classmethod
    def shared(cls, key: Hashable, open_client: OpenClient) -> StatusStream:
        """Return the stream of this key, which lives as long as a wait or a poll holds it."""
        stream = cls._shared.get(key)
        if stream is None:
            stream = cls._shared[key] = cls(open_client)
        return stream

    @contextmanager
    def waiting(self, wait: Wait) -> Iterator[None]:
        """Have ``wait`` looked after for as long as the block lasts; its task looked just before it deferred."""
        now = time.monotonic()
        wait.report_due = now
        wait.next_look(wait.poke_interval, now)
        self.waits.add(wait)
        self.joined.set()
        try:
            yield
        finally:
            self.waits.discard(wait)

    async def rounds(self) -> AsyncIterator[None]:
        """Look for whoever is due, for ever; yield when a wait has something to say to its task."""
        client_context: AbstractAsyncContextManager[Any] | None = None
        client: Any = None
        try:
            while True:
                await self._until_due()
                if client is None:
                    try:
                        client_context = await self.open_client()
                        client = await client_context.__aenter__()
                    except Exception as error:  # an Airflow or AWS that is down for a while must not end a wait
                        client_context = None
                        self._problem(error, "opening the AWS client")
                if client is not None and await self._round(client):
                    # credentials expire during long waits: the next round opens a client with fresh ones
                    await client_context.__aexit__(None, None, None)  # type: ignore[union-attr]
                    client_context = client = None
                if any(wait.verdict or time.monotonic() >= wait.report_due for wait in self.waits):
                    yield
        finally:
            if client_context is not None:
                await client_context.__aexit__(None, None, None)

    async def _until_due(self) -> None:
        while True:
            self.joined.clear()
            due = min((wait.due for wait in self.waits if wait.verdict is None), default=None)
            pause = None if due is None else due - time.monotonic()
            if pause is not None and pause <= 0:
                return
            try:
                await asyncio.wait_for(self.joined.wait(), pause)
            except TimeoutError:
                return

    async def _round(self, client: Any) -> bool:
        """Let every wait look that is due; tell whether the client's credentials were refused as expired."""
        answers: dict[str, dict[str, Any] | Exception] = {}
        expired = False

        async def answer(call: Call) -> dict[str, Any]:
            key = repr(call)
            if key not in answers:
                try:
                    answers[key] = await call.on(client)
                except Exception as error:
                    answers[key] = error
            found = answers[key]
            if isinstance(found, Exception):
                raise found
            return found

        now = time.monotonic()
        # waits of one round share its jitter, so that they stay in step
        self.jitter = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads calls, guards nothing
        open_waits = [wait for wait in self.waits if wait.verdict is None]
        for wait in [wait for wait in open_waits if wait.due <= now + wait.poke_interval * TOGETHER]:
            try:
                self._saw(wait, await _run(wait.look, answer))
            except Exception as error:
                expired |= error_code(error).startswith("Expired")
                self._failed(wait, error, f"looking for {wait.look.target}")
        return expired

    def _saw(self, wait: Wait, seen: Seen) -> None:
        if seen.status != wait.status or wait.problem:
            wait.report_due = 0.0
        wait.status, wait.problem, wait.failures, wait.not_found = seen.status, None, 0, 0
        wait.verdict = seen.verdict or self._timed_out(wait)
        wait.next_look(wait.pause(seen.soon) * self.jitter, time.monotonic())

    def _failed(self, wait: Wait, error: Exception, action: str) -> None:
        problem = sentence(error, action)
        if error_code(error) in NOT_FOUND_CODES:
            wait.not_found += 1
            if wait.not_found >= NOT_FOUND_LOOKS:
                message = f"{wait.look.target} no longer exists in AWS: it was deleted, or has expired ({problem})."
                wait.verdict = {"outcome": "vanished", "message": message}
        elif isinstance(error, BcmPermanentError) or not is_transient(error):
            wait.verdict = {"outcome": "refused", "message": problem}
        if problem != wait.problem:
            wait.report_due = 0.0
        wait.problem = problem
        wait.failures += 1
        wait.verdict = wait.verdict or self._timed_out(wait)
        asked = (getattr(error, "response", None) or {}).get("retryAfterSeconds") or 0
        backoff = min(wait.poke_interval * 2 ** min(wait.failures, 10), LONGEST_BACKOFF) * self.jitter
        wait.next_look(max(asked, backoff), time.monotonic())

    def _problem(self, error: Exception, action: str) -> None:
        """Note a fault that concerns every wait; only what this package calls permanent ends them."""
        reason = (
            error if isinstance(error, (BcmPermanentError, OSError)) else OSError(f"{type(error).__name__}: {error}")
        )
        for wait in [wait for wait in self.waits if wait.verdict is None]:
            self._failed(wait, reason, action)

    @staticmethod
    def _timed_out(wait: Wait) -> Verdict | None:
        if time.time() < wait.deadline:
            return None
        hours = (time.time() - wait.started) / 3600
        message = (
            f"Gave up waiting for {wait.look.target} after {hours:.2f} hours: {wait.problem or wait.status}. "
            "Nothing was changed in AWS; raise the sensor's timeout, or clear the task to wait again."
        )
        return {"outcome": "timeout", "message": message}


async def _run(look: Look, answer: Callable[[Call], Awaitable[dict[str, Any]]]) -> Seen:
    steps = look.steps(shared=True)
    try:
        call = next(steps)
        while True:
            call = steps.send(await answer(call))
    except StopIteration as end:
        seen: Seen = end.value
        return seen
