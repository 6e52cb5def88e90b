"""The triggers of both services: their arguments, and how they follow the shared stream."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Hashable
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from bcm.hooks.base import BCM_REGION, BcmBaseHook
from bcm.looks import Look
from bcm.triggers.client import OpenClient
from bcm.triggers.metrics import Meter
from bcm.triggers.opening import open_client
from bcm.triggers.stream import StatusStream
from bcm.triggers.wait import NOT_LOOKED, Wait

#: The framework's own time-out of a deferral comes this long after ours, which says what was awaited.
GRACE = timedelta(minutes=10)


class StreamTrigger(BaseEventTrigger):
    """A trigger that follows the stream of a service and connection; the stream is shared with all its like.

    :param poke_interval: seconds between looks while the answer is due
    :param max_wait: seconds between looks while it is not, at most
    :param aws_conn_id: Airflow connection
    :param region_name: AWS region
    :param verify: whether to verify TLS certificates, or a CA bundle
    :param botocore_config: configuration of the botocore client
    """

    hook_class: type[BcmBaseHook]

    def __init__(
        self,
        *,
        poke_interval: float,
        max_wait: float,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.poke_interval = poke_interval
        self.max_wait = max_wait
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.verify = verify
        self.botocore_config = botocore_config

    def arguments(self) -> dict[str, Any]:
        """Return the arguments that are not of this base class."""
        raise NotImplementedError

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return class path and arguments; none of them is a secret."""
        names = ("poke_interval", "max_wait", "aws_conn_id", "region_name", "verify", "botocore_config")
        kwargs = {**self.arguments(), **{name: getattr(self, name) for name in names}}
        return f"{type(self).__module__}.{type(self).__qualname__}", kwargs

    def stream(self) -> StatusStream:
        """Return the stream of this trigger's service and connection, whatever class of trigger asks."""
        region, config = self.region_name or BCM_REGION, json.dumps(self.botocore_config, sort_keys=True)
        key = (self.hook_class.__name__, self.aws_conn_id, region, str(self.verify), config)
        return StatusStream.shared(key, self.open_client(), Meter(self.hook_class.service, self.aws_conn_id))

    def open_client(self) -> OpenClient:
        """Return what opens an aiobotocore client with this trigger's connection."""
        kwargs: dict[str, Any] = {
            "aws_conn_id": self.aws_conn_id,
            "region_name": self.region_name,
            "verify": self.verify,
            "config": self.botocore_config,
        }

        async def opened() -> Any:
            return await open_client(self.hook_class(**kwargs))

        return opened


class BcmBaseTrigger(StreamTrigger):
    """Waits until a look has a verdict, and fires it once as its event.

    :param deadline: epoch seconds after which the wait has timed out; absolute, so that restarts keep it
    :param started: epoch seconds at which the wait began
    :param timeout: seconds that the wait may last, where no task could work out a deadline
    :param first_look: epoch seconds before which there is nothing new to see, by the task's own look
    :param status: what that look saw
    :param kwargs: see :class:`StreamTrigger`; the pauses grow to ``max_wait`` with the age of the wait
    """

    #: A deferred task's trigger keeps its queue; the base class turns this off for asset watchers.
    supports_triggerer_queue = True
    #: When Airflow times the deferral out; the triggerer sets it.
    timeout_after: datetime | None = None

    def __init__(
        self,
        *,
        deadline: float | None = None,
        started: float | None = None,
        timeout: float | None = None,
        first_look: float | None = None,
        status: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.deadline = deadline
        self.started = started
        self.timeout = timeout
        self.first_look = first_look
        self.status = status

    def look(self) -> Look:
        """Return what this trigger looks at."""
        raise NotImplementedError

    def awaited(self) -> dict[str, Any]:
        """Return the arguments that say what is awaited."""
        raise NotImplementedError

    def arguments(self) -> dict[str, Any]:
        """Return what is awaited, and for how long."""
        names = ("deadline", "started", "timeout", "first_look", "status")
        return {**self.awaited(), **{name: getattr(self, name) for name in names}}

    def shared_stream_key(self) -> Hashable:
        """Triggers of one class and connection share one poll."""
        config = json.dumps(self.botocore_config, sort_keys=True)
        return (type(self).__name__, self.aws_conn_id, self.region_name, str(self.verify), config)

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[None]:
        """Run the poll of this connection's stream. It wakes just the waits that it has news for, so it yields none."""
        await cls(**kwargs).stream().poll()
        yield

    def filter_shared_stream(self, shared_stream: AsyncIterator[None]) -> AsyncIterator[TriggerEvent]:
        """Follow the shared poll until this trigger's own wait has a verdict."""
        return self._follow(self.stream())

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll by itself, where the triggerer offers no shared stream (``dag.test()``)."""
        stream = self.stream()
        poll = asyncio.create_task(stream.poll())
        try:
            async for event in self._follow(stream):
                yield event
        finally:
            poll.cancel()
            await asyncio.gather(poll, return_exceptions=True)

    def span(self) -> tuple[float, float]:
        """Return when the wait began and when it gives up, in epoch seconds."""
        if self.started is not None and self.deadline is not None:
            return self.started, self.deadline
        timeout = self.timeout or 0.0
        if self.timeout_after is None:
            return time.time(), time.time() + timeout
        ends = self.timeout_after if self.timeout_after.tzinfo else self.timeout_after.replace(tzinfo=UTC)
        deadline = (ends - GRACE).timestamp()
        return deadline - timeout, deadline

    async def _follow(self, stream: StatusStream) -> AsyncIterator[TriggerEvent]:
        started, deadline = self.span()
        wait = Wait(
            self.look(),
            deadline,
            self.poke_interval,
            self.max_wait,
            started=started,
            first_look=self.first_look or 0.0,
            status=self.status or NOT_LOOKED,
        )
        with stream.waiting(wait):
            while wait.verdict is None:
                self.log.info(wait.report())
                await wait.told()
            yield TriggerEvent(wait.verdict)  # type: ignore[no-untyped-call]
