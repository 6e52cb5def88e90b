"""The operations on bill estimates, and the hours that AWS takes for one."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from emulator.pricing_calculator.access import check_name, find, look_up, new_id, operation, update_resource
from emulator.pricing_calculator.pages import paged_resources
from emulator.pricing_calculator.scenarios import ready_scenario
from emulator.pricing_calculator.state import ESTIMATE_KEPT, Estimate
from emulator.pricing_calculator.tags import checked_tags
from emulator.protocol.errors import conflict
from emulator.protocol.service import Call

if TYPE_CHECKING:
    from emulator.world import World


@operation("CreateBillEstimate")
def create_bill_estimate(call: Call) -> dict[str, Any]:
    """Start an estimate of a scenario, which is locked until it ends. Names are unique in an account.

    AWS does not document how long an estimate is kept; here it is a year unless UpdateBillEstimate says otherwise.
    """
    world, book, name = call.world, call.world.calculator, call.params["name"]
    check_name(call, book.estimates, name)
    scenario, tags = ready_scenario(call), checked_tags(call)
    hours = world.draw("estimate", call.account, name).uniform(*world.settings.estimate_hours)
    estimate = Estimate(
        id=new_id(call),
        account=call.account,
        name=name,
        created_at=call.now,
        expires_at=call.now + ESTIMATE_KEPT,
        tags=tags,
        scenario_id=scenario.id,
        ends_at=call.now + timedelta(hours=hours),
        sharing=scenario.sharing,
        input_usage=tuple(scenario.usage),
        input_commitments=tuple(scenario.commitments),
    )
    book.estimates.add(estimate)
    scenario.running.add(estimate.id)
    world.timeline.schedule(estimate.ends_at, partial(_finish, world, call.account, estimate.id))
    world.estimate_desk.accept(estimate)
    return estimate.describe()


@operation("GetBillEstimate")
def get_bill_estimate(call: Call) -> dict[str, Any]:
    """Describe an estimate, with its costs once it is COMPLETE."""
    return find(call, call.world.calculator.estimates, "identifier").describe()


@operation("UpdateBillEstimate")
def update_bill_estimate(call: Call) -> dict[str, Any]:
    """Change an estimate's name or expiry, also while it is in progress."""
    shelf = call.world.calculator.estimates
    estimate = find(call, shelf, "identifier")
    update_resource(call, shelf, estimate)
    return estimate.describe()


@operation("ListBillEstimates")
def list_bill_estimates(call: Call) -> dict[str, Any]:
    """List the account's estimates, without costs."""

    def values(estimate: Estimate) -> dict[str, str]:
        return {"STATUS": estimate.status, "NAME": estimate.name}

    return paged_resources(call, call.world.calculator.estimates, values, Estimate.summary)


@operation("DeleteBillEstimate")
def delete_bill_estimate(call: Call) -> dict[str, Any]:
    """Delete an estimate that has ended; one that is not there is no error.

    What AWS does with one in progress is not documented; the model has a ConflictException, and here it is that.
    """
    shelf = call.world.calculator.estimates
    estimate = look_up(call, shelf, "identifier")
    if estimate:
        if estimate.status == "IN_PROGRESS":
            raise conflict(f"Bill estimate {estimate.id} is in progress", "BillEstimate", estimate.id)
        shelf.remove(estimate)
    return {}


def _finish(world: World, account: str, estimate_id: str, at: datetime) -> None:
    """Let an estimate's hours be over: what the timeline calls, and what a snapshot of it stores."""
    estimate = world.calculator.estimates.roll(account).get(estimate_id)
    if estimate is None:
        raise LookupError(f"estimate {estimate_id} is gone: while it is in progress it cannot be deleted")
    failure_message = world.faults.for_estimate(account)
    if failure_message:
        world.calculator.end_estimate(estimate, failure_message)
    else:
        estimate.is_due = True
        world.estimate_desk.accept(estimate)
