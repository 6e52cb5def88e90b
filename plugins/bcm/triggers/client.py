"""The AWS client that all waits of a connection share: when it is opened anew, and when no calls are made."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from bcm.hooks.base import EXPIRED_CODES, REJECTED_CODES, THROTTLING_CODES, error_code
from bcm.looks import Call
from bcm.triggers.budget import BUDGET
from bcm.triggers.metrics import Meter
from bcm.triggers.wait import LONGEST_BACKOFF, retry_after

#: Each pause is shortened by up to this share, so that many triggerers do not call in step; never lengthened,
#: as a wait asked for looks at least this often.
JITTER = 0.1
#: Seconds after which a client is opened anew, so that an edited or deleted connection is noticed during a wait.
CLIENT_LIFETIME = 2400.0
#: Seconds for which a new client is not opened anew, whatever AWS says of its credentials.
FRESH = 5.0
#: First pause, in seconds, of a whole connection that AWS throttles or does not answer; it doubles.
FIRST_HOLD = 5.0
#: A call that fails after so many seconds got no answer: the calls of others would stand behind the next such one.
SLOW = 30.0

OpenClient = Callable[[], Awaitable[AbstractAsyncContextManager[Any]]]


class PausedError(Exception):
    """The connection makes no calls for a while.

    :param reason: what AWS answered to this call, or to the one for which it pauses
    :param pause: seconds until calls are made again
    """

    def __init__(self, reason: Exception, pause: float) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.pause = pause


class SharedClient:
    """The aiobotocore client of a connection.

    :param open_client: opens one
    :param meter: counts its calls
    """

    def __init__(self, open_client: OpenClient, meter: Meter) -> None:
        self.open_client = open_client
        self.meter = meter
        self.log = logging.getLogger(__name__)
        self._client: Any = None
        self._context: AbstractAsyncContextManager[Any] | None = None
        self._opened = 0.0
        self._doubted = False
        self._held: Exception | None = None
        self._held_until = 0.0
        self._holds = 0

    @property
    def outdated(self) -> bool:
        """Tell whether the next call should be with a new client: AWS no longer takes its credentials, or it is old."""
        age = time.monotonic() - self._opened
        return age >= CLIENT_LIFETIME or (self._doubted and age >= FRESH)

    async def open(self) -> None:
        """Have a client that is not outdated."""
        if self._client is not None and self.outdated:
            await self.close()
        if self._client is None:
            context = await self.open_client()
            self._client = await context.__aenter__()
            self._context, self._opened, self._doubted = context, time.monotonic(), False

    async def close(self) -> None:
        """Close the client, if there is one."""
        context, self._context, self._client = self._context, None, None
        if context is not None:
            try:
                await context.__aexit__(None, None, None)
            except Exception as error:  # what is thrown away need not be whole
                self.log.warning("An AWS client could not be closed: %s", str(error))

    async def call(self, call: Call) -> dict[str, Any]:
        """Make a call in its turn.

        :raises PausedError: when AWS throttles it, and while the connection pauses for that, or for want of answers
        """
        held = self._held_until - time.monotonic()
        if self._held is not None and held > 0:
            raise PausedError(self._held, held)
        await BUDGET.turn()
        began = time.monotonic()
        try:
            answer: dict[str, Any] = await call.on(self._client)
        except Exception as error:
            self.meter.called(call.method, error)
            code = error_code(error)
            if code in THROTTLING_CODES:
                raise PausedError(error, self._hold(error)) from error
            if time.monotonic() - began >= SLOW:
                self._hold(error)
            self._doubted = self._doubted or code in EXPIRED_CODES or code in REJECTED_CODES
            raise
        self.meter.called(call.method)
        self._held, self._holds = None, 0
        return answer

    def _hold(self, error: Exception) -> float:
        """Have the connection pause; return for how many seconds."""
        growing = float(min(FIRST_HOLD * 2**self._holds, LONGEST_BACKOFF))
        pause = max(retry_after(error), growing * jitter_factor())
        self._holds = min(self._holds + 1, 10)
        self._held, self._held_until = error, time.monotonic() + pause
        return pause


def jitter_factor() -> float:
    """Return by what a pause is multiplied, for once."""
    return random.uniform(1 - JITTER, 1)  # noqa: S311 - spreads calls, guards nothing
