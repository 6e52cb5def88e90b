"""Rate types: which an account may use, and what a unit costs at each.

https://docs.aws.amazon.com/cost-management/latest/userguide/pc-rates-discounts.html
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.pricing_calculator.simulation import Sku, bill_of, find_product
from emulator.protocol.service import Call

if TYPE_CHECKING:
    from emulator.world import World

BEFORE_DISCOUNTS = "BEFORE_DISCOUNTS"
AFTER_COMMITMENTS = "AFTER_DISCOUNTS_AND_COMMITMENTS"
AFTER_DISCOUNTS = "AFTER_DISCOUNTS"
RATE_TYPES = (BEFORE_DISCOUNTS, AFTER_DISCOUNTS, AFTER_COMMITMENTS)


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


def unit_price(call: Call, sku: Sku, rate_type: str) -> tuple[str, float] | None:
    """Give the unit of a SKU and the USD that one costs, or ``None`` if the price list does not know it.

    Before discounts that is the list price, after discounts what the organisation has negotiated. After commitments it
    is what the organisation paid for a unit on average in the last complete month: negotiated rates, Savings Plans' and
    reservations' alike, upfront fees amortised; without usage in that month, the negotiated rate.
    """
    product = find_product(sku)
    if product is None:
        return None
    if rate_type == BEFORE_DISCOUNTS:
        return product.unit, product.rate
    if rate_type == AFTER_COMMITMENTS:
        used = [part for key, parts in bill_of(call).by_key.items() if key[:3] == sku for part in parts]
        list_cost = math.fsum(part.list_cost for part in used)
        if list_cost > 0:
            return product.unit, product.rate * math.fsum(part.effective_cost for part in used) / list_cost
    return product.unit, product.rate * (1 - product.discount)
