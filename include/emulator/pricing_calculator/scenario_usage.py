"""The operations that put usage into a bill scenario, 25 lines at a time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from emulator.pricing_calculator.access import find, new_id, operation
from emulator.pricing_calculator.batches import Entry, EntryRefused, carry_out, delete_lines, line, regrouped
from emulator.pricing_calculator.pages import paged
from emulator.pricing_calculator.scenarios import ready_scenario
from emulator.pricing_calculator.simulation import find_product
from emulator.pricing_calculator.state import Item
from emulator.pricing_calculator.usage import (
    LARGEST_AMOUNT,
    check_usage,
    names_history,
    sku_of,
    usage_item,
    wanted_usage,
    written,
)
from emulator.protocol.errors import ServiceError
from emulator.protocol.service import Call

USAGE_QUOTA = 2000


@operation(
    "BatchCreateBillScenarioUsageModification",
    needs_bill=lambda call: names_history(call.params["usageModifications"]),
)
def create_usage(call: Call) -> dict[str, Any]:
    """Model usage: more of it, or other usage in place of what was there.

    A batch that would take the scenario over its quota is refused as a whole.
    """
    scenario = ready_scenario(call)
    entries = call.params["usageModifications"]
    if len(scenario.usage) + len(entries) > USAGE_QUOTA:
        raise ServiceError(
            "ServiceQuotaExceededException",
            f"A bill scenario takes {USAGE_QUOTA} usage lines; this one has {len(scenario.usage)}",
            resourceId=scenario.id,
            resourceType="BillScenario",
            quotaCode="usage-lines-per-bill-scenario",
        )

    def create(entry: Entry) -> dict[str, Any]:
        check_usage(call, entry, scenario.bill_interval)
        quantities = _quantities(entry, entry.get("amounts", []), scenario.bill_interval)
        item = {"id": new_id(call), **usage_item(entry), "quantities": quantities}
        scenario.usage.put(item["id"], item)
        return {"key": entry["key"], **item}

    return carry_out(entries, "key", create)


@operation("BatchUpdateBillScenarioUsageModification")
def update_usage(call: Call) -> dict[str, Any]:
    """Change the group of usage lines, or replace their amounts; what an entry leaves out stays."""
    scenario = ready_scenario(call)

    def update(entry: Entry) -> dict[str, Any]:
        item = line(scenario.usage, entry)
        changed = regrouped(item, entry)
        if "amounts" in entry:
            changed["quantities"] = _quantities(item, entry["amounts"], scenario.bill_interval)
        scenario.usage.put(entry["id"], changed)
        return changed

    return carry_out(call.params["usageModifications"], "id", update)


@operation("BatchDeleteBillScenarioUsageModification")
def delete_usage(call: Call) -> dict[str, Any]:
    """Delete usage lines. One that is not there is a BAD_REQUEST: the model has no NOT_FOUND here."""
    return {"errors": delete_lines(ready_scenario(call).usage, call.params["ids"], "BAD_REQUEST")["errors"]}


@operation("ListBillScenarioUsageModifications")
def list_usage(call: Call) -> dict[str, Any]:
    """List a scenario's usage lines."""
    scenario = find(call, call.world.calculator.scenarios, "billScenarioId")
    return paged(call, scenario.usage.after, wanted_usage(call), lambda item: item)


def _quantities(usage: Entry, amounts: list[dict[str, Any]], interval: Mapping[str, datetime]) -> list[Item]:
    """Check amounts and give AWS's UsageQuantity of each."""
    if not amounts or not all(0 <= amount["amount"] <= LARGEST_AMOUNT for amount in amounts):
        raise EntryRefused("BAD_REQUEST", f"amounts must be given, and each be 0 to {LARGEST_AMOUNT:.0e}")
    if not all(interval["start"] <= amount["startHour"] < interval["end"] for amount in amounts):
        raise EntryRefused(
            "BAD_REQUEST", f"A startHour lies outside of the scenario's bill interval, {written(interval)}"
        )
    product = find_product(sku_of(usage))
    return [{**amount, "unit": product.unit if product else None} for amount in amounts]
