"""How a watcher's trigger learns of what an export has delivered, and when Airflow has stored its events."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from airflow.triggers.shared_stream import AdvanceItem, SharedStreamProducer

from bcm.deliveries import DeliveriesLook, Execution, ExportLook
from bcm.statuses import Verdict
from bcm.triggers.base import StreamTrigger
from bcm.triggers.stream import StatusStream
from bcm.triggers.wait import NOT_LOOKED, REPORT_EVERY, Wait

LOG = logging.getLogger(__name__)


@dataclass(eq=False)
class News:
    """What the poll tells the trigger: all executions that AWS lists.

    :param export_arn: of which export
    :param executions: its executions
    :param remember: called when Airflow has stored the events that came of it
    """

    export_arn: str
    executions: Sequence[Execution]
    remember: Callable[[], Awaitable[None]] | None = None


class Deliveries(SharedStreamProducer):
    """Looks for deliveries of an export on the stream of its connection, for ever.

    :param trigger: whose connection and cadence
    :param export_arn: the export; None finds it by name
    :param export_name: the export's name
    """

    def __init__(self, trigger: StreamTrigger, export_arn: str | None, export_name: str | None) -> None:
        self.trigger = trigger
        self.export_arn = export_arn
        self.export_name = export_name
        self._look = self._first_look()
        self._status = NOT_LOOKED
        self._trouble = ""
        self._trouble_due = 0.0

    async def open_stream(self) -> AsyncIterator[tuple[News, News]]:
        """Yield news, each with itself as what ``advance`` gets."""
        stream = self.trigger.stream()
        poll = asyncio.create_task(stream.poll())
        pause = 0.0
        try:
            while True:
                verdict, pause = await self._verdict(stream, pause)
                news = self._understand(verdict)
                if news is None:
                    continue
                yield news, news
        finally:
            poll.cancel()
            await asyncio.gather(poll, return_exceptions=True)

    async def advance(self, batch: Sequence[AdvanceItem]) -> None:
        """Remember what is over, now that Airflow has stored the events that came of it."""
        for item in batch:
            if item.outcome.is_clean:
                await self.settle(item.broker_payload)

    async def settle(self, news: News) -> None:
        """Remember what is over; what cannot be remembered now is news again at the next look."""
        if news.remember is None:
            return
        try:
            await news.remember()
        except Exception as error:
            LOG.warning("What has been fired could not be remembered, and is tried again: %s", error)
            if isinstance(self._look, DeliveriesLook):
                self._look.known = None

    def _first_look(self) -> DeliveriesLook | ExportLook:
        return DeliveriesLook(self.export_arn) if self.export_arn else ExportLook(str(self.export_name))

    def _understand(self, verdict: Verdict) -> News | None:
        """Return the news in a verdict, if any, and see to what is looked at next."""
        outcome, arn = verdict["outcome"], verdict.get("export_arn")
        if outcome == "news" and isinstance(self._look, DeliveriesLook):
            self._trouble = ""
            return News(self._look.export_arn, verdict["executions"])
        if arn:
            self._look = DeliveriesLook(arn)
            return None
        if outcome == "refused":
            self._tell(verdict["message"])
            return None
        self._tell(f"There is no export {(self.export_name or self.export_arn)!r} in AWS.")
        self._look = self._first_look()
        # whatever an export delivers that does not exist yet is to be fired
        return News("", [])

    async def _verdict(self, stream: StatusStream, pause: float) -> tuple[Verdict, float]:
        """Wait for the next verdict; return it with the seconds that may pass until the look after it."""
        trigger = self.trigger
        first = time.time() + pause
        wait = Wait(
            self._look, math.inf, trigger.poke_interval, trigger.max_wait, first_look=first, status=self._status
        )
        with stream.waiting(wait):
            while wait.verdict is None:
                await wait.told()
                if wait.verdict is None:
                    LOG.info(wait.report())
        self._status = wait.status
        if wait.verdict.get("export_arn"):
            return wait.verdict, 0.0
        return wait.verdict, wait.longest if wait.problem else wait.due - time.monotonic()

    def _tell(self, trouble: str) -> None:
        """Log what is wrong, once an hour."""
        now = time.monotonic()
        if trouble != self._trouble or now >= self._trouble_due:
            pause = max(self.trigger.poke_interval, self.trigger.max_wait)
            LOG.warning("%s Deliveries are looked for again every %.0f s.", trouble, pause)
            self._trouble, self._trouble_due = trouble, now + REPORT_EVERY
