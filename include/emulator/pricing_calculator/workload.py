"""Workload estimates: usage lines with their prices, and what they come to."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from emulator.pricing_calculator.months import month_start
from emulator.pricing_calculator.shelf import Resource, Roll

WORKLOAD_KEPT = timedelta(days=365)
RECALCULATION = timedelta(seconds=2)


@dataclass(kw_only=True)
class WorkloadEstimate(Resource):
    """A workload estimate.

    After each change it is UPDATING for :data:`RECALCULATION` and shows the total that it had before. AWS models the
    status and says neither how long it lasts nor what the others mean; here it is INVALID when the preferences no
    longer allow its rate type, and ACTION_NEEDED when historical usage in it is no longer of the last complete month.

    :param usage: its lines in AWS's Item shape, without ``status``. They are replaced, never changed.
    :param modifications: how often its usage was changed, for the quota.
    """

    rate_type: str
    rate_timestamp: datetime
    usage: Roll[dict[str, Any]] = field(default_factory=Roll)
    modifications: int = 0
    _cost: float = 0.0
    _cost_before: float = 0.0
    _updating_until: datetime | None = None
    _stale_from: datetime | None = None

    def recalculate(self, now: datetime) -> None:
        """Work its total out again after a change of its usage."""
        if self._updating_until is None or now >= self._updating_until:
            self._cost_before = self._cost
        self._cost = round(math.fsum(item["cost"] for item in self.usage), 10)
        self._stale_from = min((_stale_from(item) for item in self.usage if "historicalUsage" in item), default=None)
        self._updating_until = now + RECALCULATION
        self.rate_timestamp = now
        self.modifications += 1

    def describe(self, now: datetime, allowed: tuple[str, ...]) -> dict[str, Any]:
        """Give AWS's WorkloadEstimateSummary, which is what Create, Get and Update answer too.

        :param allowed: the rate types that its account may use.
        """
        status = self.status(now, allowed)
        invalid = f"Rate type {self.rate_type} is not allowed by the preferences" if status == "INVALID" else None
        return {
            "id": self.id,
            "name": self.name,
            "createdAt": self.created_at,
            "expiresAt": self.expires_at,
            "rateType": self.rate_type,
            "rateTimestamp": self.rate_timestamp,
            "status": status,
            "totalCost": self._cost_before if status == "UPDATING" else self._cost,
            "costCurrency": "USD",
            "failureMessage": invalid,
        }

    def status(self, now: datetime, allowed: tuple[str, ...]) -> str:
        """UPDATING, INVALID, ACTION_NEEDED or VALID."""
        if self._updating_until and now < self._updating_until:
            return "UPDATING"
        if self.rate_type not in allowed:
            return "INVALID"
        return "ACTION_NEEDED" if self._stale_from and now >= self._stale_from else "VALID"

    def describe_usage(self, item: dict[str, Any], now: datetime, allowed: tuple[str, ...]) -> dict[str, Any]:
        """Give a line as AWS's WorkloadEstimateUsageItem: VALID, INVALID or STALE."""
        status = "VALID"
        if self.rate_type not in allowed:
            status = "INVALID"
        elif "historicalUsage" in item and now >= _stale_from(item):
            status = "STALE"
        return {**item, "status": status}


def _stale_from(item: dict[str, Any]) -> datetime:
    """Say when the month after that of an item's historical usage is complete."""
    end: datetime = item["historicalUsage"]["billInterval"]["end"]
    return month_start(end, 1)
