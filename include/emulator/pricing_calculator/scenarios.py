"""The operations on bill scenarios.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_Operations_AWS_Billing_and_Cost_Management_Pricing_Calculator.html
"""

from __future__ import annotations

from typing import Any

from emulator.errors import conflict, invalid, invalid_field
from emulator.paging import page
from emulator.pricing_calculator.access import operation
from emulator.pricing_calculator.filters import lies_within, passes
from emulator.pricing_calculator.state import Scenario
from emulator.service import Call

PAGE = 25
_SHARING = ("groupSharingPreference", "costCategoryGroupSharingPreferenceArn")


@operation("CreateBillScenario")
def create_bill_scenario(call: Call) -> dict[str, Any]:
    """Create a scenario. Its name must be free: AWS states that for estimates only, but models the conflict here."""
    name = call.params["name"]
    for scenario in call.world.calculator.scenarios(call.account, call.now):
        if scenario.name == name:
            raise conflict(f"A bill scenario named {name} already exists", "BillScenario", scenario.id)
    sharing = {member: call.params[member] for member in _SHARING if member in call.params}
    if _SHARING[1] in sharing and sharing.get(_SHARING[0]) not in ("PRIORITIZED", "RESTRICTED"):
        raise invalid_field(_SHARING[1], "A cost category goes with PRIORITIZED or RESTRICTED sharing only")
    scenario = Scenario(call.account, name, call.now, sharing, call.params.get("tags", {}))
    call.world.calculator.add_scenario(scenario)
    return scenario.describe(call.now)


@operation("GetBillScenario")
def get_bill_scenario(call: Call) -> dict[str, Any]:
    """Describe a scenario."""
    return call.world.calculator.scenario(call.account, call.params["identifier"], call.now).describe(call.now)


@operation("ListBillScenarios")
def list_bill_scenarios(call: Call) -> dict[str, Any]:
    """List the account's scenarios."""
    params, items = call.params, []
    for scenario in call.world.calculator.scenarios(call.account, call.now):
        values = {
            "STATUS": scenario.status(call.now),
            "NAME": scenario.name,
            "GROUP_SHARING_PREFERENCE": scenario.sharing.get(_SHARING[0]),
            "COST_CATEGORY_ARN": scenario.sharing.get(_SHARING[1]),
        }
        if (
            passes(values, params.get("filters", []))
            and lies_within(scenario.created_at, params.get("createdAtFilter", {}))
            and lies_within(scenario.expires_at, params.get("expiresAtFilter", {}))
        ):
            items.append(scenario.describe(call.now))
    return paged(call, items)


@operation("DeleteBillScenario")
def delete_bill_scenario(call: Call) -> dict[str, Any]:
    """Delete a scenario; one that is not there is no error. Estimates made from it stay."""
    for scenario in call.world.calculator.scenarios(call.account, call.now):
        if scenario.id == call.params["identifier"]:
            _check_unlocked(scenario)
            call.world.calculator.remove_scenario(scenario)
            break
    return {}


def ready_scenario(call: Call) -> Scenario:
    """Find the call's scenario and check that it can be changed or estimated.

    :raises ServiceError: ResourceNotFoundException; ConflictException while it is LOCKED, which passes;
        ValidationException once it is STALE, which does not.
    """
    scenario = call.world.calculator.scenario(call.account, call.params["billScenarioId"], call.now)
    _check_unlocked(scenario)
    status = scenario.status(call.now)
    if status != "READY":
        raise invalid(f"Bill scenario {scenario.id} is {status}: its month is over; create a new one", reason="other")
    return scenario


def paged(call: Call, items: list[dict[str, Any]]) -> dict[str, Any]:
    """Give one page of a Pricing Calculator list."""
    taken, token = page(items, call.params.get("maxResults", PAGE), call.params.get("nextToken"), "nextToken")
    return {"items": taken, "nextToken": token}


def _check_unlocked(scenario: Scenario) -> None:
    if scenario.running:
        raise conflict(f"Bill scenario {scenario.id} is LOCKED while a bill estimate runs", "BillScenario", scenario.id)
