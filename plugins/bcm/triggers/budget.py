"""How many calls a second the whole triggerer process makes to AWS, with fair turns."""

from __future__ import annotations

import asyncio
import time

from airflow.sdk import conf


class CallBudget:
    """Spaces calls evenly. Each stream makes one call at a time, so turns in the order of asking are fair turns:
    a connection with thousands of waits gets no more of them than one with a single wait.

    :param per_second: calls a second, above 0
    """

    def __init__(self, per_second: float) -> None:
        self._spacing = 1 / per_second
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for the next turn."""
        now = time.monotonic()
        self._next = max(now, self._next + self._spacing)
        if self._next > now:
            await asyncio.sleep(self._next - now)


#: The budget of this process; ``[bcm] calls_per_second``, 20 by default.
BUDGET = CallBudget(conf.getfloat("bcm", "calls_per_second", fallback=20.0))
