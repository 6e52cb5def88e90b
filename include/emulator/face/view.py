"""What the status page shows: values taken from the world at one moment, in AWS's own shapes where it has one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from emulator.data_exports.definition import read_query
from emulator.face.shown import MOST, Shown
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

MOST_ACCOUNTS = 6
MOST_EXECUTIONS = 5
_RUN = timedelta(hours=1)  # longer than a run takes


def view(world: World) -> dict[str, Any]:
    """Give the values that the page is written from; they do not change with the world afterwards."""
    requests, counts = world.journal.entries(limit=MOST)[::-1], world.journal.counts().values()
    with world.lock:
        now = world.clock.now()
        exports = world.exports.all()
        scenarios, estimates = world.calculator.all_scenarios(now), world.calculator.all_estimates(now)
        owners = [one.account for one in exports] + [one.account for one in scenarios + estimates]
        return {
            "now": now,
            "speed": world.clock.speed,
            "settings": world.settings,
            "accounts": Shown.first(_accounts(world, owners), MOST_ACCOUNTS),
            "exports": Shown.newest(exports, _export, lambda one: one.health != "HEALTHY"),
            "delivered": sum(run.status == "DELIVERY_SUCCESS" for one in exports for run in one.executions),
            "first_runs_in": max((_delivered_in(one, now) for one in exports if not one.runs), default=None),
            "ready": sum(one.status(now) == "READY" for one in scenarios),
            "scenarios": Shown.newest(scenarios, lambda one: _scenario(one, now)),
            "estimates": Shown.newest(
                estimates, lambda one: _estimate(world, one, now), lambda one: one.status == "IN_PROGRESS"
            ),
            "workloads": Shown.newest(world.calculator.workloads.all(now), lambda one: _workload(world, one, now)),
            "takes": [timedelta(hours=hours) for hours in world.settings.estimate_hours],
            "buckets": Shown.first(sorted(storage.contents(), key=_delivered_at, reverse=True)),
            "faults": Shown.first([_fault(rule) for rule in world.faults.list()]),
            "charges": Shown.first(sorted(world.calculator.charges(), key=itemgetter("month"), reverse=True)),
            "free_estimates": FREE_ESTIMATES_A_MONTH,
            "further_estimate_usd": USD_PER_FURTHER_ESTIMATE,
            "requests": Shown(requests, sum(one["calls"] for one in counts)),
            "failed_requests": sum(one["errors"] for one in counts),
            **_proposed_export(world),
            **_proposed_estimate([one for one in scenarios if one.account == world.settings.payer], now),
        }


def _accounts(world: World, owners: Sequence[str]) -> list[tuple[str, str]]:
    """Each account with its part: those of the settings, and others that own something."""
    settings = world.settings
    parts = {settings.payer: "payer", **dict.fromkeys(settings.members, "member")}
    return [*parts.items(), *((owner, "standalone") for owner in dict.fromkeys(owners) if owner not in parts)]


def _export(record: ExportRecord) -> dict[str, Any]:
    s3 = record.definition["DestinationConfigurations"]["S3Destination"]
    table = read_query(record.definition["DataQuery"]).table

    def execution(run: Execution) -> dict[str, Any]:
        return {**run.describe(), "id": run.id, "period": table.partition(run.period).partition("=")[2]}

    return {
        **record.describe(),
        "name": record.name,
        "arn": record.arn,
        "account": record.account,
        "table": table.name,
        "output": s3["S3OutputConfigurations"],
        "place": f"s3://{s3['S3Bucket']}/{s3['S3Prefix']}",
        "next_run_at": record.next_run_at,
        "executions": Shown.newest(record.executions, execution, most=MOST_EXECUTIONS),
    }


def _delivered_in(record: ExportRecord, now: datetime) -> timedelta:
    """How long until a new export's first delivery is surely there."""
    return (record.next_run_at or now) - now + _RUN


def _delivered_at(bucket: storage.Contents) -> float:
    return bucket.delivered_at.timestamp() if bucket.delivered_at else 0


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


def _proposed_estimate(scenarios: Sequence[Scenario], now: datetime) -> dict[str, Any]:
    """What to type for a first estimate: the payer's scenario that it can be made of, or a free name for one."""
    ready = [one for one in scenarios if one.status(now) == "READY"]
    taken = {one.name for one in scenarios}
    names = ("what-if", *(f"what-if-{number}" for number in range(2, len(taken) + 2)))
    return {
        "ready_scenario": ready[-1].id if ready else None,
        "proposed_scenario": next(name for name in names if name not in taken),
    }


def _proposed_export(world: World) -> dict[str, Any]:
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
