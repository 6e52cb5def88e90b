"""One poll for all waits on one service through one connection, in one triggerer process.

What several waits have in common is surveyed once for all of them: the estimates in progress, or the executions of
one export (``bcm.looks``). The stream sleeps until the next survey is due, or until a new wait joins.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Generator, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar
from weakref import WeakValueDictionary

from bcm.exceptions import BcmPermanentError
from bcm.hooks.base import REJECTED_CODES, error_code, is_from_aws
from bcm.looks import Call
from bcm.triggers.client import OpenClient, PausedError, SharedClient, jitter_factor
from bcm.triggers.metrics import Meter
from bcm.triggers.wait import Wait

#: Waits that are looked after without letting others have the event loop.
AT_ONCE = 100

Result = TypeVar("Result")


@dataclass(eq=False)
class Subject:
    """The waits that share a survey. ``due`` is when the first of them wants it (monotonic seconds)."""

    waits: set[Wait] = field(default_factory=set)
    due: float = math.inf

    def plan(self) -> None:
        """Work out when the next survey is due: the tightest wait decides."""
        self.due = min((wait.due for wait in self.waits if wait.verdict is None), default=math.inf)


class StatusStream:
    """The waits of one service and connection, and the poll that looks for them.

    :param open_client: opens an aiobotocore client
    :param meter: takes its metrics
    """

    _shared: ClassVar[WeakValueDictionary[Hashable, StatusStream]] = WeakValueDictionary()

    def __init__(self, open_client: OpenClient, meter: Meter | None = None) -> None:
        self.meter = meter or Meter()
        self.client = SharedClient(open_client, self.meter)
        self.subjects: dict[Hashable, Subject] = {}
        self._joined = asyncio.Event()
        self._polling = asyncio.Lock()
        self._broken: Exception | None = None

    @classmethod
    def shared(cls, key: Hashable, open_client: OpenClient, meter: Meter | None = None) -> StatusStream:
        """Return the stream of this key and event loop, which lives as long as a wait or a poll holds it."""
        key = (id(asyncio.get_running_loop()), key)
        stream = cls._shared.get(key)
        if stream is None:
            stream = cls._shared[key] = cls(open_client, meter)
        return stream

    @contextmanager
    def waiting(self, wait: Wait) -> Iterator[None]:
        """Have ``wait`` looked after for as long as the block lasts; its task looked just before it deferred.

        :raises RuntimeError: when the poll broke, and its other waits have not left yet
        """
        if self._broken is not None:
            raise RuntimeError("the poll of this connection broke") from self._broken
        wait.joins(time.monotonic())
        subject = self.subjects.setdefault(wait.look.subject, Subject())
        subject.waits.add(wait)
        if wait.due < subject.due:
            subject.due = wait.due
            self._joined.set()
        try:
            yield
        finally:
            subject.waits.discard(wait)
            if not subject.waits:
                self.subjects.pop(wait.look.subject, None)

    async def poll(self) -> None:
        """Look for whoever is due, until cancelled. Only one poll of a stream works; any other stands by."""
        async with self._polling:
            self._broken = None
            try:
                while True:
                    await self._until_due()
                    began = time.monotonic()
                    if await self._open():
                        await self._round()
                    self.meter.polled(time.monotonic() - began)
                    self.meter.measured(self._open_waits)
            except Exception as error:
                await self.client.close()
                # from here on nothing is awaited, so that no wait joins in between and is told nothing
                self._broken = error
                for wait in self._open_waits():
                    wait.broken = error
                    wait.news.set()
                raise
            finally:
                self.meter.measured(self._open_waits, last=True)
                await self.client.close()

    async def _until_due(self) -> None:
        while True:
            self._joined.clear()
            due = min((subject.due for subject in self.subjects.values()), default=math.inf)
            pause = due - time.monotonic()
            if pause <= 0:
                return
            try:
                await asyncio.wait_for(self._joined.wait(), pause if pause < math.inf else None)
            except TimeoutError:
                return

    async def _open(self) -> bool:
        """Have a client; tell whether there is one."""
        try:
            await self.client.open()
        except Exception as error:
            self._unopened(error)
            return False
        return True

    def _unopened(self, error: Exception) -> None:
        """Tell every wait that there is no client: an Airflow that is down for a while must not end any of them."""
        self.meter.unopened(error)
        known = isinstance(error, BcmPermanentError) or is_from_aws(error)
        reason = error if known else OSError(f"{type(error).__name__} while opening the AWS client: {error}")
        for subject in list(self.subjects.values()):
            _failed(subject, reason)

    async def _round(self) -> None:
        """Look at every subject that is due, or at the first ones, if the client is of no use for the others."""
        now = time.monotonic()
        for subject in [subject for subject in self.subjects.values() if subject.due <= now]:
            answers: dict[str, dict[str, Any]] = {}

            async def answer(call: Call, answers: dict[str, dict[str, Any]] = answers) -> dict[str, Any]:
                """Make a call, once for all waits of the subject."""
                key = repr(call)
                if key not in answers:
                    answers[key] = await self.client.call(call)
                return answers[key]

            if subject.waits:
                await self._look_at(subject, answer)
            if self.client.outdated:
                return

    async def _look_at(self, subject: Subject, answer: Callable[[Call], Awaitable[dict[str, Any]]]) -> None:
        look, due = next(iter(subject.waits)).look, subject.due
        try:
            survey = await _drive(look.survey(), answer)
        except Exception as error:
            _failed(subject, error)
            return
        # waits of one survey share its jitter and the time from which they count, so that they stay in step
        jitter = jitter_factor()
        for number, wait in enumerate(_open(subject), 1):
            if wait.settling:
                continue
            try:
                wait.saw(await _drive(wait.look.steps(survey), answer), jitter, due)
            except Exception as error:
                _fail(wait, error, jitter)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        subject.plan()

    def _open_waits(self) -> list[Wait]:
        return [wait for subject in self.subjects.values() for wait in _open(subject)]


def _open(subject: Subject) -> list[Wait]:
    return [wait for wait in subject.waits if wait.verdict is None]


def _failed(subject: Subject, error: Exception) -> None:
    """Tell the waits that were due; the others have not lost a look."""
    jitter, now = jitter_factor(), time.monotonic()
    for wait in _open(subject):
        if wait.due <= now:
            _fail(wait, error, jitter)
    subject.plan()


def _fail(wait: Wait, error: Exception, jitter: float) -> None:
    if isinstance(error, PausedError):
        wait.put_off(error.reason, error.pause)
    else:
        # the next look is with a new client, as the credentials may have been rotated
        wait.failed(error, jitter, renewing=error_code(error) in REJECTED_CODES)


async def _drive(
    steps: Generator[Call, dict[str, Any], Result], answer: Callable[[Call], Awaitable[dict[str, Any]]]
) -> Result:
    """Run the steps of a look, or of a survey."""
    try:
        call = next(steps)
        while True:
            call = steps.send(await answer(call))
    except StopIteration as end:
        result: Result = end.value
        return result
