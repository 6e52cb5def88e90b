"""The lines of an estimated bill."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

SkuKey = tuple[str, str, str, str]
"""Service code, usage type, operation, usage account."""

_DECIMALS = 10


class Identity(NamedTuple):
    """What makes a line one of its own.

    :param type: CUR's word: Usage, SavingsPlanCoveredUsage, SavingsPlanNegation, DiscountedUsage,
        SavingsPlanRecurringFee, RIFee, Fee, Credit, Refund or whatever else the month's bill has.
    :param zone: the availability zone, of usage that is modelled in one; else empty.
    :param plan: the ARN of the Savings Plan that it belongs to; else empty.
    """

    key: SkuKey
    type: str
    zone: str = ""
    plan: str = ""


@dataclass
class Line:
    """One line: the amounts, each a quantity and USD, that make up its past and its estimate."""

    identity: Identity
    unit: str
    location: str
    past: list[tuple[float, float]] = field(default_factory=list)
    estimate: list[tuple[float, float]] = field(default_factory=list)

    def describe(self, payer: str, estimate_id: str) -> dict[str, Any]:
        """Give AWS's BillEstimateLineItemSummary; usage that is new has no historical values."""
        service_code, usage_type, operation, account = self.identity.key
        name = "/".join((*self.identity.key, *self.identity[1:]))
        item: dict[str, Any] = {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{estimate_id}/{name}")),
            "lineItemId": uuid.uuid5(uuid.NAMESPACE_OID, name).hex,
            "lineItemType": self.identity.type,
            "serviceCode": service_code,
            "usageType": usage_type,
            "operation": operation,
            "location": self.location or None,
            "availabilityZone": self.identity.zone or None,
            "payerAccountId": payer,
            "usageAccountId": account,
            "estimatedUsageQuantity": self._quantity(self.estimate),
            "estimatedCost": usd(_total(cost for _, cost in self.estimate)),
            "savingsPlanArns": [self.identity.plan] if self.identity.plan else None,
        }
        if self.past:
            item["historicalUsageQuantity"] = self._quantity(self.past)
            item["historicalCost"] = usd(_total(cost for _, cost in self.past))
        return item

    def _quantity(self, amounts: list[tuple[float, float]]) -> dict[str, Any]:
        return {"amount": _total(quantity for quantity, _ in amounts), "unit": self.unit}


class Bill:
    """All lines. A line is there once something was put into it."""

    def __init__(self) -> None:
        self._lines: dict[Identity, Line] = {}

    def past(self, identity: Identity, unit: str, location: str, quantity: float, cost: float) -> None:
        """Note what was on the historical bill."""
        self._line(identity, unit, location).past.append((quantity, cost))

    def add(self, identity: Identity, unit: str, location: str, quantity: float, cost: float) -> None:
        """Add to the estimate, or with negative numbers take away from it."""
        self._line(identity, unit, location).estimate.append((quantity, cost))

    def sorted(self) -> Iterator[Line]:
        """Give the lines in the order of their identities."""
        return (self._lines[identity] for identity in sorted(self._lines))

    def _line(self, identity: Identity, unit: str, location: str) -> Line:
        if identity not in self._lines:
            self._lines[identity] = Line(identity, unit, location)
        return self._lines[identity]


def usd(amount: float) -> dict[str, Any]:
    """Give AWS's CostAmount."""
    return {"amount": amount, "currency": "USD"}


def _total(amounts: Iterator[float]) -> float:
    """Add up without the noise of adding up: what was put in and taken away again is 0, not 1e-13."""
    return round(math.fsum(amounts), _DECIMALS) + 0.0
