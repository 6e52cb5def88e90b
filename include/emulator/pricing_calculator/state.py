"""What the emulator remembers of scenarios and estimates, client tokens and what estimates would have cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from emulator.pricing_calculator.months import last_complete_month, month_start
from emulator.pricing_calculator.rates import Preferences
from emulator.pricing_calculator.shelf import PlaceIndex, Resource, Roll, Shelf, equals
from emulator.pricing_calculator.workload import WorkloadEstimate

if TYPE_CHECKING:
    from emulator.pricing_calculator.estimation import EstimatedBill

FREE_ESTIMATES_A_MONTH = 5
USD_PER_FURTHER_ESTIMATE = 2.0
ESTIMATE_KEPT = timedelta(days=365)
_SCENARIO_MONTHS = 14

Item = dict[str, Any]
"""A modification in AWS's Item shape. It is never changed, only replaced: estimates share it with their scenario."""


def scenario_expiry(created_at: datetime) -> datetime:
    """Say when a scenario goes: stale ones stay for 13 months, one of February 2025 until the end of March 2026.

    https://docs.aws.amazon.com/cost-management/latest/userguide/pc-scenario-stale.html
    """
    return month_start(created_at, _SCENARIO_MONTHS)


@dataclass(kw_only=True)
class Scenario(Resource):
    """A bill scenario with its modifications.

    ``sharing`` holds AWS's two members about the sharing of commitments, ``running`` the ids of the estimates that
    run on it.
    """

    sharing: dict[str, Any]
    running: set[str] = field(default_factory=set)
    usage: Roll[Item] = field(default_factory=Roll)
    commitments: Roll[Item] = field(default_factory=Roll)

    def __post_init__(self) -> None:
        self.bill_interval = last_complete_month(self.created_at)
        self._stale_from = month_start(self.created_at, 1)

    def status(self, now: datetime) -> str:
        """READY, LOCKED while an estimate runs on it, STALE after its month. FAILED is AWS's only."""
        if self.running:
            return "LOCKED"
        return "STALE" if now >= self._stale_from else "READY"

    def describe(self, now: datetime) -> dict[str, Any]:
        """Give AWS's BillScenarioSummary, which is what Create, Get and Update answer too."""
        return {
            "id": self.id,
            "name": self.name,
            "billInterval": self.bill_interval,
            "status": self.status(now),
            "createdAt": self.created_at,
            "expiresAt": self.expires_at,
            **self.sharing,
        }


@dataclass(kw_only=True)
class Estimate(Resource):
    """A bill estimate. What it worked out is in AWS's shapes and there once it is COMPLETE.

    :param ends_at: when it ends, if it is worked out by then.
    :param is_due: whether it is as late as that.
    :param input_usage: the scenario's usage modifications as they were at its start, AWS's Item shape.
    :param input_commitments: the scenario's commitment modifications, likewise.
    :param cost_summary: BillEstimateCostSummary.
    :param line_items: BillEstimateLineItemSummary.
    :param commitments: BillEstimateCommitmentSummary.
    """

    scenario_id: str
    ends_at: datetime
    sharing: dict[str, Any]
    input_usage: Sequence[Item] = ()
    input_commitments: Sequence[Item] = ()
    is_due: bool = False
    status: str = "IN_PROGRESS"
    failure_message: str | None = None
    cost_summary: dict[str, Any] | None = None
    line_items: Sequence[dict[str, Any]] = ()
    commitments: Sequence[dict[str, Any]] = ()

    def __post_init__(self) -> None:
        self.bill_interval = last_complete_month(self.created_at)

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
        """Give what Create, Get and Update answer."""
        has_category = "costCategoryGroupSharingPreferenceArn" in self.sharing
        return {
            **self.summary(),
            "failureMessage": self.failure_message,
            "costSummary": self.cost_summary,
            "costCategoryGroupSharingPreferenceEffectiveDate": self.bill_interval["start"] if has_category else None,
            **self.sharing,
        }


class EstimateShelf(Shelf[Estimate]):
    """All bill estimates, found by status as well: AWS's clients look for the few that are in progress."""

    def __init__(self) -> None:
        super().__init__("BillEstimate")
        self._by_status = PlaceIndex()

    def add(self, resource: Estimate) -> None:
        """Enter an estimate; its name must be free."""
        super().add(resource)
        self._by_status.add(resource.account, resource.status, self.roll(resource.account).place(resource.id))

    def remove(self, resource: Estimate) -> None:
        """Strike an estimate out."""
        self._by_status.remove(resource.account, resource.status, self.roll(resource.account).place(resource.id))
        super().remove(resource)

    def end(self, estimate: Estimate, status: str) -> None:
        """Give an estimate its last status, COMPLETE or FAILED."""
        place = self.roll(estimate.account).place(estimate.id)
        self._by_status.remove(estimate.account, estimate.status, place)
        estimate.status = status
        self._by_status.add(estimate.account, status, place)

    def _candidates(self, account: str, filters: Sequence[dict[str, Any]]) -> Sequence[int] | None:
        among = super()._candidates(account, filters)
        statuses = equals(filters, "STATUS")
        return self._by_status.find(account, statuses) if among is None and statuses is not None else among


@dataclass(frozen=True)
class Replay:
    """What a client token stands for: the request that it came with and the answer to it."""

    request: str
    answer: dict[str, Any]


class CalculatorBook:
    """Everything of all accounts: resources, preferences, client tokens, and what AWS would charge."""

    def __init__(self) -> None:
        self.scenarios: Shelf[Scenario] = Shelf("BillScenario")
        self.estimates = EstimateShelf()
        self.workloads: Shelf[WorkloadEstimate] = Shelf("WorkloadEstimate")
        self.workloads_made: Counter[tuple[str, str]] = Counter()
        self.preferences: dict[str, Preferences] = {}
        self.tokens: dict[tuple[str, str, str], Replay] = {}
        self.ids_given = 0
        self._succeeded: Counter[tuple[str, str]] = Counter()

    def all_scenarios(self, now: datetime) -> list[Scenario]:
        """Give every account's scenarios that have not expired, in the order of their creation."""
        return self.scenarios.all(now)

    def all_estimates(self, now: datetime) -> list[Estimate]:
        """Give every account's estimates that have not expired, in the order of their creation."""
        return self.estimates.all(now)

    def end_estimate(self, estimate: Estimate, outcome: EstimatedBill | str) -> None:
        """End an estimate, unless it has ended, and unlock its scenario.

        One that is COMPLETE counts as one that AWS charges for. Deleting it later changes nothing.

        :param outcome: its bill, or why it is FAILED.
        """
        if estimate.status != "IN_PROGRESS":
            return
        scenario = self.scenarios.roll(estimate.account).get(estimate.scenario_id)
        if scenario:
            scenario.running.discard(estimate.id)
        if isinstance(outcome, str):
            estimate.failure_message = outcome
            self.estimates.end(estimate, "FAILED")
            return
        estimate.cost_summary, estimate.line_items = outcome.cost_summary, outcome.line_items
        estimate.commitments = outcome.commitments
        self.estimates.end(estimate, "COMPLETE")
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
