"""The trigger of both services: its arguments, and how it follows the shared stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Hashable
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from bcm.hooks.base import BcmBaseHook
from bcm.looks import Look
from bcm.triggers.stream import OpenClient, StatusStream
from bcm.triggers.wait import Wait


class BcmBaseTrigger(BaseEventTrigger):
    """Waits until a look has a verdict, and fires it once as its event.

    :param deadline: epoch seconds after which the wait has timed out; absolute, so that restarts keep it
    :param started: epoch seconds at which the wait began
    :param poke_interval: seconds between looks while the answer is due
    :param max_wait: seconds between looks while it is not, at most: they grow to it with the age of the wait
    :param aws_conn_id: Airflow connection
    :param region_name: AWS region
    :param verify: whether to verify TLS certificates, or a CA bundle
    :param botocore_config: configuration of the botocore client
    """

    hook_class: type[BcmBaseHook]
    #: A deferred task's trigger keeps its queue; the base class turns this off for asset watchers.
    supports_triggerer_queue = True

    def __init__(
        self,
        *,
        deadline: float,
        started: float,
        poke_interval: float,
        max_wait: float,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.deadline = deadline
        self.started = started
        self.poke_interval = poke_interval
        self.max_wait = max_wait
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.verify = verify
        self.botocore_config = botocore_config

    def look(self) -> Look:
        """Return what this trigger looks at."""
        raise NotImplementedError

    def arguments(self) -> dict[str, Any]:
        """Return the arguments that say what is awaited."""
        raise NotImplementedError

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return class path and arguments; none of them is a secret."""
        shared = ("deadline", "started", "poke_interval", "max_wait")
        connection = ("aws_conn_id", "region_name", "verify", "botocore_config")
        kwargs = {name: getattr(self, name) for name in (*shared, *connection)}
        return f"{type(self).__module__}.{type(self).__qualname__}", {**self.arguments(), **kwargs}

    def shared_stream_key(self) -> Hashable:
        """Triggers of one class and connection share one poll."""
        config = json.dumps(self.botocore_config, sort_keys=True)
        return (type(self).__name__, self.aws_conn_id, self.region_name, str(self.verify), config)

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[None]:
        """Run the poll of this connection's stream. It wakes just the waits that it has news for, so it yields none."""
        await cls(**kwargs).stream().poll()
        yield

    async def filter_shared_stream(self, shared_stream: AsyncIterator[None]) -> AsyncIterator[TriggerEvent]:
        """Follow the shared poll until this trigger's own wait has a verdict."""
        async for event in self._follow(self.stream()):
            yield event

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

    def stream(self) -> StatusStream:
        """Return the stream that this trigger shares with its like."""
        return StatusStream.shared(self.shared_stream_key(), self.open_client())

    def open_client(self) -> OpenClient:
        """Return what opens an aiobotocore client with this trigger's connection."""
        kwargs: dict[str, Any] = {
            "aws_conn_id": self.aws_conn_id,
            "region_name": self.region_name,
            "verify": self.verify,
            "config": self.botocore_config,
        }

        async def opened() -> Any:
            return await self.hook_class(**kwargs).get_async_conn()  # type: ignore[no-untyped-call]

        return opened

    async def _follow(self, stream: StatusStream) -> AsyncIterator[TriggerEvent]:
        wait = Wait(self.look(), self.deadline, self.poke_interval, self.max_wait, started=self.started)
        with stream.waiting(wait):
            while wait.verdict is None:
                self.log.info(wait.report())
                await wait.news.wait()
                wait.news.clear()
                if wait.broken is not None:
                    raise RuntimeError("the poll of this connection broke") from wait.broken
            yield TriggerEvent(wait.verdict)  # type: ignore[no-untyped-call]
