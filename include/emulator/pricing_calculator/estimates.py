"""The operations on bill estimates, and the hours that AWS takes for one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from emulator.errors import conflict
from emulator.pricing_calculator.access import operation
from emulator.pricing_calculator.estimation import estimate_bill
from emulator.pricing_calculator.filters import lies_within, passes
from emulator.pricing_calculator.scenarios import paged, ready_scenario
from emulator.pricing_calculator.state import Estimate, Scenario
from emulator.service import Call

if TYPE_CHECKING:
    from emulator.world import World


@operation("CreateBillEstimate")
def create_bill_estimate(call: Call) -> dict[str, Any]:
    """Start an estimate of a scenario, which is locked until it ends. Names are unique in an account."""
    name = call.params["name"]
    for estimate in call.world.calculator.estimates(call.account, call.now):
        if estimate.name == name:
            raise conflict(f"A bill estimate named {name} already exists", "BillEstimate", estimate.id)
    scenario = ready_scenario(call)
    estimate = Estimate(call.account, name, scenario.id, call.now, dict(scenario.sharing), call.params.get("tags", {}))
    call.world.calculator.add_estimate(estimate)
    scenario.running.add(estimate.id)
    hours = call.world.draw("estimate", call.account, name).uniform(*call.world.settings.estimate_hours)
    call.world.timeline.schedule(
        call.now + timedelta(hours=hours), lambda at: _finish(call.world, estimate, scenario, at)
    )
    return estimate.describe()


@operation("GetBillEstimate")
def get_bill_estimate(call: Call) -> dict[str, Any]:
    """Describe an estimate, with its costs once it is COMPLETE."""
    return _find(call, "identifier").describe()


@operation("ListBillEstimates")
def list_bill_estimates(call: Call) -> dict[str, Any]:
    """List the account's estimates, without costs."""
    params = call.params
    return paged(
        call,
        [
            estimate.summary()
            for estimate in call.world.calculator.estimates(call.account, call.now)
            if passes({"STATUS": estimate.status, "NAME": estimate.name}, params.get("filters", []))
            and lies_within(estimate.created_at, params.get("createdAtFilter", {}))
            and lies_within(estimate.expires_at, params.get("expiresAtFilter", {}))
        ],
    )


@operation("DeleteBillEstimate")
def delete_bill_estimate(call: Call) -> dict[str, Any]:
    """Delete an estimate that has ended; one that is not there is no error.

    What AWS does with one in progress is not documented; the model has a ConflictException, and here it is that.
    """
    for estimate in call.world.calculator.estimates(call.account, call.now):
        if estimate.id == call.params["identifier"]:
            if estimate.status == "IN_PROGRESS":
                raise conflict(f"Bill estimate {estimate.id} is in progress", "BillEstimate", estimate.id)
            call.world.calculator.remove_estimate(estimate)
            break
    return {}


@operation("ListBillEstimateLineItems")
def list_bill_estimate_line_items(call: Call) -> dict[str, Any]:
    """List an estimate's line items; there are none before it is COMPLETE."""
    names = {
        "USAGE_ACCOUNT_ID": "usageAccountId",
        "SERVICE_CODE": "serviceCode",
        "USAGE_TYPE": "usageType",
        "OPERATION": "operation",
        "LOCATION": "location",
        "LINE_ITEM_TYPE": "lineItemType",
    }
    filters = call.params.get("filters", [])
    return paged(
        call,
        [
            item
            for item in _find(call, "billEstimateId").line_items
            if passes({name: item.get(member) for name, member in names.items()}, filters)
        ],
    )


def _find(call: Call, member: str) -> Estimate:
    return call.world.calculator.estimate(call.account, call.params[member], call.now)


def _finish(world: World, estimate: Estimate, scenario: Scenario, at: datetime) -> None:
    scenario.running.discard(estimate.id)
    estimate.failure_message = world.faults.for_estimate(estimate.account)
    if estimate.failure_message:
        estimate.status = "FAILED"
        return
    bill = estimate_bill(world, scenario, estimate)
    estimate.cost_summary, estimate.line_items = bill.cost_summary, bill.line_items
    estimate.status = "COMPLETE"
    world.calculator.count_success(estimate)
