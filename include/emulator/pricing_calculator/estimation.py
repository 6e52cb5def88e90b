"""What an estimated bill comes to: last month's lines, changed as the scenario says, and its commitments."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.pricing_calculator.commitments import SAVINGS_PLAN_RATE, apply_commitment, plan_arn
from emulator.pricing_calculator.lines import Line, SkuKey, usd
from emulator.pricing_calculator.state import Estimate, Scenario

if TYPE_CHECKING:
    from emulator.organisation import Organisation, UsageLine
    from emulator.world import World

# A share of a line that is this small is a rounding error.
_NOTHING = 1e-9


@dataclass(frozen=True)
class EstimatedBill:
    """AWS's BillEstimateCostSummary and the line items that it is the sum of."""

    cost_summary: dict[str, Any]
    line_items: list[dict[str, Any]]


def estimate_bill(world: World, scenario: Scenario, estimate: Estimate) -> EstimatedBill:
    """Work out the bill: history, then usage modifications, then commitments."""
    interval = estimate.bill_interval
    organisation, month = world.organisation_of(estimate.account), interval["start"].date()
    payer = organisation.payer
    bill = _history(world.usage(payer, month), plan_arn(payer, organisation.savings_plan(month)[0]))
    _apply_usage(bill, organisation, scenario)
    hours = (interval["end"] - interval["start"]).total_seconds() / 3600
    for commitment in scenario.commitments:
        bill.extend(apply_commitment(bill, commitment, hours, payer))
    bill.sort(key=lambda line: (line.key, line.type, line.commitments))
    return EstimatedBill(_summary(bill), [line.describe(payer, estimate.id) for line in bill])


def _history(usage: Iterable[UsageLine], plan: str) -> list[Line]:
    """Last month's lines, before tax. What the organisation's own Savings Plan covered is a line of its own.

    :param plan: the ARN of that plan.
    """
    bill = []
    for used in usage:
        key = (used.service_code, used.usage_type, used.operation, used.account_id)
        eligible = used.eligible_for_savings_plan
        covered = (used.cost - used.effective_cost) / (1 - SAVINGS_PLAN_RATE)
        share = covered / used.cost if used.cost else 0.0
        for line_type, part, rate in (
            ("Usage", 1 - share, 1.0),
            ("SavingsPlanCoveredUsage", share, SAVINGS_PLAN_RATE),
        ):
            if part > _NOTHING or (line_type == "Usage" and share == 0.0):
                quantity, cost = used.quantity * part, used.cost * part * rate
                line = Line(key, used.unit, used.location or None, eligible, quantity, cost, type=line_type)
                line.commitments = [] if line_type == "Usage" else [plan]
                line.historical_quantity, line.historical_cost = quantity, cost
                bill.append(line)
    return bill


def _apply_usage(bill: list[Line], organisation: Organisation, scenario: Scenario) -> None:
    """Usage with historical usage takes the place of that line; other usage comes on top, at the list price."""
    replaced = {_key(item["historicalUsage"]) for item in scenario.usage if "historicalUsage" in item}
    for line in bill:
        if line.key in replaced:
            line.quantity = line.cost = 0.0
    by_key = {line.key: line for line in bill if line.type == "Usage"}
    by_sku = {line.key[:3]: line for line in bill}
    for item in scenario.usage:
        key = _key(item)
        price = organisation.price(*key[:3])
        if price is None:
            raise LookupError(f"no price for {key}: the modification should have been refused")
        if key not in by_key:
            like = by_sku.get(key[:3])
            by_key[key] = Line(key, price.unit, like.location if like else None, bool(like and like.eligible), 0.0, 0.0)
            bill.append(by_key[key])
        amount = math.fsum(quantity["amount"] for quantity in item["quantities"])
        by_key[key].quantity += amount
        by_key[key].cost += amount * price.rate


def _key(item: dict[str, Any]) -> SkuKey:
    return item["serviceCode"], item["usageType"], item["operation"], item["usageAccountId"]


def _summary(bill: list[Line]) -> dict[str, Any]:
    by_service: defaultdict[str, list[Line]] = defaultdict(list)
    for line in bill:
        by_service[line.key[0]].append(line)
    services = {service: _difference(lines) for service, lines in sorted(by_service.items())}
    return {
        "totalCostDifference": {
            member: usd(math.fsum(service[member]["amount"] for service in services.values()))
            for member in ("historicalCost", "estimatedCost")
        },
        "serviceCostDifferences": services,
    }


def _difference(lines: list[Line]) -> dict[str, Any]:
    return {
        "historicalCost": usd(math.fsum(line.historical_cost or 0.0 for line in lines)),
        "estimatedCost": usd(math.fsum(line.cost for line in lines)),
    }
