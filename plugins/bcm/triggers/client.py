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
#: First pause, in seconds, of a whole connection that AWS throttles; it doubles.
FIRST_HOLD = 5.0

OpenClient = Callable[[], Awaitable[AbstractAsyncContextManager[Any]]]


class NotAskedError(Exception):
    """A call was not made, for what AWS answered to an earlier one of the connection.

    :param reason: that answer
    :param pause: seconds until calls are made again; None when the wait may choose
    """

    def __init__(self, reason: Exception, pause: float | None) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.pause = pause


class SharedClient:
    """The aiobotocore client of a connection.

    :param open_client: opens one
    :param meter: counts its calls
    :ivar stale: what says that the client's credentials are of no use any more; None while they are
    """

    def __init__(self, open_client: OpenClient, meter: Meter) -> None:
        self.open_client = open_client
        self.meter = meter
        self.stale: Exception | None = None
        self.log = logging.getLogger(__name__)
        self._client: Any = None
        self._context: AbstractAsyncContextManager[Any] | None = None
        self._until = 0.0
        self._works = False
        self._held: Exception | None = None
        self._held_until = 0.0
        self._throttles = 0

    async def open(self) -> None:
        """Have a client that is not too old."""
        if self._client is not None and time.monotonic() >= self._until:
            await self.close()
        if self._client is None:
            context = await self.open_client()
            self._client = await context.__aenter__()
            self._context, self._until = context, time.monotonic() + CLIENT_LIFETIME
            self._works, self.stale = False, None

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

        :raises NotAskedError: while AWS throttles the connection, and until a stale client is opened anew
        """
        if self.stale is not None:
            raise NotAskedError(self.stale, None)
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
            elif code in EXPIRED_CODES or (code in REJECTED_CODES and self._works):
                self.stale = error
            raise
        self.meter.called(call.method)
        self._held, self._throttles, self._works = None, 0, True
        return answer

    def _hold(self, error: Exception) -> None:
        pause = min(FIRST_HOLD * 2**self._throttles, LONGEST_BACKOFF)
        self._throttles = min(self._throttles + 1, 10)
        self._held, self._held_until = error, time.monotonic() + max(retry_after(error), pause * jitter_factor())


def jitter_factor() -> float:
    """Return by what a pause is multiplied, for once."""
    return random.uniform(1 - JITTER, 1)  # noqa: S311 - spreads calls, guards nothing
