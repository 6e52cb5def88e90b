"""One poll for all waits on one service through one connection, in one triggerer process.

What several waits have in common is surveyed once for all of them: the estimates in progress, or the executions of
one export (``bcm.looks``). The stream sleeps until the next survey is due, or until a new wait joins.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable, Generator, Hashable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar
from weakref import WeakValueDictionary

from bcm.exceptions import BcmPermanentError
from bcm.hooks.base import EXPIRED_CODES, REJECTED_CODES, THROTTLING_CODES, error_code, is_from_aws
from bcm.looks import Call
from bcm.triggers.budget import BUDGET
from bcm.triggers.metrics import Meter
from bcm.triggers.wait import LONGEST_BACKOFF, Wait, retry_after

#: Each pause is shortened by up to this share, so that many triggerers do not call in step; never lengthened,
#: as a wait asked for looks at least this often.
JITTER = 0.1
#: Seconds after which a client is opened anew, so that an edited or deleted connection is noticed during a wait.
CLIENT_LIFETIME = 2400.0
#: First pause, in seconds, of a whole connection that AWS throttles; it doubles.
FIRST_HOLD = 5.0
#: Waits that are looked after without letting others have the event loop.
AT_ONCE = 100

OpenClient = Callable[[], Awaitable[AbstractAsyncContextManager[Any]]]
Result = TypeVar("Result")


class NotAskedError(Exception):
    """A call was not made, for what AWS answered to an earlier one of the connection.

    :param reason: that answer
    :param pause: seconds until calls are made again; None when the wait may choose
    """

    def __init__(self, reason: Exception, pause: float | None) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.pause = pause


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
        self.open_client = open_client
        self.meter = meter or Meter()
        self.subjects: dict[Hashable, Subject] = {}
        self.log = logging.getLogger(__name__)
        self._joined = asyncio.Event()
        self._polling = asyncio.Lock()
        self._client: Any = None
        self._client_context: AbstractAsyncContextManager[Any] | None = None
        self._client_until = 0.0
        self._client_works = False
        self._stale: Exception | None = None
        self._held: Exception | None = None
        self._held_until = 0.0
        self._throttles = 0

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
        """Have ``wait`` looked after for as long as the block lasts; its task looked just before it deferred."""
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
            try:
                while True:
                    await self._until_due()
                    began = time.monotonic()
                    if await self._open():
                        await self._round()
                    self.meter.polled(time.monotonic() - began)
                    self.meter.measured(self._open_waits)
                    if self._stale is not None:
                        await self._close()
            except Exception as error:
                for wait in self._open_waits():
                    wait.broken = error
                    wait.news.set()
                raise
            finally:
                self.meter.measured(self._open_waits, last=True)
                await self._close()

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
        """Have a client that is not too old; tell whether there is one."""
        if self._client is not None and time.monotonic() >= self._client_until:
            await self._close()
        if self._client is None:
            try:
                context = await self.open_client()
                self._client = await context.__aenter__()
            except Exception as error:
                self._unopened(error)
                return False
            self._client_context, self._client_until = context, time.monotonic() + CLIENT_LIFETIME
            self._client_works, self._stale = False, None
        return True

    def _unopened(self, error: Exception) -> None:
        """Tell every wait that there is no client: an Airflow that is down for a while must not end any of them."""
        self.meter.unopened(error)
        known = isinstance(error, BcmPermanentError) or is_from_aws(error)
        reason = error if known else OSError(f"{type(error).__name__} while opening the AWS client: {error}")
        for subject in list(self.subjects.values()):
            self._failed(subject, reason, renewing=error_code(error) in REJECTED_CODES)

    async def _close(self) -> None:
        context, self._client_context, self._client = self._client_context, None, None
        if context is not None:
            try:
                await context.__aexit__(None, None, None)
            except Exception as error:  # what is thrown away need not be whole
                self.log.warning("An AWS client could not be closed: %s", str(error))

    async def _round(self) -> None:
        """Look at every subject that is due."""
        now = time.monotonic()
        for subject in [subject for subject in self.subjects.values() if subject.due <= now]:
            answers: dict[str, dict[str, Any]] = {}

            async def answer(call: Call, answers: dict[str, dict[str, Any]] = answers) -> dict[str, Any]:
                """Make a call, once for all waits of the subject."""
                key = repr(call)
                if key not in answers:
                    answers[key] = await self._call(call)
                return answers[key]

            if subject.waits:
                await self._look_at(subject, answer)

    async def _look_at(self, subject: Subject, answer: Callable[[Call], Awaitable[dict[str, Any]]]) -> None:
        look = next(iter(subject.waits)).look
        try:
            survey = await _drive(look.survey(), answer)
        except Exception as error:
            self._failed(subject, error, renewing=self._stale is error)
            return
        # waits of one survey share its jitter, so that they stay in step
        jitter = _jitter()
        for number, wait in enumerate(_open(subject), 1):
            try:
                wait.saw(await _drive(wait.look.steps(survey), answer), jitter)
            except Exception as error:
                _fail(wait, error, jitter, renewing=self._stale is error)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        subject.plan()

    def _failed(self, subject: Subject, error: Exception, *, renewing: bool) -> None:
        jitter = _jitter()
        for wait in _open(subject):
            _fail(wait, error, jitter, renewing=renewing)
        subject.plan()

    async def _call(self, call: Call) -> dict[str, Any]:
        """Make a call in its turn; none while AWS throttles the connection, or until its client is opened anew."""
        if self._stale is not None:
            raise NotAskedError(self._stale, None)
        held = self._held_until - time.monotonic()
        if self._held is not None and held > 0:
            raise NotAskedError(self._held, held)
        await BUDGET.turn()
        try:
            answer: dict[str, Any] = await call.on(self._client)
        except Exception as error:
            self.meter.called(call.method, error)
            code = error_code(error)
            if code in THROTTLING_CODES:
                self._hold(error)
            elif code in EXPIRED_CODES or (code in REJECTED_CODES and self._client_works):
                self._stale = error
            raise
        self.meter.called(call.method)
        self._held, self._throttles, self._client_works = None, 0, True
        return answer

    def _hold(self, error: Exception) -> None:
        pause = min(FIRST_HOLD * 2**self._throttles, LONGEST_BACKOFF)
        self._throttles = min(self._throttles + 1, 10)
        self._held, self._held_until = error, time.monotonic() + max(retry_after(error), pause * _jitter())

    def _open_waits(self) -> list[Wait]:
        return [wait for subject in self.subjects.values() for wait in _open(subject)]


def _open(subject: Subject) -> list[Wait]:
    return [wait for wait in subject.waits if wait.verdict is None]


def _fail(wait: Wait, error: Exception, jitter: float, *, renewing: bool) -> None:
    if isinstance(error, NotAskedError):
        wait.put_off(error.reason, wait.poke_interval if error.pause is None else error.pause)
    else:
        wait.failed(error, jitter, renewing=renewing)


def _jitter() -> float:
    return random.uniform(1 - JITTER, 1)  # noqa: S311 - spreads calls, guards nothing


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
