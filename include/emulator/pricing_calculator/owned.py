"""The commitments that the organisation has: what they are, and what they were not used for.

Last month's bill tells: the lines of their fees, and of the usage that they covered.
https://docs.aws.amazon.com/cur/latest/userguide/cur-sp.html
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from emulator.organisation.catalogue import REGIONS
from emulator.pricing_calculator import offerings
from emulator.pricing_calculator.bill_parts import PLAN_USAGE, Hours, Owned
from emulator.pricing_calculator.commitments import Commitment
from emulator.pricing_calculator.history import History
from emulator.pricing_calculator.offerings import Offering
from emulator.pricing_calculator.products import product


def removable(history: History, action: str) -> dict[str, str]:
    """Give the organisation's commitments that a scenario can do without: the account that owns each, by its id.

    :param action: negateSavingsPlanAction or negateReservedInstanceAction.
    """
    plans = action == "negateSavingsPlanAction"
    return {one.id: one.account for one in history.owned if bool(one.kind) == plans}


def owned(history: History) -> list[Commitment]:
    """Give the organisation's own commitments of the month, nothing of them idle."""
    return [_owned(one, history) for one in history.owned]


def unused(commitment: Commitment, history: History) -> Hours:
    """Say what the organisation left unused of a commitment of its own, in the measure of its ``capacity``."""
    hourly = history.hourly
    left: Hours = np.full(history.hours, commitment.size * (1 if commitment.is_plan else commitment.offering.units))
    for part in history.parts:
        known = product(*part.key[:3])
        if part.commitment != commitment.arn or part.number not in hourly or known is None:
            continue
        price = part.effective_cost / part.quantity if commitment.is_plan else known.units
        left -= hourly[part.number] * price
    return left.clip(min=0.0)


def _owned(one: Owned, history: History) -> Commitment:
    kind = one.kind or offerings.RESERVED
    years = 3 if "3" in one.term else 1
    payment = next((each for each in offerings.PAYMENTS if _squeezed(each) == _squeezed(one.payment)), "No Upfront")
    region = next((each.code for each in REGIONS if one.region in (each.code, each.name)), one.region)
    scope = one.scope
    if kind == offerings.COMPUTE:
        region, scope = "Any", ""
    offering = offerings.lookup(kind, years, payment, region, scope) or Offering(
        kind, years, payment, 0.0, region, scope
    )
    hours = history.hours
    return Commitment(
        one.id,
        one.arn,
        one.account,
        replace(offering, discount=_discount(one, history, offering.discount)),
        np.zeros(hours),
        np.zeros(hours),
        one.recurring,
        one.amortized_upfront / hours * offering.term_hours,
        (one.recurring + one.amortized_upfront if one.kind else one.quantity) / hours,
    )


def _discount(one: Owned, history: History, default: float) -> float:
    """What EC2 cost less under a plan, from what it covered."""
    covered = [
        part
        for part in history.parts
        if part.plan == one.arn and part.type == PLAN_USAGE and part.key[0] == "AmazonEC2" and part.list_cost > 0
    ]
    if not covered:
        return default
    return 1 - sum(part.effective_cost for part in covered) / sum(part.list_cost for part in covered)


def _squeezed(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())
