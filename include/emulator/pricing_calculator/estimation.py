"""What an estimated bill comes to: last month's lines, changed as the scenario says, and its commitments."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.pricing_calculator.commitments import buy
from emulator.pricing_calculator.lines import Line, SkuKey, usd
from emulator.pricing_calculator.state import Estimate, Scenario

if TYPE_CHECKING:
    from emulator.organisation import Organisation


@dataclass(frozen=True)
class EstimatedBill:
    """AWS's BillEstimateCostSummary and the line items that it is the sum of."""

    cost_summary: dict[str, Any]
    line_items: list[dict[str, Any]]


def estimate_bill(organisation: Organisation, payer: str, scenario: Scenario, estimate: Estimate) -> EstimatedBill:
    """Work out the bill: history, then usage modifications, then commitments."""
    lines = _history(organisation, estimate)
    _apply_usage(lines, organisation, scenario)
    interval = estimate.bill_interval
    hours = (interval["end"] - interval["start"]).total_seconds() / 3600
    bill = [*lines.values()]
    for commitment in scenario.commitments:
        bill.extend(buy(bill, commitment, hours, payer))
    bill.sort(key=lambda line: (line.key, line.type))
    return EstimatedBill(_summary(bill), [line.describe(payer, estimate.id) for line in bill])


def _history(organisation: Organisation, estimate: Estimate) -> dict[SkuKey, Line]:
    lines: dict[SkuKey, Line] = {}
    for usage in organisation.usage(estimate.bill_interval["start"].date()):
        key = (usage.service_code, usage.usage_type, usage.operation, usage.account_id)
        line = lines.setdefault(
            key,
            Line(
                key,
                usage.unit,
                usage.location or None,
                usage.eligible_for_savings_plan,
                quantity=0.0,
                cost=0.0,
                historical_quantity=0.0,
                historical_cost=0.0,
            ),
        )
        line.quantity += usage.quantity
        line.cost += usage.cost
        line.historical_quantity, line.historical_cost = line.quantity, line.cost
    return lines


def _apply_usage(lines: dict[SkuKey, Line], organisation: Organisation, scenario: Scenario) -> None:
    """Usage with historical usage takes the place of that line; other usage comes on top, at the list price."""
    for item in scenario.usage:
        replaced = lines.get(_key(item["historicalUsage"])) if "historicalUsage" in item else None
        if replaced:
            replaced.quantity = replaced.cost = 0.0
    for item in scenario.usage:
        key = _key(item)
        price = organisation.price(*key[:3])
        if price is None:
            raise LookupError(f"no price for {key}: the modification should have been refused")
        if key not in lines:
            same_sku = next((line for line in lines.values() if line.key[:3] == key[:3]), None)
            lines[key] = Line(
                key,
                price.unit,
                same_sku.location if same_sku else None,
                same_sku.eligible if same_sku else False,
                quantity=0.0,
                cost=0.0,
            )
        amount = math.fsum(quantity["amount"] for quantity in item["quantities"])
        lines[key].quantity += amount
        lines[key].cost += amount * price.rate


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
