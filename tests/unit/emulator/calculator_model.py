"""The Pricing Calculator in few lines, from AWS's pages: what scenarios and estimates may be, and what they cost.

It knows nothing of the emulator's code. Where AWS says nothing it takes the emulator's word (docs/emulator.md).
https://docs.aws.amazon.com/cost-management/latest/userguide/pricing-calculator.html
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

PAYER, MEMBER, STRANGER = "111122223333", "444455556666", "999900001111"
CONFLICT, INVALID, NOT_FOUND, TOO_MANY = (
    {"ConflictException"},
    {"ValidationException"},
    {"ResourceNotFoundException"},
    {"ServiceQuotaExceededException"},
)
SCENARIO, ESTIMATE, WORKLOAD = "BillScenario", "BillEstimate", "WorkloadEstimate"
KINDS = (SCENARIO, ESTIMATE, WORKLOAD)
#: A Savings Plan that is on offer.
PLAN = "c8d3a1f2-6b0e-4f57-9a41-2d7e5b9f1c30"
SHORTEST, LONGEST = timedelta(minutes=20), timedelta(hours=12)
WORKLOADS_A_MONTH = 50
RECALCULATION = timedelta(seconds=2)
PUBLIC, DISCOUNTED, COMMITTED = RATES = ("BEFORE_DISCOUNTS", "AFTER_DISCOUNTS", "AFTER_DISCOUNTS_AND_COMMITMENTS")
#: Which of the preferences is about an account, and in whose preferences that is looked up.
SELECTIONS = {
    PAYER: ("managementAccountRateTypeSelections", PAYER),
    MEMBER: ("memberAccountRateTypeSelections", PAYER),
    STRANGER: ("standaloneAccountRateTypeSelections", STRANGER),
}


@dataclass
class Thing:
    """A scenario, an estimate or a workload estimate.

    ``usage`` and ``commitments`` are lines by id, an estimate's as they were when it began. ``running`` is the estimate
    that locks a scenario. A workload estimate has prices of ``rate``; its usage was ``changed`` last when it cost
    ``cost_before``.
    """

    kind: str
    id: str
    account: str
    name: str
    created: datetime
    expires: datetime
    tags: dict[str, str] = field(default_factory=dict)
    usage: dict[str, dict[str, Any]] = field(default_factory=dict)
    commitments: dict[str, dict[str, Any]] = field(default_factory=dict)
    status: str = "IN_PROGRESS"
    scenario: str | None = None
    running: str | None = None
    rate: str = PUBLIC
    changed: datetime | None = None
    cost_before: float = 0.0

    def status_at(self, now: datetime, allowed: list[str]) -> str:
        """What it says of itself; ``allowed`` are the account's rate types."""
        if self.kind == WORKLOAD:
            return "UPDATING" if self.is_updating(now) else "VALID" if self.rate in allowed else "INVALID"
        if self.kind == ESTIMATE:
            return self.status
        if self.running:
            return "LOCKED"
        return "STALE" if now >= month(self.created, 1) else "READY"

    def is_updating(self, now: datetime) -> bool:
        """Whether a workload estimate still shows what it cost before."""
        return self.changed is not None and now < self.changed + RECALCULATION

    def cost_at(self, now: datetime) -> float:
        """What a workload estimate says that it costs."""
        return (
            self.cost_before
            if self.is_updating(now)
            else math.fsum(line.get("cost", 0) for line in self.usage.values())
        )


@dataclass
class Model:
    """All that there is. ``tokens`` remembers request and answer; ``completed`` counts by account and month.

    ``preferences`` are those that somebody changed, by account.
    """

    things: dict[str, Thing] = field(default_factory=dict)
    tokens: dict[tuple[str, str, str], tuple[dict[str, Any], bytes]] = field(default_factory=dict)
    completed: Counter[tuple[str, str]] = field(default_factory=Counter)
    workloads_made: Counter[tuple[str, str]] = field(default_factory=Counter)
    preferences: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    is_failing: bool = False

    def preferences_of(self, account: str) -> dict[str, list[str]]:
        """The preferences of an account's organisation. Members have public prices until they are allowed more."""
        start = {name: [PUBLIC] if name.startswith("member") else [*RATES] for name, _ in SELECTIONS.values()}
        return start | self.preferences.get(SELECTIONS[account][1], {})

    def allowed(self, account: str) -> list[str]:
        """The rate types that an account may use."""
        return self.preferences_of(account)[SELECTIONS[account][0]]

    def status(self, thing: Thing, now: datetime) -> str:
        """What something says of itself."""
        return thing.status_at(now, self.allowed(thing.account))

    def of(self, account: str, kind: str, now: datetime) -> list[Thing]:
        """What an account has of a kind; the expired is gone."""
        things = self.things.values()
        return [one for one in things if (one.account, one.kind) == (account, kind) and now < one.expires]

    def find(self, account: str, kind: str, id_: str, now: datetime) -> Thing | None:
        """One of them."""
        return next((one for one in self.of(account, kind, now) if one.id == id_), None)

    def takes_name(self, account: str, kind: str, name: str, now: datetime) -> set[str]:
        """Names are unique in an account."""
        return CONFLICT if any(one.name == name for one in self.of(account, kind, now)) else set()

    def is_ready(self, account: str, id_: str, now: datetime) -> set[str]:
        """Why a scenario cannot be changed or estimated."""
        scenario = self.find(account, SCENARIO, id_, now)
        if scenario is None:
            return NOT_FOUND
        return {"READY": set(), "LOCKED": CONFLICT, "STALE": INVALID}[self.status(scenario, now)]

    def is_updatable(self, account: str, kind: str, id_: str, now: datetime) -> set[str]:
        """Why name and expiry cannot change, whatever the new ones are."""
        thing = self.find(account, kind, id_, now)
        return NOT_FOUND if thing is None else CONFLICT if thing.running else set()

    def is_deletable(self, account: str, kind: str, id_: str, now: datetime) -> set[str]:
        """Why something cannot be deleted; it need not be there."""
        thing = self.find(account, kind, id_, now)
        is_busy = thing and (thing.running or (kind == ESTIMATE and thing.status == "IN_PROGRESS"))
        return CONFLICT if is_busy else set()

    def end(self, estimate: Thing, status: str, now: datetime) -> None:
        """An estimate has ended as it had to: its scenario is free again, and a success counts."""
        assert estimate.created + SHORTEST <= now
        assert status == ("FAILED" if self.is_failing else "COMPLETE")
        estimate.status = status
        scenario = self.things.get(estimate.scenario or "")
        if scenario:
            scenario.running = None
        if status == "COMPLETE":
            self.completed[estimate.account, f"{estimate.created:%Y-%m}"] += 1

    def end_unseen(self, now: datetime) -> None:
        """Estimates that ended and expired since the last look: nothing expires before it could have ended."""
        for one in self.things.values():
            if one.kind == ESTIMATE and one.status == "IN_PROGRESS" and now >= one.expires:
                self.end(one, "FAILED" if self.is_failing else "COMPLETE", now)

    def charges(self) -> list[dict[str, Any]]:
        """Five a month are free, each further one costs 2 USD."""
        return [
            {
                "account": account,
                "month": month_,
                "estimates": number,
                "billed": max(0, number - 5),
                "usd": max(0, number - 5) * 2.0,
            }
            for (account, month_), number in sorted(self.completed.items())
        ]


def month(moment: datetime, months: int) -> datetime:
    """The beginning of the month that is so many after the moment's."""
    number = moment.year * 12 + moment.month - 1 + months
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)


def arn(kind: str, account: str, id_: str) -> str:
    """What tags are put on."""
    words = {SCENARIO: "bill-scenario", ESTIMATE: "bill-estimate", WORKLOAD: "workload-estimate"}
    return f"arn:aws:bcm-pricing-calculator:us-east-1:{account}:{words[kind]}/{id_}"


@dataclass
class Outcomes:
    """How the entries of a batch must end, by key or id: what is carried out, in order, and the errors of the rest."""

    done: list[str] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)


def outcomes(names: list[str], refused: Callable[[str], str | None] = lambda name: None) -> Outcomes:
    """Each entry on its own; the second of a name is a conflict. ``refused`` gives the error of a name."""
    found = Outcomes()
    for number, name in enumerate(names):
        error = "CONFLICT" if name in names[:number] else refused(name)
        if error:
            found.errors.append((name, error))
        else:
            found.done.append(name)
    return found
