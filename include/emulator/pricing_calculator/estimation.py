"""What an estimated bill comes to: last month's bill, changed as the scenario says, and its commitments."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from emulator.organisation import Organisation
from emulator.pricing_calculator.bill_parts import (
    PLAN_FEE,
    PLAN_NEGATION,
    PLAN_USAGE,
    PRIVATE_DISCOUNT,
    RESERVED_FEE,
    USAGE,
    Hours,
    Part,
)
from emulator.pricing_calculator.commitments import added, negated
from emulator.pricing_calculator.coverage import Coverage, circles
from emulator.pricing_calculator.expressions import matches
from emulator.pricing_calculator.history import History, Proceed, history_of
from emulator.pricing_calculator.lines import Bill, Identity, SkuKey, usd
from emulator.pricing_calculator.owned import owned, unused
from emulator.pricing_calculator.products import Product, product
from emulator.pricing_calculator.state import Estimate

Item = dict[str, Any]
_PAID_TO_BE_NEGATED = (PLAN_FEE, RESERVED_FEE, PLAN_NEGATION)


@dataclass(frozen=True)
class EstimatedBill:
    """AWS's BillEstimateCostSummary, the line items that it is the sum of, and the commitments in force."""

    cost_summary: dict[str, Any]
    line_items: list[dict[str, Any]]
    commitments: list[dict[str, Any]]


def read_history(organisation: Organisation, estimate: Estimate, proceed: Proceed) -> History:
    """Give the bill that an estimate starts from, with its hours if modifications may need them.

    :param proceed: see :func:`emulator.pricing_calculator.history.history_of`.
    """
    history = history_of(organisation, estimate.bill_interval["start"].date(), estimate.created_at, proceed)
    if estimate.input_commitments or any(_product(item).compute for item in estimate.input_usage):
        history.read_hours(proceed)
    return history


def estimate_bill(history: History, estimate: Estimate) -> EstimatedBill:
    """Work out the bill: history, then usage modifications, then commitments."""
    model = _Model(history, estimate.input_usage, estimate.input_commitments)
    model.apply(estimate.sharing.get("groupSharingPreference"))
    line_items = [line.describe(history.organisation.payer, estimate.id) for line in model.bill.sorted()]
    return EstimatedBill(_summary(line_items), line_items, [each.describe() for each in model.commitments])


class _Model:
    """One estimate in the making.

    :param usage: AWS's BillScenarioUsageModificationItem.
    :param commitments: AWS's BillScenarioCommitmentModificationItem.
    """

    def __init__(self, history: History, usage: Sequence[Item], commitments: Sequence[Item]) -> None:
        self.bill = Bill()
        self._history = history
        self._usage = usage
        without = negated(list(commitments))
        own = [each for each in owned(history) if each.id not in without]
        new = [each for item in commitments if (each := added(item, history.hours)) is not None]
        self._without = {one.arn for one in history.owned if one.id in without}
        self.commitments = own + new
        self._new = new
        self._replaced = {part.number for item in usage for part in _replaced(item, history)}
        self._zones = {(_key(item), item["availabilityZone"]) for item in usage if "availabilityZone" in item}
        freed = any(part.commitment and part.number in self._replaced for part in history.parts)
        offered = any(each.offering.covers(_product(item)) for item in usage for each in own)
        self._coverage = Coverage(self.bill, history.hours) if new or freed or offered else None
        if offered:
            for commitment in own:
                commitment.idle = unused(commitment, history)
        self._by_arn = {each.arn: each for each in self.commitments}

    def apply(self, preference: str | None) -> None:
        """Fill the bill.

        :param preference: AWS's groupSharingPreference.
        """
        for part in self._history.parts:
            self._take_over(part)
        for item in self._usage:
            self._add_usage(item)
        if self._coverage:
            self._coverage.apply(self.commitments, circles(preference, self._history.organisation.payer))
        for commitment in self._new:
            identity, quantity = commitment.fee()
            self.bill.add(identity, "Hrs", "", quantity, commitment.recurring)

    def _take_over(self, part: Part) -> None:
        """Put a part of last month's bill onto this one, unless the scenario has something else in its place."""
        zone = part.zone if (part.key, part.zone) in self._zones else ""
        line = Identity(part.key, part.type, zone if part.is_usage else "", part.plan)
        self.bill.past(line, part.unit, part.location, part.quantity, part.cost)
        if part.is_usage and part.number in self._replaced:
            self._free(part)
        elif part.commitment not in self._without:
            self.bill.add(line, part.unit, part.location, part.quantity, part.cost)
            self._offer(part, zone, part.commitment)
        elif part.type not in _PAID_TO_BE_NEGATED:
            self.bill.add(Identity(part.key, USAGE, zone), part.unit, part.location, part.quantity, part.list_cost)
            self._offer(part, zone, "")

    def _offer(self, part: Part, zone: str, arn: str) -> None:
        known = product(*part.key[:3])
        if self._coverage and part.is_usage and known and known.compute and part.number in self._history.hourly:
            self._coverage.add(part.key, zone, known, self._history.hourly[part.number], arn)

    def _free(self, part: Part) -> None:
        """What was negotiated for a part that is no more is gone; what covered it can cover something else."""
        commitment, known = self._by_arn.get(part.commitment), product(*part.key[:3])
        if part.type == USAGE and known:
            self._discount(part.key, known, -part.cost)
        if commitment is None:
            return
        if part.type == PLAN_USAGE:
            negation = Identity(part.key, PLAN_NEGATION, "", part.plan)
            self.bill.add(negation, part.unit, part.location, -part.quantity, part.cost)
        if known and known.compute and part.number in self._history.hourly:
            commitment.capacity = commitment.capacity + self._history.hourly[part.number] * commitment.price(known)

    def _add_usage(self, item: Item) -> None:
        key, zone, known = _key(item), item.get("availabilityZone", ""), _product(item)
        amount = math.fsum(quantity["amount"] for quantity in item["quantities"])
        cost = amount * known.rate
        self.bill.add(Identity(key, USAGE, zone), known.unit, known.region.name, amount, cost)
        self._discount(key, known, cost)
        if self._coverage and known.compute:
            self._coverage.add(key, zone, known, _by_hour(item["quantities"], self._history), modelled=True)

    def _discount(self, key: SkuKey, known: Product, cost: float) -> None:
        """Take off what is negotiated of USD of usage, in a line of its own as CUR has it."""
        if known.discount:
            line = Identity(key, PRIVATE_DISCOUNT)
            self.bill.add(line, known.unit, known.region.name, 0.0, -cost * known.discount)


def _replaced(item: Item, history: History) -> Iterable[Part]:
    """The parts that a modification takes the place of."""
    wanted = item.get("historicalUsage")
    if not wanted:
        return ()
    place, expression = wanted.get("location"), wanted.get("filterExpression", {})
    return [
        part
        for part in history.by_key.get(_key(wanted), ())
        if place in (None, part.location, part.region) and matches(expression, part.attributes)
    ]


def _by_hour(quantities: Sequence[Item], history: History) -> Hours:
    """Spread amounts evenly over their usage period: from the start hour to the next one's, or the month's end."""
    starts: defaultdict[int, float] = defaultdict(float)
    for quantity in quantities:
        start: datetime = quantity["startHour"]
        starts[(start.day - 1) * 24 + start.hour] += quantity["amount"]
    spread = np.zeros(history.hours)
    bounds = sorted(starts)
    for first, end in zip(bounds, [*bounds[1:], history.hours], strict=True):
        spread[first:end] = starts[first] / (end - first)
    return spread


def _key(item: Item) -> SkuKey:
    return item["serviceCode"], item["usageType"], item["operation"], item["usageAccountId"]


def _product(item: Item) -> Product:
    known = product(*_key(item)[:3])
    if known is None:
        raise LookupError(f"no price for {_key(item)}: the modification should have been refused")
    return known


def _summary(line_items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Add up: a service is the sum of its line items, the total the sum of the services."""
    by_service: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for item in line_items:
        by_service[item["serviceCode"]].append(item)
    services = {service: _sums(items) for service, items in sorted(by_service.items())}
    return {"totalCostDifference": _sums(services.values()), "serviceCostDifferences": services}


def _sums(items: Iterable[dict[str, Any]]) -> dict[str, Any]:
    listed = list(items)
    return {
        member: usd(math.fsum(item[member]["amount"] for item in listed if member in item))
        for member in ("historicalCost", "estimatedCost")
    }
