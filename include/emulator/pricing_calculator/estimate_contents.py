"""The operations that list what a bill estimate was made of and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.pricing_calculator.access import find, operation
from emulator.pricing_calculator.filters import passes
from emulator.pricing_calculator.pages import paged
from emulator.pricing_calculator.state import Estimate
from emulator.pricing_calculator.usage import wanted_usage
from emulator.protocol.paging import positions
from emulator.protocol.service import Call

# AWS's filter names and where a line item has the value.
_LINE_FILTERS = {
    "USAGE_ACCOUNT_ID": "usageAccountId",
    "SERVICE_CODE": "serviceCode",
    "USAGE_TYPE": "usageType",
    "OPERATION": "operation",
    "LOCATION": "location",
    "LINE_ITEM_TYPE": "lineItemType",
}


@operation("ListBillEstimateLineItems")
def list_bill_estimate_line_items(call: Call) -> dict[str, Any]:
    """List an estimate's line items; there are none before it is COMPLETE."""
    filters = call.params.get("filters", [])

    def wanted(item: Mapping[str, Any]) -> bool:
        return not filters or passes({name: item.get(member) for name, member in _LINE_FILTERS.items()}, filters)

    return paged(call, positions(_estimate(call).line_items), wanted, dict)


@operation("ListBillEstimateCommitments")
def list_bill_estimate_commitments(call: Call) -> dict[str, Any]:
    """List the commitments that an estimate counted with; there are none before it is COMPLETE."""
    return paged(call, positions(_estimate(call).commitments), lambda item: True, dict)


@operation("ListBillEstimateInputUsageModifications")
def list_input_usage(call: Call) -> dict[str, Any]:
    """List the scenario's usage lines as they were when the estimate started."""
    return paged(call, positions(_estimate(call).input_usage), wanted_usage(call), dict)


@operation("ListBillEstimateInputCommitmentModifications")
def list_input_commitments(call: Call) -> dict[str, Any]:
    """List the scenario's commitments as they were when the estimate started."""
    return paged(call, positions(_estimate(call).input_commitments), lambda item: True, dict)


def _estimate(call: Call) -> Estimate:
    return find(call, call.world.calculator.estimates, "billEstimateId")
