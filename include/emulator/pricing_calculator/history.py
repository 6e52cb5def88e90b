"""The bill that an estimate starts from: the month's charges as CUR 2.0 shows them, before tax.

AWS: the anniversary bill's charges before tax, with credits and refunds as they were, and existing commitments.
https://docs.aws.amazon.com/cost-management/latest/userguide/pc-bill-estimate.html
Reading the same table that is exported keeps both reconcilable: the historical total is the sum of
line_item_unblended_cost over the lines of whatever type that history.sql keeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from emulator.organisation import Organisation, month_end
from emulator.pricing_calculator.expressions import Attributes
from emulator.pricing_calculator.lines import SkuKey
from emulator.tables.charges import create_charges
from emulator.tables.query import parse

Hours = npt.NDArray[np.float64]
"""A quantity in each hour of the month."""

USAGE, PLAN_USAGE, RESERVED_USAGE = "Usage", "SavingsPlanCoveredUsage", "DiscountedUsage"
PLAN_NEGATION, PLAN_FEE, RESERVED_FEE = "SavingsPlanNegation", "SavingsPlanRecurringFee", "RIFee"
PRIVATE_DISCOUNT = "PrivateRateDiscount"
_TABLE = "COST_AND_USAGE_REPORT"
# Some 400 MB, and a hundred payers of the default size. A large organisation's month has 20,000.
_KEPT_PARTS = 100_000
_FINAL_AFTER = timedelta(days=40)  # from a month's end: nothing is restated any more
_PARTS = """
    SELECT number, service, usage_type, operation, account, type, zone, plan, reservation, unit, location, region,
        instance_type, account_name, service_name, tags, categories, coalesce(sum(quantity), 0) AS quantity,
        coalesce(sum(cost), 0) AS cost, coalesce(sum(list_cost), 0) AS list_cost,
        coalesce(sum(effective_cost), 0) AS effective_cost
    FROM {} GROUP BY ALL"""
_OWNED = """
    SELECT plan, reservation, account, kind, payment, term, place, family, instance_type, type, sum(cost) AS cost,
        sum(amortized_upfront) AS amortized_upfront
    FROM {} WHERE type IN ('SavingsPlanRecurringFee', 'RIFee') GROUP BY ALL"""
_HOURLY = """
    SELECT number, hour, sum(quantity) AS quantity, usage_type, type FROM {}
    WHERE type IN ('Usage', 'SavingsPlanCoveredUsage', 'DiscountedUsage') AND (contains(usage_type, 'BoxUsage:')
        OR contains(usage_type, 'Fargate-') OR contains(usage_type, 'Lambda-GB-Second'))
    GROUP BY ALL"""


@dataclass(frozen=True)
class Part:
    """Lines of the month that differ in nothing that matters here. Costs are USD.

    :param cost: unblended, what CUR adds up.
    :param list_cost: at on-demand rates; 0 of what is no usage.
    :param effective_cost: of usage, what it costs after negotiated discounts, or at its commitment's rate, amortised.
    :param number: identifies the part in the hourly reading.
    """

    key: SkuKey
    type: str
    zone: str
    plan: str
    reservation: str
    unit: str
    location: str
    region: str
    attributes: Attributes
    quantity: float
    cost: float
    list_cost: float
    effective_cost: float
    number: int

    @property
    def is_usage(self) -> bool:
        """Whether it is usage, covered by a commitment or not."""
        return self.type in (USAGE, PLAN_USAGE, RESERVED_USAGE)

    @property
    def discount(self) -> float:
        """What is negotiated off its cost, as its part of the month's PrivateRateDiscount lines: 0 or negative."""
        return self.effective_cost - self.cost if self.type == USAGE else 0.0

    @property
    def commitment(self) -> str:
        """The ARN of the Savings Plan or reservation that it belongs to; empty if to none."""
        return self.plan or self.reservation


@dataclass(frozen=True)
class Owned:
    """A commitment that the organisation has, as its fee's lines tell.

    :param kind: ComputeSavingsPlans, EC2InstanceSavingsPlans, or empty for a reservation.
    :param scope: the plan's instance family or the reservation's instance type.
    :param recurring: the month's fee in USD.
    :param amortized_upfront: the month's part of what was paid upfront.
    """

    arn: str
    account: str
    kind: str
    payment: str
    term: str
    region: str
    scope: str
    recurring: float
    amortized_upfront: float

    @property
    def id(self) -> str:
        """The id in the ARN."""
        return self.arn.rpartition("/")[2]


@dataclass(frozen=True)
class History:
    """An organisation's month. ``parts`` are sorted, ``by_key`` has those that are usage."""

    organisation: Organisation
    month: date
    parts: list[Part]
    owned: list[Owned]
    by_key: dict[SkuKey, list[Part]]

    @property
    def hours(self) -> int:
        """How many hours the month has."""
        return (month_end(self.month).date() - self.month).days * 24

    @cached_property
    def hourly(self) -> dict[int, Hours]:
        """The quantities of the parts that commitments can cover, by the part's number."""
        with _reading(self.organisation, self.month, "HOURLY", history_hours=_HOURLY) as connection:
            used = connection.execute(_HOURLY.format("history_hours") + " ORDER BY number, hour").fetchnumpy()
        numbers, rows = np.unique(used["number"], return_inverse=True)
        table = np.zeros((len(numbers), self.hours))
        table[rows, used["hour"] - (self.month - date(1970, 1, 1)).days * 24] = used["quantity"]
        return dict(zip(numbers.tolist(), table, strict=True))


def history_of(organisation: Organisation, month: date) -> History:
    """Give an organisation's month; it follows from the organisation alone, so that it is read once.

    The caller holds the world's lock.

    :param month: its first day.
    """
    key = (organisation, month)
    history = _recent.pop(key, None) or _read(organisation, month)
    _recent[key] = history
    while len(_recent) > 1 and sum(len(each.parts) for each in _recent.values()) > _KEPT_PARTS:
        del _recent[next(iter(_recent))]
    return history


def _read(organisation: Organisation, month: date) -> History:
    with _reading(organisation, month, "MONTHLY", history_parts=_PARTS, history_owned=_OWNED) as connection:
        parts = [_part(row) for row in _rows(connection, _PARTS.format("history_parts"))]
        owned = [_owned(row) for row in _rows(connection, _OWNED.format("history_owned"))]
    parts.sort(key=lambda part: (part.key, part.type, part.commitment, part.number))
    owned.sort(key=lambda one: one.arn)
    by_key: dict[SkuKey, list[Part]] = {}
    for part in parts:
        if part.is_usage:
            by_key.setdefault(part.key, []).append(part)
    return History(organisation, month, parts, owned, by_key)


_recent: dict[tuple[Organisation, date], History] = {}
"""What was read, the latest used last."""


@contextmanager
def _reading(
    organisation: Organisation, month: date, granularity: str, **selects: str
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Read the month's CUR, slice by slice, and give what each of ``selects`` found as a table of that name."""
    query = parse(f"SELECT line_item_usage_amount FROM {_TABLE}", {_TABLE: {"TIME_GRANULARITY": granularity}})  # noqa: S608
    slices = create_charges(connection := duckdb.connect(), organisation, query, month, month_end(month) + _FINAL_AFTER)
    with connection:
        for place, _ in enumerate(slices):
            if not place:
                connection.execute(Path(__file__).with_name("history.sql").read_text(encoding="utf-8"))
            for name, select in selects.items():
                start = f"INSERT INTO {name}" if place else f"CREATE TEMP TABLE {name} AS"
                connection.execute(start + select.format("history_lines"))
        yield connection


def _rows(connection: duckdb.DuckDBPyConnection, select: str) -> list[dict[str, Any]]:
    result = connection.execute(select)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _owned(row: dict[str, Any]) -> Owned:
    return Owned(
        row["plan"] or row["reservation"],
        row["account"],
        row["kind"],
        row["payment"],
        row["term"],
        row["place"],
        row["family"] or row["instance_type"],
        row["cost"],
        row["amortized_upfront"],
    )


def _part(row: dict[str, Any]) -> Part:
    key = (row.pop("service"), row.pop("usage_type"), row.pop("operation"), row.pop("account"))
    names = {name: row.pop(name) for name in ("instance_type", "account_name", "service_name", "tags", "categories")}
    dimensions = {
        "AZ": [row["zone"]],
        "INSTANCE_TYPE": [names["instance_type"]],
        "INSTANCE_TYPE_FAMILY": [names["instance_type"].rpartition(".")[0]],
        "LINKED_ACCOUNT": [key[3]],
        "LINKED_ACCOUNT_NAME": [names["account_name"]],
        "OPERATION": [key[2]],
        "PURCHASE_TYPE": [_purchase_type(row["type"], key[1])],
        "RECORD_TYPE": [row["type"]],
        "REGION": [row["region"]],
        "RESERVATION_ID": [row["reservation"].rpartition("/")[2]],
        "SAVINGS_PLAN_ARN": [row["plan"]],
        "SERVICE": [names["service_name"] or "", key[0]],
        "SERVICE_CODE": [key[0]],
        "USAGE_TYPE": [key[1]],
    }
    return Part(key=key, attributes=Attributes(dimensions, names["tags"], names["categories"]), **row)


def _purchase_type(line_type: str, usage_type: str) -> str:
    if line_type == PLAN_USAGE:
        return "Savings Plans"
    if line_type == RESERVED_USAGE:
        return "Standard Reserved Instances"
    return "Spot Instances" if "SpotUsage" in usage_type else "On Demand Instances"
