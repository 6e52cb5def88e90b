"""Rate types: which an account may use, and what a unit costs at each.

https://docs.aws.amazon.com/cost-management/latest/userguide/pc-rates-discounts.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator.world import World

BEFORE_DISCOUNTS = "BEFORE_DISCOUNTS"
AFTER_COMMITMENTS = "AFTER_DISCOUNTS_AND_COMMITMENTS"
RATE_TYPES = (BEFORE_DISCOUNTS, "AFTER_DISCOUNTS", AFTER_COMMITMENTS)

Sku = tuple[str, str, str]
"""Service code, usage type, operation."""


@dataclass(frozen=True)
class Preferences:
    """The rate types that each kind of account of an organisation may use, in AWS's words.

    Members have public prices until their management account allows more (AWS's guide says so); that the other two
    start with everything is ours.
    """

    management: tuple[str, ...] = RATE_TYPES
    member: tuple[str, ...] = (BEFORE_DISCOUNTS,)
    standalone: tuple[str, ...] = RATE_TYPES


def preferences_of(world: World, account: str) -> Preferences:
    """Give the preferences that hold for an account: its organisation's."""
    return world.calculator.preferences.get(world.organisation_of(account).payer, Preferences())


def allowed_rate_types(world: World, account: str) -> tuple[str, ...]:
    """Give the rate types that an account may use, at least one."""
    preferences = preferences_of(world, account)
    if world.is_member(account):
        return preferences.member
    alone = len(world.organisation_of(account).accounts) == 1
    return preferences.standalone if alone else preferences.management


def unit_price(world: World, account: str, sku: Sku, rate_type: str, month: date) -> tuple[str, float] | None:
    """Give the unit of a SKU and the USD that one costs, or ``None`` if the price list does not know it.

    The simulated organisation has negotiated no discount, so that the first two rate types are the list price. After
    commitments it is what the organisation paid for the SKU on average in ``month``.
    """
    price = world.organisation_of(account).price(*sku)
    if price is None:
        return None
    if rate_type == AFTER_COMMITMENTS:
        lines = [
            line
            for line in world.usage(account, month)
            if (line.service_code, line.usage_type, line.operation) == sku and line.cost > 0
        ]
        if lines:
            discount = sum(line.effective_cost for line in lines) / sum(line.cost for line in lines)
            return price.unit, price.rate * discount
    return price.unit, price.rate
