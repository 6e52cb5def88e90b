"""The sides of the comparison: which triggers a side waits with, and what their process is given."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.executors.workloads import RunTrigger
from airflow.executors.workloads.task import TaskInstanceDTO
from airflow.models.trigger import Trigger
from tests.benchmarks.waits.world import ESTIMATE_LASTS, Awaited, World

DAY = 86400.0
#: Estimates that AWS names in one answer.
PAGE = 25


@dataclass(frozen=True)
class Cadence:
    """How often is looked.

    :param poke_interval: seconds between looks while the answer is due. :param max_wait: while it is not, at most
    :param calls_per_second: the budget of our side; the plain one has none
    """

    name: str
    poke_interval: float
    max_wait: float
    calls_per_second: float

    def __str__(self) -> str:
        """Say it to a person."""
        if self.poke_interval == self.max_wait:
            return f"{self.poke_interval:g} s"
        return f"{self.poke_interval:g} to {self.max_wait:g} s (measured while {self.poke_interval:g} s count)"

    @property
    def between_changes(self) -> float:
        """Seconds from one step of time to the next, so that they meet different moments between two looks."""
        return 0.73 * self.poke_interval if self.poke_interval < 30 else 0.27 * self.poke_interval


#: Side by side both look every ten seconds, and our budget is so large that it does not count.
TEN_SECONDS = Cadence("10 s", 10.0, 10.0, 1000.0)
DEFAULT = Cadence("default", 90.0, 600.0, 20.0)
CADENCES = {one.name: one for one in (TEN_SECONDS, DEFAULT)}


class Side:
    """What one side's runner imports, and its triggers."""

    name: str
    modules: Sequence[str]

    def trigger(self, one: Awaited, cadence: Cadence) -> tuple[str, dict[str, Any]]:
        """Return class path and arguments of the trigger that waits for ``one``."""
        raise NotImplementedError

    def subjects(self, world: World) -> int:
        """Return how many calls the side makes at least until it has looked at everything once."""
        raise NotImplementedError

    def due_calls(self, world: World, cadence: Cadence) -> float | None:
        """Return how many calls a minute are due; None if that is not known beforehand."""
        return None

    def workload(self, number: int, one: Awaited, cadence: Cadence) -> RunTrigger:
        """Make what the supervisor hands to the runner, the trigger's arguments encrypted."""
        classpath, arguments = self.trigger(one, cadence)
        task = TaskInstanceDTO(
            id=uuid.uuid4(),
            dag_id="estimate_lifecycle" if one.estimate else "export_lifecycle",
            task_id="wait",
            run_id=f"manual__{datetime.now(UTC).isoformat()}",
            map_index=number,
            try_number=1,
            dag_version_id=uuid.uuid4(),
            pool_slots=1,
            priority_weight=1,
        )
        return RunTrigger(
            id=number,
            classpath=classpath,
            encrypted_kwargs=Trigger.encrypt_kwargs(arguments),
            ti=task,
            timeout_after=datetime.now(UTC) + timedelta(days=2),
        )


class Ours(Side):
    """The triggers of plugins/bcm."""

    name = "ours"
    modules = ("bcm.triggers.data_exports", "bcm.triggers.pricing_calculator", "aiobotocore.session")

    def trigger(self, one: Awaited, cadence: Cadence) -> tuple[str, dict[str, Any]]:
        now = time.time()
        intervals = {"poke_interval": cadence.poke_interval, "max_wait": cadence.max_wait}
        shared = {**intervals, "deadline": now + DAY, "aws_conn_id": f"aws_{one.account}", "region_name": "us-east-1"}
        if one.estimate:
            # as after a restart: these waits are as old as their estimates
            began = now - ESTIMATE_LASTS.total_seconds() * 0.8
            arguments = {"bill_estimate_id": one.estimate, "started": began}
            return "bcm.triggers.pricing_calculator.BcmBillEstimateTrigger", {**shared, **arguments}
        since = datetime.fromtimestamp(now - 60, UTC).isoformat()
        arguments = {"export_arn": one.export, "since": since, "started": now}
        return "bcm.triggers.data_exports.BcmExportExecutionTrigger", {**shared, **arguments}

    def subjects(self, world: World) -> int:
        return len({one.export or one.account for one in world.awaited})

    def due_calls(self, world: World, cadence: Cadence) -> float:
        """Each look is a page of 25 estimates of an account, or the executions of an export."""
        estimates = Counter(one.account for one in world.awaited if one.estimate)
        pages = sum(-(-number // PAGE) for number in estimates.values())
        return (pages + len({one.export for one in world.awaited if one.export})) * 60 / cadence.poke_interval


class Plain(Side):
    """One AwsBaseWaiterTrigger for each wait."""

    name = "plain"
    modules = ("tests.benchmarks.waits.plain", "aiobotocore.session")

    def trigger(self, one: Awaited, cadence: Cadence) -> tuple[str, dict[str, Any]]:
        delay = int(cadence.poke_interval)
        attempts = int(DAY / delay)
        shared = {
            "aws_conn_id": f"aws_{one.account}",
            "region_name": "us-east-1",
            "waiter_delay": delay,
            "waiter_max_attempts": attempts,
        }
        if one.estimate:
            return "tests.benchmarks.waits.plain.PlainEstimateTrigger", {**shared, "bill_estimate_id": one.estimate}
        return "tests.benchmarks.waits.plain.PlainExportTrigger", {**shared, "export_arn": one.export}

    def subjects(self, world: World) -> int:
        return len(world.awaited)

    def due_calls(self, world: World, cadence: Cadence) -> float:
        return len(world.awaited) * 60 / cadence.poke_interval


class Bare(Side):
    """Triggers that wait for nothing."""

    name = "bare"
    modules = ("tests.benchmarks.waits.bare",)

    def trigger(self, one: Awaited, cadence: Cadence) -> tuple[str, dict[str, Any]]:
        return "tests.benchmarks.waits.bare.BareTrigger", {}

    def subjects(self, world: World) -> int:
        return 0


def connections(world: World) -> dict[str, str]:
    """Return an Airflow connection for each account."""
    extra = {"region_name": "us-east-1", "endpoint_url": world.url}
    return {
        f"aws_{account}": json.dumps(
            {"conn_type": "aws", "login": f"AKIADEMO{account}", "password": "secret", "extra": extra}
        )
        for account in world.accounts
    }
