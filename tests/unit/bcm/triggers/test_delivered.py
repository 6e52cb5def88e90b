"""A watcher fires once for each delivery of its export: under Airflow's own manager of streams, on virtual time."""

from __future__ import annotations

import asyncio
import json
import logging
from itertools import pairwise
from typing import Any

import pytest
from airflow.triggers.shared_stream import AckTimeout
from tests.unit.bcm.triggers.conftest import HOUR, Make
from tests.unit.bcm.triggers.fake_aws import client_error
from tests.unit.bcm.triggers.virtual_time import Clock
from tests.unit.bcm.triggers.watching import LONGEST, POKE, ROUND, Database, Exports, Process, Run, World, a_watcher

from bcm.exceptions import AwsConnectionMissingError
from bcm.triggers.base import StreamTrigger
from bcm.triggers.delivered import BcmExportDeliveredTrigger
from bcm.triggers.stream import StatusStream

DAY = 24 * HOUR
#: Seconds after its end within which a delivery that was seen running is an asset event.
NOTICED = POKE + 2 * ROUND


@pytest.fixture
def world(aws: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> World:
    """One export without executions; ``aws`` looks afterwards for what was left open."""
    exports, database = Exports(clock), Database(clock)
    monkeypatch.setattr(StreamTrigger, "open_client", lambda self: exports.open)
    monkeypatch.setattr("airflow.sdk.execution_time.task_runner.SUPERVISOR_COMMS", database, raising=False)
    return World(clock, exports, database)


def deliveries(*times: tuple[float, float]) -> dict[str, Run]:
    """Executions that deliver, by id: "e-1" and so on, of the times of their creation and end."""
    return {f"e-{number}": Run(created, ended) for number, (created, ended) in enumerate(times, 1)}


DAILY = deliveries(*((hour * HOUR, hour * HOUR + 1800) for hour in range(1, 73, 8)))


class TestFiring:
    def test_every_delivery_fires_once_and_soon(self, world: World) -> None:
        world.aws.runs["x-1"] = DAILY
        world.play(world.up_until(3.5 * DAY))
        assert world.database.fired == dict.fromkeys(DAILY, 1)
        late = {name: world.database.moment(name) - run.ended for name, run in DAILY.items()}
        assert all(0 <= seconds <= NOTICED for seconds in late.values()), late

    def test_several_at_once_and_out_of_order(self, world: World) -> None:
        runs = deliveries((1000, 9000), (1001, 3000), (1002, 9000), (5000, 6000))
        world.aws.runs["x-1"] = runs
        world.play(world.up_until(DAY))
        assert world.database.fired == dict.fromkeys(runs, 1)
        assert [payload["execution_id"] for _, payload in world.database.events] == ["e-2", "e-4", "e-1", "e-3"]

    def test_the_event_is_small_plain_json(self, world: World, clock: Clock) -> None:
        world.aws.runs["x-1"] = deliveries((1000, 2000))
        world.play(world.up_until(HOUR))
        ((_, payload),) = world.database.events
        assert (
            json.loads(json.dumps(payload))
            == payload
            == {
                "export_arn": "x-1",
                "execution_id": "e-1",
                "status": "DELIVERY_SUCCESS",
                "created_at": clock.at(1000).isoformat(),
                "completed_at": clock.at(2000).isoformat(),
            }
        )

    @pytest.mark.parametrize("code", ["QUERY_FAILURE", "DELIVERY_FAILURE"])
    def test_a_failed_execution_is_logged_once_and_does_not_fire(
        self, world: World, code: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        world.aws.runs["x-1"] = {"bad": Run(1000, 2000, code), **deliveries((3000, 4000))}
        with caplog.at_level(logging.WARNING, logger="bcm"):
            world.play(world.up_until(DAY))
        assert world.database.fired == {"e-1": 1}
        told = [record.getMessage() for record in caplog.records if code in record.getMessage()]
        assert len(told) == 1
        assert "execution bad of x-1 ended" in told[0]

    def test_a_status_that_nobody_knows_does_not_fire_and_may_still_become_a_delivery(self, world: World) -> None:
        world.aws.runs["x-1"] = {"odd": Run(1000, 2000, "THROUGHPUT_IN_DOUBT"), **deliveries((3000, 4000))}

        async def story() -> None:
            async with world.up():
                await world.at(5 * DAY)
                world.aws.runs["x-1"]["odd"] = Run(1000, 2000)
                await world.at(6 * DAY)

        world.play(story())
        assert world.database.fired == {"e-1": 1, "odd": 1}

    def test_an_execution_that_takes_days_is_not_forgotten(self, world: World) -> None:
        world.aws.runs["x-1"] = {"slow": Run(HOUR, 6 * DAY), **DAILY}
        world.play(world.up_until(7 * DAY, a_watcher(poke_interval=HOUR)))
        assert world.database.fired == dict.fromkeys([*DAILY, "slow"], 1)

    def test_what_aws_lists_late_is_not_missed(self, world: World) -> None:
        late = Run(1000, 2000, listed=DAY)
        world.aws.runs["x-1"] = {**DAILY, "late": late}
        world.play(world.up_until(3.5 * DAY))
        assert world.database.fired == dict.fromkeys([*DAILY, "late"], 1)


class TestCadence:
    def test_it_looks_seldom_while_nothing_runs_and_often_while_something_does(self, world: World) -> None:
        world.aws.runs["x-1"] = deliveries((5 * HOUR, 6 * HOUR))
        world.play(world.up_until(10 * HOUR))
        moments = world.aws.moments("list_executions")
        assert moments[0] == POKE
        pauses = {round(later - earlier): earlier for earlier, later in pairwise(moments)}
        assert set(pauses) == {POKE, LONGEST}
        quick = [moment for moment, after in pairwise(moments) if after - moment == POKE]
        assert 5 * HOUR <= min(quick) <= 5 * HOUR + LONGEST
        assert 6 * HOUR - POKE <= max(quick) <= 6 * HOUR

    def test_watchers_of_one_export_share_the_calls(self, world: World) -> None:
        world.aws.runs["x-1"] = DAILY
        world.play(world.up_until(DAY, *(a_watcher(since=f"2020-01-0{day}") for day in range(1, 5))))
        alone = (24 - 1.5) * HOUR / LONGEST + 3 * 1800 / POKE
        assert len(world.aws.moments("list_executions")) <= alone + 10
        assert set(world.database.fired.values()) == {4}, "each of the four fires for itself"


class TestBeginning:
    RUNS = deliveries((-2 * HOUR, -HOUR), (-HOUR, 2 * HOUR), (3 * HOUR, 4 * HOUR))

    def test_the_first_time_only_what_ends_from_now_on_fires(self, world: World) -> None:
        world.aws.runs["x-1"] = self.RUNS
        world.play(world.up_until(6 * HOUR))
        assert world.database.fired == {"e-2": 1, "e-3": 1}

    @pytest.mark.parametrize("zone", [True, False], ids=["with a zone", "without: UTC"])
    def test_since_reaches_back(self, world: World, clock: Clock, zone: bool) -> None:
        world.aws.runs["x-1"] = {"too-old": Run(-9 * HOUR, -8 * HOUR), **self.RUNS}
        since = clock.at(-3 * HOUR) if zone else clock.at(-3 * HOUR).replace(tzinfo=None)
        world.play(world.up_until(6 * HOUR, a_watcher(since=since.isoformat())))
        assert world.database.fired == {"e-1": 1, "e-2": 1, "e-3": 1}

    def test_since_does_not_fire_again_what_is_remembered(self, world: World, clock: Clock) -> None:
        world.aws.runs["x-1"] = self.RUNS

        async def story() -> None:
            await world.up_until(6 * HOUR)
            await world.up_until(9 * HOUR, a_watcher(since=clock.at(-3 * HOUR).isoformat()))

        world.play(story())
        assert world.database.fired == {"e-2": 1, "e-3": 1}

    @pytest.mark.parametrize("watcher", [{"export_arn": "x-2"}, {"export_name": "new"}], ids=["arn", "name"])
    def test_every_delivery_of_an_export_that_is_made_later_fires(self, world: World, watcher: dict[str, str]) -> None:
        async def story() -> None:
            async with world.up(a_watcher(**watcher)):
                await world.at(5 * HOUR)
                world.aws.names["new"] = "x-2"
                world.aws.runs["x-2"] = deliveries((5 * HOUR + 10, 5 * HOUR + 20))
                await world.at(6 * HOUR)

        world.play(story())
        assert world.database.fired == {"e-1": 1}, "an export that did not exist has no delivery that is old"

    def test_an_export_is_found_by_its_name(self, world: World) -> None:
        world.aws.runs["x-1"] = DAILY
        world.play(world.up_until(DAY, a_watcher(export_name="cur2")))
        assert world.database.fired == {"e-1": 1, "e-2": 1, "e-3": 1}
        assert world.aws.counts["list_exports"] == 1

    def test_an_export_that_is_made_anew_under_its_name_is_found(self, world: World) -> None:
        async def story() -> None:
            world.aws.runs["x-1"] = deliveries((HOUR, 2 * HOUR))
            async with world.up(a_watcher(export_name="cur2")):
                await world.at(3 * HOUR)
                world.aws.names = {"cur2": "x-2"}
                world.aws.runs = {"x-2": {"anew": Run(5 * HOUR, 6 * HOUR)}}
                await world.at(9 * HOUR)

        world.play(story())
        assert world.database.fired == {"e-1": 1, "anew": 1}

    def test_an_export_is_named_in_one_way(self) -> None:
        for arguments in ({}, {"export_arn": "x-1", "export_name": "cur2"}):
            with pytest.raises(ValueError, match="give one of them"):
                BcmExportDeliveredTrigger(**arguments)

    def test_since_must_be_a_time(self) -> None:
        with pytest.raises(ValueError, match="since: 'yesterday' is no time"):
            a_watcher(since="yesterday")


class TestRestarts:
    def test_what_delivers_while_no_triggerer_runs_fires_afterwards(self, world: World) -> None:
        world.aws.runs["x-1"] = DAILY

        async def story() -> None:
            await world.up_until(10 * HOUR)
            await world.at(2 * DAY)
            await world.up_until(3.5 * DAY)

        world.play(story())
        assert world.database.fired == dict.fromkeys(DAILY, 1)

    def test_a_triggerer_that_is_killed_every_few_minutes_misses_and_doubles_nothing(self, world: World) -> None:
        world.aws.runs["x-1"] = DAILY

        async def story() -> None:
            for number in range(1, 250):
                # never within the two rounds in which an event is stored and then remembered: the looks are at 90 s
                await world.up_until(number * 1217.0 + POKE / 2)

        world.play(story())
        assert world.database.fired == dict.fromkeys(DAILY, 1)

    def test_an_event_that_was_not_stored_is_fired_again(self, world: World) -> None:
        world.aws.runs["x-1"] = deliveries((HOUR, 2 * HOUR))

        async def story() -> None:
            async with world.up() as process:
                process.stores = False  # the database hangs, until the process is killed
                await world.at(2 * HOUR + LONGEST)
                assert process.fired.is_set()
            assert not world.database.fired
            await world.up_until(4 * HOUR)

        world.play(story())
        assert world.database.fired == {"e-1": 1}, "a delivery was remembered before its event was stored"

    def test_an_event_that_airflow_could_not_store_for_long_is_fired_again(self, world: World) -> None:
        """After ``[triggerer] shared_stream_ack_timeout`` Airflow fails the trigger, and starts it again."""
        world.aws.runs["x-1"] = deliveries((HOUR, 2 * HOUR))

        async def hang() -> None:
            async with world.up() as process:
                process.stores = False
                await world.at(5 * HOUR)

        async def story() -> None:
            with pytest.raises(AckTimeout):
                await hang()
            await world.up_until(7 * HOUR)

        world.play(story())
        assert world.database.fired == {"e-1": 1}

    def test_a_kill_between_storing_and_remembering_repeats_the_event(self, world: World) -> None:
        """At least once: whoever must not act twice looks at ``execution_id``."""
        world.aws.runs["x-1"] = deliveries((HOUR, 2 * HOUR))

        async def story() -> None:
            async with world.up() as process:
                await process.stored.wait()
            await world.up_until(4 * HOUR)

        world.play(story())
        assert world.database.fired == {"e-1": 2}

    def test_the_window_in_which_a_kill_repeats_an_event_is_two_rounds(self, world: World) -> None:
        world.aws.runs["x-1"] = deliveries((HOUR, 2 * HOUR))

        async def story() -> None:
            async with world.up() as process:
                await process.fired.wait()
                await asyncio.sleep(2 * ROUND + 0.1)
            await world.up_until(4 * HOUR)

        world.play(story())
        assert world.database.fired == {"e-1": 1}

    def test_a_second_triggerer_that_took_over_too_soon_fires_nothing_again(self, world: World) -> None:
        """Airflow starts a trigger elsewhere when a heartbeat was missed, and the first one may go on."""
        world.aws.runs["x-1"] = DAILY

        async def story() -> None:
            async with world.up():
                await world.at(8 * HOUR + 45)
                # in a process of its own it would have a stream of its own, as it has here by another CA bundle
                await world.up_until(3.5 * DAY, a_watcher(verify="/ca.pem"))

        world.play(story())
        assert world.database.fired == dict.fromkeys(DAILY, 1)

    def test_what_cannot_be_remembered_is_remembered_later_and_not_fired_again(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        world.aws.runs["x-1"] = deliveries((HOUR, 2 * HOUR))

        async def story() -> None:
            async with world.up():
                await world.at(1.5 * HOUR)
                world.database.broken = True
                await world.at(5 * HOUR)
                world.database.broken = False
                await world.at(6 * HOUR)
            await world.up_until(9 * HOUR)

        with caplog.at_level(logging.WARNING, logger="bcm"):
            world.play(story())
        assert world.database.fired == {"e-1": 1}
        assert "could not be remembered" in caplog.text

    def test_a_trigger_of_two_assets_remembers_for_both(self, world: World) -> None:
        """Airflow makes one trigger of the equal watchers of two assets."""
        world.aws.runs["x-1"] = DAILY

        async def story() -> None:
            for hours, assets in ((10, ("one", "two")), (40, ("two", "three")), (80, ("three",))):
                await world.up_until(hours * HOUR, assets=assets)
                await world.at((hours + 10) * HOUR)

        world.play(story())
        assert world.database.fired == dict.fromkeys(DAILY, 1)

    def test_watchers_of_one_asset_have_memories_of_their_own(self, world: World) -> None:
        world.aws.runs = {"x-1": deliveries((6 * DAY, 7 * DAY)), "x-2": {"old": Run(HOUR, 2 * HOUR)}}

        async def story() -> None:
            await world.up_until(8 * DAY)
            await world.up_until(9 * DAY, a_watcher(export_arn="x-2", since="2020-01-01"))

        world.play(story())
        assert world.database.fired == {"e-1": 1, "old": 1}

    def test_what_is_remembered_has_a_bound(self, world: World) -> None:
        thrice = deliveries(*((hour * HOUR, (hour + 1) * HOUR) for hour in range(1, 60 * 24, 8)))
        world.aws.runs["x-1"] = {"stuck": Run(HOUR), **thrice}
        world.play(world.up_until(60 * DAY, a_watcher(since="2020-01-01", poke_interval=6 * HOUR)))
        assert world.database.fired == dict.fromkeys(thrice, 1)
        ((_, kept),) = world.database.state.items()
        assert len(kept) < 5_000, "what is stored must not grow with the age of the watcher"


class TestWeather:
    @pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException", "ResourceNotFoundException", "?"])
    @pytest.mark.parametrize("watcher", [{}, {"export_name": "cur2"}], ids=["arn", "name"])
    def test_nothing_ends_a_watcher(self, world: World, code: str, watcher: dict[str, str]) -> None:
        world.aws.runs["x-1"] = DAILY
        world.aws.fault = lambda *_: client_error(code) if DAY < world.clock.monotonic() < 2 * DAY else None
        world.play(world.up_until(3.5 * DAY, a_watcher(**watcher)))
        assert world.database.fired == dict.fromkeys(DAILY, 1)
        calls = [moment for moment in world.aws.moments("list") if DAY < moment < 2 * DAY]
        assert len(calls) <= DAY / 200, "while AWS refuses, it must not be asked often"

    def test_a_connection_that_is_missing_is_waited_for(self, world: World) -> None:
        world.aws.runs["x-1"] = deliveries((2 * HOUR, 3 * HOUR))
        missing = "aws_conn_id: there is no Airflow connection 'aws_billing'. Create it."
        world.aws.open_fault = lambda _: AwsConnectionMissingError(missing) if world.clock.monotonic() < HOUR else None
        world.play(world.up_until(5 * HOUR))
        assert world.database.fired == {"e-1": 1}

    def test_what_is_wrong_is_logged_once_an_hour(self, world: World, caplog: pytest.LogCaptureFixture) -> None:
        world.aws.fault = lambda method, number: client_error("AccessDeniedException", message="not authorized")
        with caplog.at_level(logging.WARNING, logger="bcm"):
            world.play(world.up_until(5 * HOUR))
        told = [record.getMessage() for record in caplog.records if "again every 600 s" in record.getMessage()]
        assert 4 <= len(told) <= 6
        assert "not authorized" in told[0]
        assert "x-1" in told[0]

    def test_a_poll_that_breaks_ends_the_trigger_which_airflow_makes_anew(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def broken(self: StatusStream) -> None:
            raise AssertionError("a bug")

        async def story() -> None:
            async with world.up():
                await world.at(HOUR)

        with monkeypatch.context() as patch:
            patch.setattr(StatusStream, "_round", broken)
            with pytest.raises(RuntimeError, match="the poll of this connection broke"):
                world.play(story())


class TestSharing:
    """Airflow's groups of triggers are per class, the poll is per connection: one group polls, the others stand by."""

    @pytest.mark.parametrize("leaves", ["watcher", "sensor"])
    @pytest.mark.parametrize("first", ["watcher", "sensor"])
    def test_when_the_one_that_polls_leaves_the_other_takes_over(
        self, world: World, make: Make, first: str, leaves: str
    ) -> None:
        world.aws.runs["x-1"] = deliveries((HOUR, 8 * HOUR))
        sensor = make.execution(poke=POKE, longest=LONGEST)
        ended: list[dict[str, Any]] = []

        async def wait(process: Process) -> None:
            key = sensor.shared_stream_key()
            stream = process.manager.subscribe(trigger_id=99, trigger=sensor, key=key)
            try:
                ended.extend([event.payload async for event in sensor.filter_shared_stream(stream)])
            finally:
                await process.manager.unsubscribe(99, key)

        async def story() -> None:
            process = Process(world.clock, world.database)
            tasks: dict[str, asyncio.Task[None]] = {}
            for name in (first, "sensor" if first == "watcher" else "watcher"):
                watcher = name == "watcher"
                tasks[name] = process.watch(1, a_watcher(), "a") if watcher else asyncio.create_task(wait(process))
                await asyncio.sleep(POKE / 2)
            await world.at(5 * HOUR)
            assert len(StatusStream._shared) == 1, "one stream for both"
            assert world.aws.opened - world.aws.closed == 1, "one client for both"
            tasks[leaves].cancel()
            await world.at(5 * HOUR + 1)
            assert world.aws.opened - world.aws.closed <= 1, "the client of the poll that ended is closed"
            await world.at(9 * HOUR)
            tasks["sensor"].cancel()
            await asyncio.gather(tasks["sensor"], return_exceptions=True)
            await process.kill()

        world.play(story())
        moments = world.aws.moments("list_executions")
        assert max(later - earlier for earlier, later in pairwise(moments)) <= LONGEST, "nobody polled for a while"
        assert len(moments) <= 9 * HOUR / POKE + 5, "two polls went on side by side"
        if leaves == "watcher":
            assert [event["outcome"] for event in ended] == ["success"]
        else:
            assert world.database.fired == {"e-1": 1}
