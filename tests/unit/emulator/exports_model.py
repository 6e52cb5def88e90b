"""Data Exports in a hundred lines, from AWS's pages: what an export and its executions may be, and where files lie.

It knows nothing of the emulator's code. Where AWS says nothing it takes the emulator's word (docs/emulator.md).
https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

PAYER, MEMBER, STRANGER = "111122223333", "444455556666", "999900001111"
OWNERS = {"exports-own": PAYER, "exports-other": MEMBER}
#: What a bucket's policy lets in: whose exports, and whether with their manifests.
POLICIES: dict[str, tuple[tuple[str, ...], bool]] = {
    "everyone": ((PAYER, MEMBER, STRANGER), True),
    "payer": ((PAYER,), True),
    "nobody": ((), True),
    "no manifest": ((PAYER, MEMBER, STRANGER), False),
}
#: How many exports an account may have, a column, another one.
TABLES = {
    "COST_AND_USAGE_REPORT": (5, "line_item_unblended_cost", "line_item_usage_type"),
    "FOCUS_1_2_AWS": (2, "BilledCost", "ServiceName"),
    "COST_OPTIMIZATION_RECOMMENDATIONS": (2, "recommendation_id", "account_id"),
    "CARBON_EMISSIONS": (2, "usage_account_id", "product_code"),
}
OUTPUTS = {
    "parquet": ("CUSTOM", "PARQUET", "PARQUET"),
    "csv": ("CUSTOM", "TEXT_OR_CSV", "GZIP"),
    "athena": ("ATHENA", "PARQUET", "PARQUET"),
    "redshift": ("REDSHIFT", "TEXT_OR_CSV", "GZIP"),
}
UNDER_WAY = ("INITIATION_IN_PROCESS", "QUERY_QUEUED", "QUERY_IN_PROCESS", "DELIVERY_IN_PROCESS")
SUCCESS, QUERY_FAILURE, DELIVERY_FAILURE = "DELIVERY_SUCCESS", "QUERY_FAILURE", "DELIVERY_FAILURE"
DAY = timedelta(days=1)


@dataclass
class Run:
    """An execution, as it was seen last."""

    created: datetime
    snapshot: dict[str, Any]
    status: str = UNDER_WAY[0]
    reason: str | None = None
    ended: datetime | None = None

    @property
    def root(self) -> tuple[str, str]:
        """Bucket and folder of what it delivers."""
        to = self.snapshot["DestinationConfigurations"]["S3Destination"]
        return to["S3Bucket"], f"{to['S3Prefix']}/{self.snapshot['Name']}"


@dataclass
class Export:
    """An export as its owner made it: what was sent, and since when it counts."""

    account: str
    arn: str
    table: str
    created: datetime
    versions: list[tuple[datetime, dict[str, Any]]]
    tags: dict[str, str]
    is_deleted: bool = False
    runs: dict[str, Run] = field(default_factory=dict)

    @property
    def definition(self) -> dict[str, Any]:
        return self.versions[-1][1]

    @property
    def name(self) -> str:
        return str(self.definition["Name"])

    def at(self, moment: datetime) -> dict[str, Any]:
        """What was defined at a moment."""
        return next(sent for since, sent in reversed(self.versions) if since <= moment)

    def together(self) -> dict[datetime, list[Run]]:
        """Its executions by the time at which they began: those that did so together, each for a partition."""
        found: dict[datetime, list[Run]] = {}
        for run in self.runs.values():
            found.setdefault(run.created, []).append(run)
        return dict(sorted(found.items()))

    def partitions(self, began: datetime) -> set[str]:
        """What must have been delivered together at that time."""
        months = [_month(began, -1), _month(began, 0)]
        if self.table == "COST_OPTIMIZATION_RECOMMENDATIONS":
            return {f"date={began:%Y-%m-%d}"}
        if self.table == "CARBON_EMISSIONS":
            is_first = began == min(self.together())
            newest = -1 if began.day >= 15 else -2
            backfill = [_month(began, newest - back) for back in range(38 if is_first else 1)]
            return {f"model_version=v3.0.0/usage_period={month:%Y-%m}" for month in backfill}
        return {f"BILLING_PERIOD={month:%Y-%m}" for month in (months if began.day <= 14 else months[1:])}


@dataclass
class Model:
    """All that there is: exports by ARN, policies by bucket, fault rules by an export's name.

    ``leftovers`` are files of others that were there before an export: nobody empties them.
    """

    exports: dict[str, Export] = field(default_factory=dict)
    policies: dict[str, str] = field(default_factory=lambda: dict.fromkeys(OWNERS, "everyone"))
    faults: dict[str, tuple[str, str]] = field(default_factory=dict)
    leftovers: set[str] = field(default_factory=set)

    def of(self, account: str) -> list[Export]:
        """The exports that an account has."""
        return [each for each in self.exports.values() if each.account == account and not each.is_deleted]

    def find(self, account: str, arn: str) -> Export | None:
        """An export that the account has, by its ARN."""
        return next((each for each in self.of(account) if each.arn == arn), None)

    def permits(self, account: str, definition: dict[str, Any], *, manifest: bool) -> bool:
        """Whether the bucket is whose it should be and lets the account's exports in."""
        to = definition["DestinationConfigurations"]["S3Destination"]
        if OWNERS.get(to["S3Bucket"]) != to.get("S3BucketOwner", account):
            return False
        accounts, takes_manifests = POLICIES[self.policies[to["S3Bucket"]]]
        return account in accounts and (takes_manifests or not manifest)

    def objections(self, account: str, definition: dict[str, Any]) -> set[str]:
        """Why any definition is refused."""
        to = definition["DestinationConfigurations"]["S3Destination"]
        is_refused = not self.permits(account, definition, manifest=False) or to["S3Region"] != "us-east-1"
        return {"ValidationException"} if is_refused else set()

    def objections_to_create(self, account: str, definition: dict[str, Any], tags: dict[str, str]) -> set[str]:
        """Why a new export is refused."""
        codes, there, table = self.objections(account, definition), self.of(account), table_of(definition)
        if any(each.name == definition["Name"] for each in there) or any(key.startswith("aws:") for key in tags):
            codes.add("ValidationException")
        if sum(each.table == table for each in there) >= TABLES[table][0]:
            codes.add("ServiceQuotaExceededException")
        return codes

    def objections_to_update(self, export: Export, definition: dict[str, Any]) -> set[str]:
        """Why a change is refused: name and table stay, and no export that overwrites goes back."""
        overwrote, overwrites = overwriting(export.definition), overwriting(definition)
        if definition["Name"] != export.name or table_of(definition) != export.table or overwrote > overwrites:
            return {"ValidationException"}
        return self.objections(export.account, definition)

    def end(self, export: Export, run: Run) -> tuple[str, str | None]:
        """How an execution ends that was as ``run`` says while faults and policies have been what they are."""
        status, reason = self.faults.get(export.name, ("", None))
        if status == DELIVERY_FAILURE or (status == QUERY_FAILURE and run.status != "DELIVERY_IN_PROCESS"):
            return status, reason
        if not self.permits(export.account, run.snapshot, manifest=True):
            return DELIVERY_FAILURE, "INSUFFICIENT_PERMISSION"
        return SUCCESS, None


def table_of(definition: dict[str, Any]) -> str:
    """The table that a definition queries."""
    return str(definition["DataQuery"]["QueryStatement"].split(" FROM ")[1].split()[0])


def overwriting(definition: dict[str, Any]) -> bool:
    """Whether each delivery takes the place of the one before."""
    to = definition["DestinationConfigurations"]["S3Destination"]
    return bool(to["S3OutputConfigurations"]["Overwrite"] == "OVERWRITE_REPORT")


def _month(moment: datetime, months: int) -> date:
    number = moment.year * 12 + moment.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)
