"""Commitments that a scenario adds or takes away: what they cover, at which rate, and what is paid for nothing.

AWS publishes discounts per offering; an offering's id says nothing to an emulator, so one discount stands for all
Savings Plans and one for all reserved instances. The real rules are followed in what matters to a reader of the
estimate: a commitment is paid in full whether it is used or not, covers its own account first, and covers only what
is eligible.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

from emulator.pricing_calculator.lines import Line

SAVINGS_PLAN_RATE = 0.72
RESERVED_RATE = 0.62
_FEE_UNIT = "Hrs"


def plan_arn(payer: str, plan_id: str) -> str:
    """Give the ARN of a Savings Plan."""
    return f"arn:aws:savingsplans::{payer}:savingsplan/{plan_id}"


def apply_commitment(bill: list[Line], commitment: dict[str, Any], hours: float, payer: str) -> list[Line]:
    """Cover lines of ``bill`` with one commitment, or uncover them, and give the lines that this adds.

    :param commitment: AWS's BillScenarioCommitmentModificationItem.
    :param hours: hours of the bill's month.
    """
    action = commitment["commitmentAction"]
    account = commitment["usageAccountId"]
    if "addSavingsPlanAction" in action:
        return _savings_plan(bill, action["addSavingsPlanAction"], commitment["id"], account, hours, payer)
    if "addReservedInstanceAction" in action:
        return _reserved(bill, action["addReservedInstanceAction"], account, hours)
    if "negateSavingsPlanAction" in action:
        _negate(bill, plan_arn(payer, action["negateSavingsPlanAction"]["savingsPlanId"]))
    return []


def _negate(bill: list[Line], plan: str) -> None:
    """Charge on demand for what the plan covered."""
    for line in bill:
        if plan in line.commitments:
            line.cost /= SAVINGS_PLAN_RATE
            line.commitments = []


def _savings_plan(
    bill: list[Line], plan: dict[str, Any], plan_id: str, account: str, hours: float, payer: str
) -> list[Line]:
    """The plan's hourly commitment, over the month, pays for eligible usage at the plan's rate."""
    budget = plan["commitment"] * hours
    arn = plan_arn(payer, plan_id)
    eligible = [line for line in bill if line.eligible and line.type == "Usage"]
    eligible.sort(key=lambda line: (line.key[3] != account, line.key))
    covered = _cover(eligible, budget, SAVINGS_PLAN_RATE, "SavingsPlanCoveredUsage")
    for line in covered:
        line.commitments = [arn]
    unused = budget - sum(line.cost for line in covered)
    key = ("ComputeSavingsPlans", "ComputeSP:1yrNoUpfront", "None", account)
    return [*covered, _fee(key, "SavingsPlanRecurringFee", hours, unused, [arn])]


def _reserved(bill: list[Line], reservation: dict[str, Any], account: str, hours: float) -> list[Line]:
    """The instances' hours, of one instance type that stands for the offering, at the reserved rate."""
    instances = sorted(
        (line for line in bill if line.eligible and line.type == "Usage" and "BoxUsage" in line.key[1]),
        key=lambda line: (line.key[3] != account, line.key),
    )
    usage_types = sorted({line.key[1] for line in instances if line.quantity > 0})
    if not usage_types:
        return []
    offering = reservation["reservedInstancesOfferingId"]
    usage_type = usage_types[zlib.crc32(offering.encode()) % len(usage_types)]
    of_type = [line for line in instances if line.key[1] == usage_type and line.quantity > 0]
    rate = of_type[0].cost / of_type[0].quantity
    budget = reservation["instanceCount"] * hours * rate * RESERVED_RATE
    covered = _cover(of_type, budget, RESERVED_RATE, "DiscountedUsage")
    unused = budget - sum(line.cost for line in covered)
    key = (of_type[0].key[0], usage_type, of_type[0].key[2], account)
    return [*covered, _fee(key, "RIFee", reservation["instanceCount"] * hours, unused, [])]


def _cover(lines: list[Line], budget: float, rate: float, line_type: str) -> list[Line]:
    """Move as much of ``lines`` as ``budget`` pays for at ``rate`` into new lines of ``line_type``."""
    covered = []
    for line in lines:
        cost = min(line.cost * rate, budget)
        if cost <= 0:
            continue
        share = cost / rate / line.cost
        covered.append(
            replace(
                line,
                quantity=line.quantity * share,
                cost=cost,
                historical_quantity=None,
                historical_cost=None,
                type=line_type,
                commitments=[],
            )
        )
        line.quantity, line.cost = line.quantity * (1 - share), line.cost * (1 - share)
        budget -= cost
    return covered


def _fee(key: tuple[str, str, str, str], line_type: str, hours: float, unused: float, arns: list[str]) -> Line:
    """The part of a commitment that covered nothing; it is paid all the same."""
    return Line(
        key,
        _FEE_UNIT,
        None,
        False,
        quantity=hours,
        cost=max(0.0, round(unused, 10)),
        type=line_type,
        commitments=arns,
    )
