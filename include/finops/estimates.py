"""A bill estimate as the relations `services` and `line_items`, and the check that the two agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finops.engine import Engine
from finops.formats import money
from finops.report_files import ReportError

_CENT = 0.01


@dataclass(frozen=True)
class EstimateFigures:
    """What AWS answers for the whole bill, and `notes` on where its parts do not add up to it."""

    historical_cost: float
    estimated_cost: float
    currency: str
    notes: tuple[str, ...]


def load_estimate(
    engine: Engine, estimate: Mapping[str, Any] | None, line_items: Sequence[Mapping[str, Any]] | None
) -> EstimateFigures:
    """Load a GetBillEstimate answer and its ListBillEstimateLineItems items into `engine`.

    An absent historical cost stays NULL in `line_items`: the usage is new. Costs are in the estimate's
    currency (USD), quantities in the usage type's unit. Raises ReportError if one of the two is None, as
    for a stored file that is gone, or if the estimate is not COMPLETE: before, AWS gives no costs.
    https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_AWSBCMPricingCalculator_GetBillEstimate.html
    """
    import pyarrow as pa

    if estimate is None or line_items is None:
        gone = "estimate.json" if estimate is None else "line_items.json"
        raise ReportError(f"{gone}: is not where the bill estimate was stored. Collect the estimate again.")
    if estimate.get("status") != "COMPLETE":
        raise ReportError(
            f"Bill estimate {estimate.get('name') or estimate.get('id')} is {estimate.get('status')}, not COMPLETE, "
            "so it has no costs to report. Wait until it is, or make a new estimate if it failed."
        )
    summary = estimate.get("costSummary") or {}
    total = summary.get("totalCostDifference") or {}
    services = [
        {
            "service_code": code,
            "historical_cost": _amount(difference, "historicalCost") or 0.0,
            "estimated_cost": _amount(difference, "estimatedCost") or 0.0,
        }
        for code, difference in sorted((summary.get("serviceCostDifferences") or {}).items())
    ]
    items = [_line_item(item) for item in line_items]
    text, amount = pa.string(), pa.float64()
    costs = [("historical_cost", amount), ("estimated_cost", amount)]
    texts = ("line_item_id", "line_item_type", "service_code", "usage_type", "operation", "location")
    more = ("availability_zone", "payer_account_id", "usage_account_id", "historical_unit", "estimated_unit")
    quantities = [("historical_quantity", amount), ("estimated_quantity", amount)]
    engine.load("services", pa.Table.from_pylist(services, pa.schema([("service_code", text), *costs])))
    schema = pa.schema([*((name, text) for name in texts + more), *quantities, *costs])
    engine.load("line_items", pa.Table.from_pylist(items, schema))
    historical, estimated = _amount(total, "historicalCost") or 0.0, _amount(total, "estimatedCost") or 0.0
    return EstimateFigures(
        historical_cost=historical,
        estimated_cost=estimated,
        currency=(total.get("estimatedCost") or total.get("historicalCost") or {}).get("currency") or "USD",
        notes=tuple(_disagreements(services, items, historical, estimated)),
    )


def _line_item(item: Mapping[str, Any]) -> dict[str, Any]:
    historical, estimated = item.get("historicalUsageQuantity") or {}, item.get("estimatedUsageQuantity") or {}
    return {
        "line_item_id": item.get("id"),
        "line_item_type": item.get("lineItemType"),
        "service_code": item.get("serviceCode"),
        "usage_type": item.get("usageType"),
        "operation": item.get("operation"),
        "location": item.get("location"),
        "availability_zone": item.get("availabilityZone"),
        "payer_account_id": item.get("payerAccountId"),
        "usage_account_id": item.get("usageAccountId"),
        "historical_unit": historical.get("unit"),
        "estimated_unit": estimated.get("unit"),
        "historical_quantity": historical.get("amount"),
        "estimated_quantity": estimated.get("amount"),
        "historical_cost": _amount(item, "historicalCost"),
        "estimated_cost": _amount(item, "estimatedCost"),
    }


def _amount(holder: Mapping[str, Any], member: str) -> float | None:
    value = (holder.get(member) or {}).get("amount")
    return None if value is None else float(value)


def _disagreements(
    services: Sequence[Mapping[str, Any]], items: Sequence[Mapping[str, Any]], historical: float, estimated: float
) -> list[str]:
    """Say where line items and services, or services and the total, differ by more than a cent."""
    notes = []
    names = {"historical_cost": historical, "estimated_cost": estimated}
    for column, total in names.items():
        word = column.split("_")[0]
        by_service: dict[str, float] = {}
        for item in items:
            by_service[item["service_code"]] = by_service.get(item["service_code"], 0.0) + (item[column] or 0.0)
        for service in services:
            parts = by_service.pop(service["service_code"], 0.0)
            if abs(parts - service[column]) > _CENT:
                notes.append(
                    f"Line items of {service['service_code']} add up to {money(parts)} ({word} cost), "
                    f"but AWS's summary says {money(service[column])}."
                )
        notes += [
            f"Line items of {code} worth {money(parts)} ({word} cost) are missing from AWS's summary by service."
            for code, parts in sorted(by_service.items())
            if abs(parts) > _CENT
        ]
        whole = sum(service[column] for service in services)
        if abs(whole - total) > _CENT:
            notes.append(f"The services add up to {money(whole)} ({word} cost), but AWS's total is {money(total)}.")
    return notes
