"""Start a DAG whenever an export has delivered: the trigger of an asset's watcher."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Hashable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from airflow.sdk import conf
from airflow.triggers.base import TriggerEvent
from airflow.triggers.shared_stream import SharedStreamProducer

from bcm.deliveries import Memory
from bcm.hooks.base import refuse_passwords
from bcm.hooks.data_exports import BcmDataExportsHook
from bcm.statuses import judge_execution
from bcm.triggers.base import StreamTrigger
from bcm.triggers.news import Deliveries, News

LOG = logging.getLogger(__name__)
#: What an event says of an execution.
PAYLOAD = ("export_arn", "execution_id", "status", "created_at", "completed_at")


class BcmExportDeliveredTrigger(StreamTrigger):
    """Fires for every execution of an export that has delivered, for as long as an asset is watched.

    .. seealso:: https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html

    Give it to an ``AssetWatcher``. An event has ``export_arn``, ``execution_id``, ``status``, ``created_at`` and
    ``completed_at``. Failed executions are logged. It never gives up: while the export does not exist, or AWS refuses,
    it looks every ``max_wait`` seconds and says so in the triggerer's log.

    What has been fired is remembered in the asset's state store once Airflow has stored the event. A triggerer that
    dies in the second or two between fires the event again; none is lost.

    :param export_arn: the export; this or ``export_name``
    :param export_name: the export's name; one of that name that is made anew is found
    :param since: ISO 8601 time; where nothing is remembered, fire for executions created then or later. Without it
        those do not count that had ended when the trigger first looked
    :param poke_interval: seconds between looks while an execution is in process; default ``[bcm] poke_interval``, 90
    :param max_wait: seconds between looks while none is; default ``[bcm] max_wait``, 600
    :param kwargs: see :class:`bcm.triggers.base.StreamTrigger`
    :raises ValueError: unless one of ``export_arn`` and ``export_name`` is given; when ``since`` is no time;
        when ``botocore_config`` holds a password
    """

    hook_class = BcmDataExportsHook

    def __init__(
        self,
        *,
        export_arn: str | None = None,
        export_name: str | None = None,
        since: str | None = None,
        poke_interval: float = conf.getfloat("bcm", "poke_interval", fallback=90.0),
        max_wait: float = conf.getfloat("bcm", "max_wait", fallback=600.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, max_wait=max_wait, **kwargs)
        if bool(export_arn) == bool(export_name):
            raise ValueError("export_arn, export_name: give one of them, to say which export is watched.")
        refuse_passwords(self.botocore_config)
        self.export_arn = export_arn
        self.export_name = export_name
        self.since = since
        self._since = _moment(since) if since else None

    def arguments(self) -> dict[str, Any]:
        """Return the arguments that are not of the base class."""
        return {"export_arn": self.export_arn, "export_name": self.export_name, "since": self.since}

    def shared_stream_key(self) -> Hashable:
        """Each watcher has a producer of its own; what they poll is shared all the same, by ``stream()``."""
        return type(self).__name__, self.trigger_id

    @classmethod
    def create_shared_stream_producer(cls, kwargs: dict[str, Any]) -> SharedStreamProducer:
        """Return what looks for deliveries, and is told when Airflow has stored their events."""
        return cls(**kwargs)._producer()

    async def filter_shared_stream(self, shared_stream: AsyncIterator[News]) -> AsyncIterator[TriggerEvent]:
        """Fire for what is news to this trigger."""
        memory: Memory | None = None
        async for news in shared_stream:
            # read anew each time: another triggerer may have taken this one for dead, and fired
            kept = await self._kept()
            known = kept.merged(memory) if kept and memory else kept or memory
            known = known or Memory.first(news.executions, self._since)
            for execution in known.news(news.executions):
                verdict = judge_execution(news.export_arn, execution) or {}
                if verdict["outcome"] == "success":
                    yield TriggerEvent({name: verdict[name] for name in PAYLOAD})  # type: ignore[no-untyped-call]
                else:
                    LOG.warning("No event: %s", verdict["message"])
            memory = known.grown(news.executions)
            if memory != kept:
                news.remember = partial(self._remember, memory)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look by itself, where the triggerer offers no shared stream, and remember at the next news."""
        producer = self._producer()

        async def one_by_one() -> AsyncIterator[News]:
            async for news, _ in producer.open_stream():
                yield news
                await producer.settle(news)

        async for event in self.filter_shared_stream(one_by_one()):
            yield event

    def _producer(self) -> Deliveries:
        return Deliveries(self, self.export_arn, self.export_name)

    @property
    def _key(self) -> str:
        """Under which name an asset's state store keeps the memory: an asset may have several watchers."""
        return f"bcm_deliveries/{self.aws_conn_id}/{self.region_name}/{self.export_name or self.export_arn}"

    @property
    def _stores(self) -> list[Any]:
        """The state stores of the assets that are watched: Airflow makes one trigger of several assets' equal ones."""
        # the accessors name their assets to nobody, and work without a name for a single asset only
        return list(self.asset_state_store._by_name.values()) if self.asset_state_store else []

    async def _kept(self) -> Memory | None:
        kept = [await store.aget(self._key) for store in self._stores]
        memories = [Memory.loaded(each) for each in kept if each]
        known = memories.pop() if memories else None
        for each in memories:
            known = each.merged(known) if known else each
        return known

    async def _remember(self, memory: Memory) -> None:
        for store in self._stores:
            await store.aset(self._key, memory.dumped())


def _moment(text: str) -> datetime:
    """Read a time; one without a zone is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        example = "2026-11-20T06:00:00+00:00"
        raise ValueError(f"since: {text!r} is no time. Write it as ISO 8601, e.g. {example}.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
