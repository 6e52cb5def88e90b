"""The lines of an estimated bill."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

SkuKey = tuple[str, str, str, str]
"""Service code, usage type, operation, usage account."""


@dataclass
class Line:
    """One line of the estimated bill. Costs are USD; historical values are ``None`` for usage that is new.

    ``type`` is Usage, SavingsPlanCoveredUsage, DiscountedUsage, SavingsPlanRecurringFee or RIFee, CUR's words for
    them. ``commitments`` are the ARNs of the Savings Plans that cover some of it.
    """

    key: SkuKey
    unit: str
    location: str | None
    eligible: bool
    quantity: float
    cost: float
    historical_quantity: float | None = None
    historical_cost: float | None = None
    type: str = "Usage"
    commitments: list[str] = field(default_factory=list)

    def describe(self, payer: str, estimate_id: str) -> dict[str, Any]:
        """Give AWS's BillEstimateLineItemSummary."""
        service_code, usage_type, operation, account = self.key
        name = "/".join((estimate_id, *self.key, self.type, *self.commitments))
        item: dict[str, Any] = {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
            "lineItemId": uuid.uuid5(uuid.NAMESPACE_OID, "/".join(self.key)).hex,
            "lineItemType": self.type,
            "serviceCode": service_code,
            "usageType": usage_type,
            "operation": operation,
            "location": self.location,
            "payerAccountId": payer,
            "usageAccountId": account,
            "estimatedUsageQuantity": {"amount": self.quantity, "unit": self.unit},
            "estimatedCost": usd(self.cost),
            "savingsPlanArns": self.commitments or None,
        }
        if self.historical_quantity is not None and self.historical_cost is not None:
            item["historicalUsageQuantity"] = {"amount": self.historical_quantity, "unit": self.unit}
            item["historicalCost"] = usd(self.historical_cost)
        return item


def usd(amount: float) -> dict[str, Any]:
    """Give AWS's CostAmount."""
    return {"amount": round(amount, 10), "currency": "USD"}
