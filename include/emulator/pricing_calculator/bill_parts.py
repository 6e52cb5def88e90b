"""What the bill that estimates start from consists of: usage and other charges in parts, and commitments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from emulator.pricing_calculator.expressions import Attributes
from emulator.pricing_calculator.lines import SkuKey

Hours = npt.NDArray[np.float64]
"""A quantity in each hour of the month."""

USAGE, PLAN_USAGE, RESERVED_USAGE = "Usage", "SavingsPlanCoveredUsage", "DiscountedUsage"
PLAN_NEGATION, PLAN_FEE, RESERVED_FEE = "SavingsPlanNegation", "SavingsPlanRecurringFee", "RIFee"
PRIVATE_DISCOUNT = "PrivateRateDiscount"


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
    def commitment(self) -> str:
        """The ARN of the Savings Plan or reservation that it belongs to; empty if to none."""
        return self.plan or self.reservation


@dataclass(frozen=True)
class Owned:
    """A commitment that the organisation has, as its fee's lines tell.

    :param kind: ComputeSavingsPlans, EC2InstanceSavingsPlans, or empty for a reservation.
    :param scope: the plan's instance family or the reservation's instance type.
    :param quantity: the hours that the fee is for: of a plan the month's, of reserved instances these times instances.
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
    quantity: float
    recurring: float
    amortized_upfront: float

    @property
    def id(self) -> str:
        """The id in the ARN."""
        return self.arn.rpartition("/")[2]


def owned_of(row: dict[str, Any]) -> Owned:
    """Read a row of what history.sql gives for ``Owned``."""
    return Owned(
        row["plan"] or row["reservation"],
        row["account"],
        row["kind"],
        row["payment"],
        row["term"],
        row["place"],
        row["family"] or row["instance_type"],
        row["quantity"],
        row["cost"],
        row["amortized_upfront"],
    )


def part_of(row: dict[str, Any]) -> Part:
    """Read a row of what history.sql gives for ``Part``; it is used up."""
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
