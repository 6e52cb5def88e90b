"""The operations on bill scenarios.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_Operations_AWS_Billing_and_Cost_Management_Pricing_Calculator.html
"""

from __future__ import annotations

from typing import Any

from emulator.pricing_calculator.access import check_name, find, look_up, new_id, operation, update_resource
from emulator.pricing_calculator.pages import paged_resources
from emulator.pricing_calculator.state import Scenario, scenario_expiry
from emulator.pricing_calculator.tags import checked_tags
from emulator.protocol.errors import conflict, invalid, invalid_field
from emulator.protocol.service import Call

_PREFERENCE, _CATEGORY = "groupSharingPreference", "costCategoryGroupSharingPreferenceArn"


@operation("CreateBillScenario")
def create_bill_scenario(call: Call) -> dict[str, Any]:
    """Create a scenario. Its name must be free: AWS states that for estimates only, but models the conflict here."""
    book, name = call.world.calculator, call.params["name"]
    check_name(call, book.scenarios, name)
    tags, sharing = checked_tags(call), _sharing(call, {})
    scenario = Scenario(
        id=new_id(call),
        account=call.account,
        name=name,
        created_at=call.now,
        expires_at=scenario_expiry(call.now),
        tags=tags,
        sharing=sharing,
    )
    book.scenarios.add(scenario)
    return scenario.describe(call.now)


@operation("GetBillScenario")
def get_bill_scenario(call: Call) -> dict[str, Any]:
    """Describe a scenario."""
    return find(call, call.world.calculator.scenarios, "identifier").describe(call.now)


@operation("UpdateBillScenario")
def update_bill_scenario(call: Call) -> dict[str, Any]:
    """Change a scenario's name, expiry or sharing, also of a STALE one; not while it is LOCKED."""
    shelf = call.world.calculator.scenarios
    scenario = find(call, shelf, "identifier")
    _check_unlocked(scenario)
    sharing = _sharing(call, scenario.sharing)
    update_resource(call, shelf, scenario)
    scenario.sharing = sharing
    return scenario.describe(call.now)


@operation("ListBillScenarios")
def list_bill_scenarios(call: Call) -> dict[str, Any]:
    """List the account's scenarios."""

    def values(scenario: Scenario) -> dict[str, Any]:
        return {
            "STATUS": scenario.status(call.now),
            "NAME": scenario.name,
            "GROUP_SHARING_PREFERENCE": scenario.sharing.get(_PREFERENCE),
            "COST_CATEGORY_ARN": scenario.sharing.get(_CATEGORY),
        }

    return paged_resources(call, call.world.calculator.scenarios, values, lambda one: one.describe(call.now))


@operation("DeleteBillScenario")
def delete_bill_scenario(call: Call) -> dict[str, Any]:
    """Delete a scenario; one that is not there is no error. Estimates made from it stay."""
    shelf = call.world.calculator.scenarios
    scenario = look_up(call, shelf, "identifier")
    if scenario:
        _check_unlocked(scenario)
        shelf.remove(scenario)
    return {}


def ready_scenario(call: Call) -> Scenario:
    """Find the call's scenario and check that it can be changed or estimated.

    :raises ServiceError: ResourceNotFoundException; ConflictException while it is LOCKED, which passes;
        ValidationException once it is STALE, which does not.
    """
    scenario = find(call, call.world.calculator.scenarios, "billScenarioId")
    _check_unlocked(scenario)
    status = scenario.status(call.now)
    if status != "READY":
        raise invalid(f"Bill scenario {scenario.id} is {status}: its month is over; create a new one", reason="other")
    return scenario


def _check_unlocked(scenario: Scenario) -> None:
    if scenario.running:
        raise conflict(f"Bill scenario {scenario.id} is LOCKED while a bill estimate runs", "BillScenario", scenario.id)


def _sharing(call: Call, before: dict[str, Any]) -> dict[str, Any]:
    """Give the sharing members after the call. OPEN is AWS's default for an organisation's discounts."""
    preference = call.params.get(_PREFERENCE, before.get(_PREFERENCE, "OPEN"))
    if preference == "OPEN":
        if _CATEGORY in call.params:
            raise invalid_field(_CATEGORY, "A cost category goes with PRIORITIZED or RESTRICTED sharing only")
        return {_PREFERENCE: preference}
    category = call.params.get(_CATEGORY, before.get(_CATEGORY))
    return {_PREFERENCE: preference, **({_CATEGORY: category} if category else {})}
