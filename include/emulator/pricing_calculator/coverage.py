"""Which usage which commitment covers, hour by hour.

Reservations first, then EC2 Instance Savings Plans, then Compute Savings Plans; the owner's usage before that of the
accounts it is shared with; within these, see Commitment.precedence. A commitment that comes earlier takes usage that
a later one covered before, and that one then looks for other usage. What the organisation's commitments left unused is
for modelled usage only: history shows what they did with the rest.
https://docs.aws.amazon.com/savingsplans/latest/userguide/sp-applying.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emulator.pricing_calculator.bill_parts import PLAN_NEGATION, PLAN_USAGE, RESERVED_USAGE, USAGE, Hours
from emulator.pricing_calculator.commitments import Commitment
from emulator.pricing_calculator.lines import Bill, Identity, SkuKey
from emulator.pricing_calculator.products import Product

Circle = Callable[[str, str], bool]
"""Whether an owner (the first account) shares with another account."""

_NOTHING = 1e-9


@dataclass
class Pool:
    """The hourly usage of one SKU by one account: on demand, and by the commitment (its ARN) that covers it.

    :param modelled: whether the scenario adds it; else it is the bill's own.
    """

    key: SkuKey
    zone: str
    modelled: bool
    product: Product
    on_demand: Hours
    covered: dict[str, Hours] = field(default_factory=dict)


def circles(preference: str | None, payer: str) -> list[Circle]:
    """Give the circles of accounts that a commitment serves, one after the other.

    OPEN (or nothing): the owner, then everybody. PRIORITIZED: the owner, its group, everybody. RESTRICTED: the owner,
    then its group. AWS's groups are a cost category's; here the payer is one group and its members are the other.
    https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/ri-turn-off.html
    """

    def own(owner: str, account: str) -> bool:
        return owner == account

    def group(owner: str, account: str) -> bool:
        return (owner == payer) == (account == payer)

    def everybody(_owner: str, _account: str) -> bool:
        return True

    if preference == "RESTRICTED":
        return [own, group]
    return [own, group, everybody] if preference == "PRIORITIZED" else [own, everybody]


class Coverage:
    """Usage that commitments can cover, and the bill that shows what they do.

    :param hours: of the month.
    """

    def __init__(self, bill: Bill, hours: int) -> None:
        self._bill = bill
        self._hours = hours
        self._pools: dict[tuple[SkuKey, str, bool], Pool] = {}

    def add(
        self, key: SkuKey, zone: str, product: Product, quantity: Hours, arn: str = "", modelled: bool = False
    ) -> None:
        """Add usage that is on the bill already, on demand or covered by the commitment ``arn``."""
        pool = self._pools.get((key, zone, modelled))
        if pool is None:
            pool = self._pools[key, zone, modelled] = Pool(key, zone, modelled, product, np.zeros(self._hours))
        if arn:
            pool.covered[arn] = pool.covered.get(arn, np.zeros(self._hours)) + quantity
        else:
            pool.on_demand = pool.on_demand + quantity

    def apply(self, commitments: Iterable[Commitment], circles: list[Circle]) -> None:
        """Cover what the commitments have capacity for."""
        by_arn = {each.arn: each for each in commitments}
        for rank in sorted({each.rank for each in by_arn.values()}):
            applying = [each for each in by_arn.values() if each.rank == rank]
            later = {arn: each for arn, each in by_arn.items() if each.rank > rank}
            for circle in circles:
                pairs = [
                    (each, pool)
                    for each in applying
                    for pool in self._pools.values()
                    if each.offering.covers(pool.product) and circle(each.account, pool.key[3])
                ]
                for commitment, pool in sorted(pairs, key=_precedence):
                    self._cover(commitment, pool, later)

    def _cover(self, commitment: Commitment, pool: Pool, later: dict[str, Commitment]) -> None:
        taken = self._take(commitment, pool, pool.on_demand)
        if taken is not None:
            pool.on_demand = pool.on_demand - taken
            self._book(pool, None, -taken)
        for arn in [arn for arn in pool.covered if arn in later]:
            taken = self._take(commitment, pool, pool.covered[arn])
            if taken is not None:
                pool.covered[arn] = pool.covered[arn] - taken
                later[arn].capacity += taken * later[arn].price(pool.product)
                self._book(pool, later[arn], -taken)

    def _take(self, commitment: Commitment, pool: Pool, usage: Hours) -> Hours | None:
        """Cover as much of ``usage`` as there is capacity for, and say how much that is; ``None`` if nothing."""
        price = commitment.price(pool.product)
        taken = np.minimum(usage, commitment.left(pool.modelled) / price)
        taken[taken < _NOTHING] = 0.0
        if not taken.any():
            return None
        commitment.take(taken * price, pool.modelled)
        covered = pool.covered.get(commitment.arn)
        pool.covered[commitment.arn] = taken if covered is None else covered + taken
        self._book(pool, commitment, taken)
        return taken

    def _book(self, pool: Pool, commitment: Commitment | None, change: Hours) -> None:
        """Put usage on the bill as covered by a commitment (on demand if ``None``), or take it off."""
        quantity = float(change.sum())
        cost = quantity * pool.product.rate
        lines = _covered_lines(pool.key, pool.zone, commitment, quantity, cost)
        for identity, amount, price in lines:
            self._bill.add(identity, pool.product.unit, pool.product.region.name, amount, price)


def _precedence(pair: tuple[Commitment, Pool]) -> tuple[Any, ...]:
    """Which commitment covers which usage first. Of one SKU, on demand before what a later commitment covers."""
    commitment, pool = pair
    return commitment.precedence(pool.product), pool.key, pool.zone, not pool.modelled, commitment.arn


def _covered_lines(
    key: SkuKey, zone: str, commitment: Commitment | None, quantity: float, cost: float
) -> list[tuple[Identity, float, float]]:
    """Give the lines that usage takes, each with its quantity and cost.

    What a Savings Plan covers is charged on demand and negated; what a reservation covers costs nothing. Their price
    is the fee.

    :param cost: USD on demand.
    """
    if commitment is None:
        return [(Identity(key, USAGE, zone), quantity, cost)]
    if not commitment.is_plan:
        return [(Identity(key, RESERVED_USAGE, zone), quantity, 0.0)]
    return [
        (Identity(key, PLAN_USAGE, zone, commitment.arn), quantity, cost),
        (Identity(key, PLAN_NEGATION, "", commitment.arn), quantity, -cost),
    ]
