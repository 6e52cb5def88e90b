"""What the status page shows: values taken from the world at one moment, in AWS's own shapes where it has one."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from emulator.data_exports.definition import read_query
from emulator.moto import storage
from emulator.moto.bucket_policy import delivery_policy
from emulator.pricing_calculator.rates import allowed_rate_types
from emulator.pricing_calculator.state import FREE_ESTIMATES_A_MONTH, USD_PER_FURTHER_ESTIMATE
from emulator.settings import REGION

if TYPE_CHECKING:
    from emulator.data_exports.state import Execution, ExportRecord
    from emulator.pricing_calculator.state import Estimate, Scenario
    from emulator.pricing_calculator.workload import WorkloadEstimate
    from emulator.world import World

MOST = 20
"""How many resources of a kind, and requests, are shown: the newest."""
MOST_EXECUTIONS = 5
_RUN = timedelta(hours=1)  # longer than a run takes
Item = TypeVar("Item")


@dataclass(frozen=True)
class Newest:
    """The newest of many, the newest first."""

    items: list[dict[str, Any]]
    total: int

    @property
    def hidden(self) -> int:
        """How many there are that are not shown."""
        return self.total - len(self.items)

    @classmethod
    def of(cls, things: Sequence[Item], describe: Callable[[Item], dict[str, Any]], most: int = MOST) -> Newest:
        """Describe the last ``most`` of ``things``."""
        return cls([describe(thing) for thing in reversed(things[-most:])], len(things))


def view(world: World) -> dict[str, Any]:
    """Give the values that the page is written from; they do not change with the world afterwards."""
    with world.lock:
        now = world.clock.now()
        exports = world.exports.all()
        scenarios, estimates = world.calculator.all_scenarios(now), world.calculator.all_estimates(now)
        ready = [one for one in scenarios if one.status(now) == "READY"]
        counts = world.journal.counts().values()
        return {
            "now": now,
            "speed": world.clock.speed,
            "settings": world.settings,
            "accounts": _accounts(
                world, [one.account for one in exports] + [one.account for one in scenarios + estimates]
            ),
            "exports": Newest.of(exports, lambda one: _export(one, now)),
            "delivered": sum(run.status == "DELIVERY_SUCCESS" for one in exports for run in one.executions),
            "unhealthy": sum(one.health != "HEALTHY" for one in exports),
            "ready": len(ready),
            "ready_scenario": ready[-1].id if ready else None,
            "scenarios": Newest.of(scenarios, lambda one: _scenario(one, now)),
            "estimates": Newest.of(estimates, lambda one: _estimate(world, one, now)),
            "estimating": sum(one.status == "IN_PROGRESS" for one in estimates),
            "workloads": Newest.of(world.calculator.workloads.all(now), lambda one: _workload(world, one, now)),
            "takes": [timedelta(hours=hours) for hours in world.settings.estimate_hours],
            "buckets": storage.contents(),
            "faults": [_fault(rule) for rule in world.faults.list()],
            "charges": world.calculator.charges(),
            "free_estimates": FREE_ESTIMATES_A_MONTH,
            "further_estimate_usd": USD_PER_FURTHER_ESTIMATE,
            "requests": Newest(world.journal.entries(limit=MOST)[::-1], sum(one["calls"] for one in counts)),
            "failed_requests": sum(one["errors"] for one in counts),
            **_proposed(world),
        }


def _accounts(world: World, owners: Sequence[str]) -> list[tuple[str, str]]:
    """Each account with its part: those of the settings, and others that own something."""
    settings = world.settings
    parts = {settings.payer: "payer", **dict.fromkeys(settings.members, "member")}
    return [*parts.items(), *((owner, "standalone") for owner in dict.fromkeys(owners) if owner not in parts)]


def _export(record: ExportRecord, now: datetime) -> dict[str, Any]:
    s3 = record.definition["DestinationConfigurations"]["S3Destination"]
    table = read_query(record.definition["DataQuery"]).table

    def execution(run: Execution) -> dict[str, Any]:
        return {**run.describe(), "id": run.id, "period": table.partition(run.period).partition("=")[2]}

    return {
        **record.describe(),
        "name": record.name,
        "account": record.account,
        "table": table.name,
        "output": s3["S3OutputConfigurations"],
        "place": f"s3://{s3['S3Bucket']}/{s3['S3Prefix']}",
        "next_run_at": record.next_run_at,
        "delivered_in": record.next_run_at - now + _RUN if record.next_run_at else None,
        "executions": Newest.of(record.executions, execution, MOST_EXECUTIONS),
    }


def _scenario(scenario: Scenario, now: datetime) -> dict[str, Any]:
    return {
        **scenario.describe(now),
        "account": scenario.account,
        "usage": len(scenario.usage),
        "commitments": len(scenario.commitments),
    }


def _estimate(world: World, estimate: Estimate, now: datetime) -> dict[str, Any]:
    """An estimate, and how much of the longest time it can take has passed; when it ends, only AWS would know."""
    shortest, longest = world.settings.estimate_hours
    elapsed = now - estimate.created_at
    scale = timedelta(hours=longest) or timedelta.resolution
    return {
        **estimate.describe(),
        "account": estimate.account,
        "elapsed": elapsed,
        "elapsed_percent": round(100 * min(1.0, elapsed / scale), 1),
        "earliest_percent": round(100 * (timedelta(hours=shortest) / scale), 1),
    }


def _workload(world: World, workload: WorkloadEstimate, now: datetime) -> dict[str, Any]:
    allowed = allowed_rate_types(world, workload.account)
    return {**workload.describe(now, allowed), "account": workload.account, "usage": len(workload.usage)}


def _fault(rule: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in rule.items() if name != "id"})


def _proposed(world: World) -> dict[str, Any]:
    """What to type for a first export: the definition, and the bucket's policy if there is no bucket yet."""
    payer = world.settings.payer
    own = [name for account, name in world.settings.buckets if account == payer and storage.owner(name) == payer]
    bucket = own[0] if own else f"finops-exports-{payer}"
    export = {
        "Name": "daily",
        "DataQuery": {
            "QueryStatement": "SELECT line_item_usage_start_date, product_servicecode, line_item_unblended_cost"
            " FROM COST_AND_USAGE_REPORT",
            "TableConfigurations": {"COST_AND_USAGE_REPORT": {"TIME_GRANULARITY": "DAILY"}},
        },
        "DestinationConfigurations": {
            "S3Destination": {
                "S3Bucket": bucket,
                "S3Prefix": "exports",
                "S3Region": REGION,
                "S3OutputConfigurations": {
                    "OutputType": "CUSTOM",
                    "Format": "PARQUET",
                    "Compression": "PARQUET",
                    "Overwrite": "OVERWRITE_REPORT",
                },
            }
        },
        "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
    }
    return {
        "bucket": bucket,
        "bucket_policy": None if storage.owner(bucket) else json.dumps(delivery_policy(bucket, payer)),
        "proposed_export": json.dumps(export),
    }
