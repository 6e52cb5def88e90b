"""What the organisation has bought in advance: savings plans and reserved instances, and which slots they cover.

https://docs.aws.amazon.com/savingsplans/latest/userguide/what-is-savings-plans.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/concepts-reserved-instances-application.html
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from emulator.organisation.catalogue import REGIONS, SAVINGS_PLAN_DISCOUNT, rate, skus

Array = npt.NDArray[Any]
HOME = 0  # the region of what is bound to one
SPARE = 1.03  # nobody buys to the cent: plans are a little larger than the usage that they were bought for


@dataclass(frozen=True)
class Offer:
    """What AWS sells: `offering` is AWS's word for it, `usage_type` the SKU that its fees are charged as.

    `discount` against on demand, `upfront` the part that is paid at purchase, in `years` and on the first of `month`.
    A `step` of n covers each nth slot that fits, the first of them after `skip` others.
    """

    offering: str
    usage_type: str
    discount: float
    upfront: float
    years: int
    month: int
    step: int
    skip: int

    @property
    def reserves(self) -> bool:
        """Whether it is reserved instances, and not a savings plan."""
        return self.offering == "standard"


OFFERS = (
    Offer("ComputeSavingsPlans", "ComputeSP:1yrPartialUpfront", SAVINGS_PLAN_DISCOUNT, 0.5, 1, 4, 2, 1),
    Offer("EC2InstanceSavingsPlans", "EC2SP:m5.3yrNoUpfront", 0.56, 0.0, 3, 9, 2, 0),
    Offer("standard", "BoxUsage:t3.medium", 0.38, 0.5, 1, 6, 2, 0),
    Offer("standard", "InstanceUsage:db.r6g.xlarge", 0.36, 0.0, 1, 2, 2, 1),
    Offer("standard", "NodeUsage:cache.r6g.large", 0.61, 1.0, 3, 7, 2, 0),
)


@dataclass(frozen=True)
class Commitment:
    """One commitment of the payer.

    :param number: its place among the organisation's commitments; slots name it.
    :param sku: the number of the SKU that its fees are charged as.
    :param hourly: USD of an hour of it, what was paid upfront included; 0 if there is nothing that it could cover.
    :param units: instances that are reserved at a time; 0 for a savings plan.
    """

    number: int
    offer: Offer
    sku: int
    hourly: float
    units: int

    def term(self, month: date) -> tuple[datetime, datetime]:
        """First and last moment, the latter excluded, of the term in force in a month."""
        offer = self.offer
        year = month.year if month.month >= offer.month else month.year - 1
        year -= (year - 2026) % offer.years
        return datetime(year, offer.month, 1), datetime(year + offer.years, offer.month, 1)

    def id(self, seed: int, month: date) -> str:
        """The UUID of the term in force in a month."""
        name = f"{seed}/commitment/{self.number}/{self.term(month)[0].year}"
        return str(uuid.UUID(bytes=hashlib.blake2b(name.encode(), digest_size=16).digest(), version=4))


def cover(sku: Array, region: Array, eligible: Array, machines: Array) -> tuple[Array, list[Commitment]]:
    """Say which commitment covers each slot (-1: none), and what was therefore bought.

    `eligible` slots may be covered by savings plans, `machines` says which are an instance that runs all day. A later
    offer goes before an earlier one: reserved instances are applied first.
    """
    numbers = {each.usage_type: number for number, each in enumerate(skus())}
    family = [each.usage_type.startswith("BoxUsage:m5.") for each in skus()]
    covered_by = np.full(len(sku), -1, dtype=np.int16)
    for number, offer in enumerate(OFFERS):
        reservable = (sku == numbers[offer.usage_type]) & (region == HOME) & machines
        fits = reservable if offer.reserves else eligible
        chosen = fits & ((np.cumsum(fits) - 1) % offer.step == offer.skip)
        if offer.offering == "EC2InstanceSavingsPlans":
            chosen &= np.array(family)[sku] & (region == HOME)
        covered_by[chosen] = number
    rates = np.array([[rate(each, region) for region in REGIONS] for each in skus()])[sku, region]
    bought = []
    for number, offer in enumerate(OFFERS):
        mine = covered_by == number
        units = int(mine.sum()) + 1 if offer.reserves and mine.any() else 0
        if offer.reserves:
            hourly = units * committed_rate(offer, rate(skus()[numbers[offer.usage_type]], REGIONS[HOME]))
        else:
            spent = np.round(rates * (1 - offer.discount), 6)[mine].sum()
            hourly = float(np.ceil(spent * SPARE * 1000) / 1000)
        bought.append(Commitment(number, offer, numbers[offer.usage_type], hourly, units))
    return covered_by, bought


def committed_rate(offer: Offer, on_demand: float) -> float:
    """USD of a unit under a commitment, what was paid upfront included."""
    return float(np.round(on_demand * (1 - offer.discount), 6))
