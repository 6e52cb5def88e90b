"""Waits with the real aiobotocore client against the emulator: credentials, roles, connections, a kill."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from airflow.jobs.triggerer_job_runner import _USER_ACTION_CANCEL_MSG, TriggerRunner
from airflow.providers.amazon.aws.hooks.base_aws import BaseSessionFactory
from airflow.triggers.base import BaseTrigger
from tests.unit.bcm.support import MEMBER, PAYER, a_usage, an_export, connection

from bcm.triggers.base import BcmBaseTrigger
from bcm.triggers.data_exports import BcmExportExecutionTrigger
from bcm.triggers.pricing_calculator import BcmBillEstimateTrigger
from emulator.server import Emulator

HOUR = 3600.0
OLD, NEW = f"AKIAOLD{PAYER}", f"AKIANEW{PAYER}"
ROLE = f"arn:aws:iam::{PAYER}:role/billing"
Step = Callable[[], Awaitable[None]]


@pytest.fixture
def estimate(calculator: Any) -> str:
    """An estimate in progress."""
    scenario = calculator.create_bill_scenario(name="growth")["id"]
    calculator.batch_create_bill_scenario_usage_modification(billScenarioId=scenario, usageModifications=[a_usage()])
    return str(calculator.create_bill_estimate(billScenarioId=scenario, name="growth")["id"])


def waits(kind: type[BcmBaseTrigger] = BcmBillEstimateTrigger, **what: Any) -> BcmBaseTrigger:
    """A trigger that looks as often as it can and gives up after 30 s."""
    now = time.time()
    return kind(started=now, deadline=now + 30, poke_interval=0.02, max_wait=0.02, **what)


def run(trigger: BcmBaseTrigger, *steps: Step) -> dict[str, Any]:
    """Run a trigger to its event, and meanwhile what befalls it."""

    async def first() -> dict[str, Any]:
        async for event in trigger.run():
            return dict(event.payload)
        raise AssertionError("the trigger ended without an event")

    async def all_of_it() -> dict[str, Any]:
        wait = asyncio.create_task(first())
        for step in steps:
            befalls = asyncio.create_task(step())
            await asyncio.wait({wait, befalls}, return_when=asyncio.FIRST_COMPLETED)
            if not befalls.done():
                befalls.cancel()
        return await wait

    return asyncio.run(asyncio.wait_for(all_of_it(), 25))


class World:
    """Steps that befall a wait.

    :param emu: AWS
    :param patch: sets connections
    """

    def __init__(self, emu: Emulator, patch: pytest.MonkeyPatch) -> None:
        self.emu = emu
        self.patch = patch

    def connect(self, key: str = OLD, **extra: Any) -> None:
        """Set the connection ``aws_default``."""
        sts = {"service_config": {"sts": {"endpoint_url": self.emu.url}}}
        settings = json.loads(connection(self.emu.url, **sts, **extra))
        self.patch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps({**settings, "login": key}))

    def used(self, operation: str = "ListBillEstimates") -> list[str]:
        """The access keys of all requests of an operation."""
        return [each["access_key_id"] for each in self.emu.requests(operation=operation)]

    def looks(self, more: int = 2, key: str = "") -> Step:
        """Wait for so many more looks, with this access key."""

        def number() -> int:
            return len([each for each in self.used() if key in each])

        async def step() -> None:
            target = number() + more
            while number() < target:  # noqa: ASYNC110 - the emulator has no event for it
                await asyncio.sleep(0.01)

        return step

    def does(self, what: Callable[[], object]) -> Step:
        """Do something."""

        async def step() -> None:
            what()

        return step


@pytest.fixture
def world(emu: Emulator, monkeypatch: pytest.MonkeyPatch) -> World:
    """The emulator, reached with the old key; looks are so quick here that no client is too fresh to be doubted."""
    monkeypatch.setattr("bcm.triggers.client.FRESH", 0.0)
    world = World(emu, monkeypatch)
    world.connect()
    return world


@pytest.mark.parametrize("code", ["ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId"])
def test_a_wait_goes_on_with_the_key_that_replaced_the_old_one(world: World, estimate: str, code: str) -> None:
    def rotate() -> None:
        world.connect(NEW)
        world.emu.faults.add({"operation": "*", "error": {"code": code}, "access_key_id": OLD})

    event = run(
        waits(bill_estimate_id=estimate),
        world.looks(),
        world.does(rotate),
        world.looks(3),
        world.does(lambda: world.emu.clock.advance(13 * HOUR)),
    )
    assert event["outcome"] == "success", event
    keys = world.used()
    assert set(keys) == {OLD, NEW}
    assert keys.index(NEW) == len([key for key in keys if key == OLD]), "the old key was used again"
    assert [one["error"] for one in world.emu.requests(operation="ListBillEstimates")].count(code) == 1


def test_a_key_that_is_taken_away_ends_the_wait_with_what_aws_says(world: World, estimate: str) -> None:
    fault = {"operation": "*", "error": {"code": "UnrecognizedClientException", "message": "token is invalid"}}
    event = run(waits(bill_estimate_id=estimate), world.looks(), world.does(lambda: world.emu.faults.add(fault)))
    assert event["outcome"] == "refused"
    assert (
        f"Looking for bill estimate {estimate}: AWS answered UnrecognizedClientException: token is invalid"
        == (event["message"])
    )


@pytest.fixture
def shortlived(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that are opened anew all the time."""
    monkeypatch.setattr("bcm.triggers.client.CLIENT_LIFETIME", 0.1)


@pytest.mark.usefixtures("shortlived")
def test_an_edited_connection_is_used_as_soon_as_its_client_is_old(world: World, estimate: str) -> None:
    event = run(
        waits(bill_estimate_id=estimate),
        world.looks(),
        world.does(lambda: world.connect(NEW)),
        world.looks(key=NEW),
        world.does(lambda: world.emu.clock.advance(13 * HOUR)),
    )
    assert event["outcome"] == "success"


@pytest.mark.usefixtures("shortlived")
def test_a_connection_deleted_during_the_wait_ends_it_with_the_sentence(world: World, estimate: str) -> None:
    event = run(
        waits(bill_estimate_id=estimate),
        world.looks(),
        world.does(lambda: world.patch.delenv("AIRFLOW_CONN_AWS_DEFAULT")),
    )
    assert event["outcome"] == "refused"
    assert "aws_conn_id: there is no Airflow connection 'aws_default'. Create it" in event["message"]


@pytest.mark.usefixtures("shortlived")
def test_a_connection_of_another_account_finds_nothing_and_takes_nothing_else(world: World, estimate: str) -> None:
    """Ids are AWS's own: another account cannot answer with an estimate of its own."""
    event = run(
        waits(bill_estimate_id=estimate),
        world.looks(),
        world.does(lambda: world.connect(f"AKIADEMO{MEMBER}")),
    )
    assert event["outcome"] in ("vanished", "refused"), event


@pytest.fixture
def sts_threads(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """The threads in which STS was called; the event loop's is the main one."""
    threads: list[threading.Thread] = []
    renew = BaseSessionFactory._refresh_credentials

    def noted(self: Any) -> Any:
        threads.append(threading.current_thread())
        return renew(self)

    monkeypatch.setattr(BaseSessionFactory, "_refresh_credentials", noted)
    return threads


def test_a_wait_with_an_assumed_role_never_calls_sts_on_the_event_loop(
    world: World, estimate: str, sts_threads: list[threading.Thread]
) -> None:
    """A session of 15 minutes is what the SDK always thinks too old: it renews it before every single call."""
    world.connect(role_arn=ROLE, assume_role_kwargs={"DurationSeconds": 900})
    event = run(
        waits(bill_estimate_id=estimate),
        world.looks(3),
        world.does(lambda: world.emu.clock.advance(13 * HOUR)),
    )
    assert event["outcome"] == "success"
    assert not any(key.startswith("AKIA") for key in world.used()), "AWS must be asked with the role's own key"
    assert len(sts_threads) >= 4
    assert threading.main_thread() not in sts_threads, "STS would hold up every trigger of the triggerer"


@pytest.mark.usefixtures("shortlived")
def test_a_client_with_an_assumed_role_is_opened_anew(world: World, estimate: str) -> None:
    world.connect(role_arn=ROLE)
    event = run(
        waits(bill_estimate_id=estimate),
        world.looks(4),
        world.does(lambda: world.emu.clock.advance(13 * HOUR)),
    )
    assert event["outcome"] == "success"
    assert len(set(world.used())) >= 2, "a new client has a new session"


@pytest.mark.parametrize("reason", [_USER_ACTION_CANCEL_MSG, None], ids=["killed or moved", "shut down"])
def test_a_wait_that_is_taken_away_writes_nothing_to_aws(
    world: World, exports: Any, estimate: str, reason: str | None
) -> None:
    """Airflow 3.3 calls ``on_kill`` when it moves a trigger to another triggerer, too: it must do nothing."""
    arn = exports.create_export(Export=an_export())["ExportArn"]
    before = len(world.emu.requests())
    triggers: list[BcmBaseTrigger] = [
        waits(bill_estimate_id=estimate),
        waits(BcmExportExecutionTrigger, export_arn=arn),
    ]

    async def lives() -> None:
        runner = TriggerRunner()
        runner.job_id = 1
        tasks = []
        for number, trigger in enumerate(triggers):
            runner.triggers[number] = {"name": f"wait {number}", "events": 0, "task": None, "is_watcher": True}  # type: ignore[typeddict-item]
            tasks.append(asyncio.create_task(runner.run_trigger(number, trigger)))
        await world.looks()()
        for task in tasks:
            task.cancel(reason)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not runner.events, "a wait that was taken away fires nothing"

    asyncio.run(asyncio.wait_for(lives(), 25))
    after = {each["operation"] for each in world.emu.requests()[before:]}
    assert after <= {"ListBillEstimates", "GetBillEstimate", "ListExecutions", "GetExecution"}


def test_no_trigger_has_an_on_kill_of_its_own() -> None:
    for kind in (BcmBillEstimateTrigger, BcmExportExecutionTrigger):
        assert kind.on_kill is BaseTrigger.on_kill
        assert kind.cleanup is BaseTrigger.cleanup
