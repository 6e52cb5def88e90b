"""What the emulator remembers of scenarios, their modifications and estimates."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from emulator.errors import not_found

FREE_ESTIMATES_A_MONTH = 5
USD_PER_FURTHER_ESTIMATE = 2.0
_ESTIMATE_KEPT = timedelta(days=365)
_SCENARIO_MONTHS = 14


def month_start(moment: datetime, months: int = 0) -> datetime:
    """Give the first moment of the month that is ``months`` after the one that ``moment`` lies in."""
    number = moment.year * 12 + moment.month - 1 + months
    return moment.replace(year=number // 12, month=number % 12 + 1, day=1, hour=0, minute=0, second=0, microsecond=0)


def last_complete_month(moment: datetime) -> dict[str, datetime]:
    """Give AWS's billInterval: the last month that was complete at ``moment``, the end excluded."""
    return {"start": month_start(moment, -1), "end": month_start(moment)}


def new_id() -> str:
    """Make the id of a resource, a lowercase UUID."""
    return str(uuid.uuid4())


@dataclass
class Scenario:
    """A bill scenario. ``usage`` and ``commitments`` are the modifications in AWS's Item shapes.

    ``sharing`` holds AWS's two members about the sharing of commitments, if they were sent.
    """

    account: str
    name: str
    created_at: datetime
    sharing: dict[str, Any]
    tags: dict[str, str]
    id: str = field(default_factory=new_id)
    running: set[str] = field(default_factory=set)
    usage: list[dict[str, Any]] = field(default_factory=list)
    commitments: list[dict[str, Any]] = field(default_factory=list)

    @property
    def bill_interval(self) -> dict[str, datetime]:
        """The month whose bill it starts from."""
        return last_complete_month(self.created_at)

    @property
    def expires_at(self) -> datetime:
        """Stale scenarios stay visible for 13 months: one of February 2025 until the end of March 2026."""
        return month_start(self.created_at, _SCENARIO_MONTHS)

    def status(self, now: datetime) -> str:
        """READY, LOCKED while an estimate runs on it, STALE after its month."""
        if self.running:
            return "LOCKED"
        return "STALE" if now >= month_start(self.created_at, 1) else "READY"

    def describe(self, now: datetime) -> dict[str, Any]:
        """Give AWS's BillScenarioSummary, which is what Get and Create answer too."""
        return {
            "id": self.id,
            "name": self.name,
            "billInterval": self.bill_interval,
            "status": self.status(now),
            "createdAt": self.created_at,
            "expiresAt": self.expires_at,
            **self.sharing,
        }


@dataclass
class Estimate:
    """A bill estimate. ``cost_summary`` and ``line_items`` are in AWS's shapes, there once it is COMPLETE."""

    account: str
    name: str
    scenario_id: str
    created_at: datetime
    sharing: dict[str, Any]
    tags: dict[str, str]
    id: str = field(default_factory=new_id)
    status: str = "IN_PROGRESS"
    failure_message: str | None = None
    cost_summary: dict[str, Any] | None = None
    line_items: list[dict[str, Any]] = field(default_factory=list)

    @property
    def bill_interval(self) -> dict[str, datetime]:
        """The month that it is about."""
        return last_complete_month(self.created_at)

    @property
    def expires_at(self) -> datetime:
        """AWS does not document how long an estimate is kept; here it is a year."""
        return self.created_at + _ESTIMATE_KEPT

    def summary(self) -> dict[str, Any]:
        """Give AWS's BillEstimateSummary: no costs and no failure message."""
        return {
            "id": self.id,
            "name": self.name,
            "status": self.status,
            "billInterval": self.bill_interval,
            "createdAt": self.created_at,
            "expiresAt": self.expires_at,
        }

    def describe(self) -> dict[str, Any]:
        """Give what GetBillEstimate and CreateBillEstimate answer."""
        return {
            **self.summary(),
            "failureMessage": self.failure_message,
            "costSummary": self.cost_summary,
            **self.sharing,
        }


@dataclass(frozen=True)
class Replay:
    """What a client token stands for: the request that it came with and the answer to it."""

    request: str
    answer: dict[str, Any]


class CalculatorBook:
    """All scenarios and estimates of all accounts, the client tokens, and what AWS would charge."""

    def __init__(self) -> None:
        self._scenarios: dict[str, Scenario] = {}
        self._estimates: dict[str, Estimate] = {}
        self.tokens: dict[tuple[str, str, str], Replay] = {}
        self._succeeded: Counter[tuple[str, str]] = Counter()

    def add_scenario(self, scenario: Scenario) -> None:
        """Enter a scenario."""
        self._scenarios[scenario.id] = scenario

    def add_estimate(self, estimate: Estimate) -> None:
        """Enter an estimate."""
        self._estimates[estimate.id] = estimate

    def all_scenarios(self, now: datetime) -> list[Scenario]:
        """Give every account's scenarios that have not expired, in the order of their creation."""
        return [one for one in self._scenarios.values() if now < one.expires_at]

    def all_estimates(self, now: datetime) -> list[Estimate]:
        """Give every account's estimates that have not expired, in the order of their creation."""
        return [one for one in self._estimates.values() if now < one.expires_at]

    def scenarios(self, account: str, now: datetime) -> Iterator[Scenario]:
        """Give an account's scenarios that have not expired."""
        return (one for one in self._scenarios.values() if one.account == account and now < one.expires_at)

    def estimates(self, account: str, now: datetime) -> Iterator[Estimate]:
        """Give an account's estimates that have not expired: expired ones cannot be reached any more."""
        return (one for one in self._estimates.values() if one.account == account and now < one.expires_at)

    def scenario(self, account: str, scenario_id: str, now: datetime) -> Scenario:
        """Find a scenario.

        :raises ServiceError: ResourceNotFoundException.
        """
        for scenario in self.scenarios(account, now):
            if scenario.id == scenario_id:
                return scenario
        raise not_found("BillScenario", scenario_id)

    def estimate(self, account: str, estimate_id: str, now: datetime) -> Estimate:
        """Find an estimate.

        :raises ServiceError: ResourceNotFoundException.
        """
        for estimate in self.estimates(account, now):
            if estimate.id == estimate_id:
                return estimate
        raise not_found("BillEstimate", estimate_id)

    def remove_scenario(self, scenario: Scenario) -> None:
        """Strike a scenario out."""
        del self._scenarios[scenario.id]

    def remove_estimate(self, estimate: Estimate) -> None:
        """Strike an estimate out."""
        del self._estimates[estimate.id]

    def count_success(self, estimate: Estimate) -> None:
        """Count an estimate that succeeded: those are what AWS charges for. Deleting it later changes nothing."""
        self._succeeded[estimate.account, f"{estimate.created_at:%Y-%m}"] += 1

    def charges(self) -> list[dict[str, Any]]:
        """Give what AWS would charge, per account and calendar month: five are free, each further costs 2 USD."""
        return [
            {
                "account": account,
                "month": month,
                "estimates": number,
                "billed": max(0, number - FREE_ESTIMATES_A_MONTH),
                "usd": max(0, number - FREE_ESTIMATES_A_MONTH) * USD_PER_FURTHER_ESTIMATE,
            }
            for (account, month), number in sorted(self._succeeded.items())
        ]
