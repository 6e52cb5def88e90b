"""A triggerer process with watchers, which can be killed; what it stored outlives it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from airflow.sdk import Asset
from airflow.sdk.exceptions import ErrorType
from airflow.sdk.execution_time.comms import AssetStateStoreResult, ErrorResponse, OKResponse
from airflow.sdk.execution_time.context import AssetStateStoreAccessors
from airflow.triggers.shared_stream import SharedStreamManager
from tests.unit.bcm.triggers.fake_aws import FakeAws, client_error
from tests.unit.bcm.triggers.virtual_time import Clock

from bcm.triggers.delivered import BcmExportDeliveredTrigger

#: Seconds between two rounds of the triggerer, in which events are stored and the storing is confirmed.
ROUND = 1.0
#: The cadence of ``a_watcher``, in seconds.
POKE, LONGEST = 90.0, 600.0
HOUR = 3600.0


@dataclass(frozen=True)
class Run:
    """An execution of an export; times are seconds after the start.

    :param created: when AWS made it
    :param ended: when it ended
    :param code: how it ended
    :param listed: when AWS shows it
    """

    created: float
    ended: float = float("inf")
    code: str = "DELIVERY_SUCCESS"
    listed: float = 0.0


class Exports(FakeAws):
    """Exports by name, and their executions by id, as they are at the virtual time."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.names: dict[str, str] = {"cur2": "x-1"}
        self.runs: dict[str, dict[str, Run]] = {"x-1": {}}

    async def list_exports(self, **kwargs: Any) -> dict[str, Any]:
        await self._called("list_exports", "")
        return {"Exports": [{"ExportName": name, "ExportArn": arn} for name, arn in self.names.items()]}

    async def list_executions(self, **kwargs: Any) -> dict[str, Any]:
        arn = kwargs["ExportArn"]
        await self._called("list_executions", arn)
        if arn not in self.runs:
            raise client_error("ResourceNotFoundException", message=f"no export {arn}")
        now = self.clock.monotonic()
        shown = {name: run for name, run in self.runs[arn].items() if now >= max(run.created, run.listed)}
        return {"Executions": [self._shown(name, run, now) for name, run in shown.items()]}

    def _shown(self, name: str, run: Run, now: float) -> dict[str, Any]:
        status = {
            "StatusCode": run.code if now >= run.ended else "QUERY_IN_PROCESS",
            "CreatedAt": self.clock.at(run.created),
        }
        if now >= run.ended:
            status["CompletedAt"] = self.clock.at(run.ended)
        return {"ExecutionId": name, "ExecutionStatus": status}


@dataclass
class Database:
    """What Airflow has stored: the asset events, and the state of the assets.

    :param events: time and payload of each event
    :param state: value by asset and key
    :param broken: whether the state store fails
    """

    clock: Clock
    events: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    state: dict[tuple[str, str], str] = field(default_factory=dict)
    broken: bool = False

    async def asend(self, message: Any) -> Any:
        """Stand in for the triggerer's supervisor, to which the accessors of the state store talk."""
        await asyncio.sleep(0)
        key = (message.name, message.key)
        if type(message).__name__ == "SetAssetStateStoreByName":
            if self.broken:
                raise RuntimeError("the API server is down")
            self.state[key] = json.dumps(message.value)
            return OKResponse(ok=True)
        if key not in self.state:
            return ErrorResponse(error=ErrorType.ASSET_STORE_NOT_FOUND)
        return AssetStateStoreResult(value=json.loads(self.state[key]))

    @property
    def fired(self) -> Counter[str]:
        """How often each execution was fired."""
        return Counter(payload["execution_id"] for _, payload in self.events)

    def moment(self, execution_id: str) -> float:
        """When an execution's only event was stored."""
        (moment,) = [when for when, payload in self.events if payload["execution_id"] == execution_id]
        return moment


class Process:
    """One triggerer process: it runs triggers as ``TriggerRunner`` does, and stores their events a round later."""

    def __init__(self, clock: Clock, database: Database) -> None:
        self.clock = clock
        self.database = database
        self.manager = SharedStreamManager(ack_timeout=HOUR, _now=clock.monotonic)
        self.tasks: list[asyncio.Task[None]] = []
        #: Whether the database takes events.
        self.stores = True
        self.fired, self.stored = asyncio.Event(), asyncio.Event()

    def watch(self, number: int, trigger: BcmExportDeliveredTrigger, *assets: str) -> asyncio.Task[None]:
        """Run the trigger of the watchers of these assets."""
        task = asyncio.create_task(self._watch(number, trigger, assets))
        self.tasks.append(task)
        return task

    async def _watch(self, number: int, trigger: BcmExportDeliveredTrigger, assets: tuple[str, ...]) -> None:
        trigger.trigger_id = number
        trigger.asset_state_store = AssetStateStoreAccessors(inlets=[Asset(name) for name in assets])
        key = trigger.shared_stream_key()
        stream = self.manager.subscribe(trigger_id=number, trigger=trigger, key=key)
        try:
            async for event in trigger.filter_shared_stream(stream):
                self.fired.set()
                confirmation = self.manager.bind_pending_event(trigger_id=number, key=key)
                self.tasks.append(asyncio.create_task(self._store(event.payload, confirmation)))
        finally:
            await self.manager.unsubscribe(number, key)

    async def _store(self, payload: dict[str, Any], confirmation: int | None) -> None:
        """Store an event, and tell of it a round later."""
        await asyncio.sleep(ROUND)
        if self.stores:
            self.database.events.append((self.clock.monotonic(), payload))
            self.stored.set()
            await asyncio.sleep(ROUND)
            self.manager.confirm_persisted([] if confirmation is None else [confirmation])

    async def kill(self) -> None:
        """End at once; raises what a trigger raised."""
        for task in self.tasks:
            task.cancel()
        for result in await asyncio.gather(*self.tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


class World:
    """AWS, Airflow's database, and triggerer processes that come and go."""

    def __init__(self, clock: Clock, aws: Exports, database: Database) -> None:
        self.clock = clock
        self.aws = aws
        self.database = database

    def play(self, story: Coroutine[Any, Any, None]) -> None:
        """Let a story happen, from the start of time."""
        self.clock.run(story)

    async def at(self, seconds: float) -> None:
        """Wait until so many seconds after the start."""
        await asyncio.sleep(seconds - self.clock.monotonic())

    @asynccontextmanager
    async def up(
        self, *triggers: BcmExportDeliveredTrigger, assets: tuple[str, ...] = ("cur2-daily",)
    ) -> AsyncIterator[Process]:
        """Run triggers, all for the same assets, in a process that is killed at the end of the block."""
        process = Process(self.clock, self.database)
        for number, trigger in enumerate(triggers or (a_watcher(),), 1):
            process.watch(number, trigger, *assets)
        try:
            yield process
        finally:
            await process.kill()

    async def up_until(self, seconds: float, *triggers: BcmExportDeliveredTrigger, **kwargs: Any) -> None:
        """Run triggers in a process that is killed so many seconds after the start."""
        async with self.up(*triggers, **kwargs):
            await self.at(seconds)


def a_watcher(**kwargs: Any) -> BcmExportDeliveredTrigger:
    """A watcher of the export ``x-1``, or of the one that the arguments name."""
    export = {} if "export_name" in kwargs else {"export_arn": "x-1"}
    return BcmExportDeliveredTrigger(**{**export, "poke_interval": POKE, "max_wait": LONGEST, **kwargs})
