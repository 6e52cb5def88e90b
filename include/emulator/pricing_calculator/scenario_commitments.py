"""The operations that put commitments into a bill scenario: Savings Plans and reserved instances, or doing without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.pricing_calculator.access import find, new_id, operation
from emulator.pricing_calculator.batches import Entry, EntryRefused, carry_out, delete_lines, line, regrouped
from emulator.pricing_calculator.pages import paged
from emulator.pricing_calculator.scenarios import ready_scenario
from emulator.pricing_calculator.simulation import removable_commitments
from emulator.pricing_calculator.state import Scenario
from emulator.pricing_calculator.usage import is_own_account
from emulator.protocol.errors import invalid_field
from emulator.protocol.service import Call

_COMMITMENT_DECIMALS = 5
# What the model leaves optional but no commitment can do without.
_NEEDED = {
    "addSavingsPlanAction": ("savingsPlanOfferingId", "commitment"),
    "addReservedInstanceAction": ("reservedInstancesOfferingId", "instanceCount"),
    "negateSavingsPlanAction": ("savingsPlanId",),
    "negateReservedInstanceAction": ("reservedInstancesId",),
}


def _negates(call: Call) -> bool:
    actions = [entry["commitmentAction"] for entry in call.params["commitmentModifications"]]
    return any(name.startswith("negate") for action in actions for name in action)


@operation("BatchCreateBillScenarioCommitmentModification", needs_bill=_negates)
def create_commitments(call: Call) -> dict[str, Any]:
    """Model commitments to buy, or existing ones to do without."""
    scenario = ready_scenario(call)
    entries = call.params["commitmentModifications"]
    for place, entry in enumerate(entries, 1):
        _check_action(f"commitmentModifications.{place}.member.commitmentAction", entry["commitmentAction"])

    def create(entry: Entry) -> dict[str, Any]:
        _check_commitment(call, scenario, entry)
        taken = {name: entry[name] for name in ("group", "usageAccountId", "commitmentAction") if entry.get(name)}
        item = {"id": new_id(call), **taken}
        scenario.commitments.put(item["id"], item)
        return {"key": entry["key"], **item}

    return carry_out(entries, "key", create)


@operation("BatchUpdateBillScenarioCommitmentModification")
def update_commitments(call: Call) -> dict[str, Any]:
    """Change the group of commitments; AWS lets nothing else be changed."""
    scenario = ready_scenario(call)

    def update(entry: Entry) -> dict[str, Any]:
        changed = regrouped(line(scenario.commitments, entry), entry)
        scenario.commitments.put(entry["id"], changed)
        return changed

    return carry_out(call.params["commitmentModifications"], "id", update)


@operation("BatchDeleteBillScenarioCommitmentModification")
def delete_commitments(call: Call) -> dict[str, Any]:
    """Delete modelled commitments. One that is not there is a BAD_REQUEST: the model has no NOT_FOUND here."""
    return {"errors": delete_lines(ready_scenario(call).commitments, call.params["ids"], "BAD_REQUEST")["errors"]}


@operation("ListBillScenarioCommitmentModifications")
def list_commitments(call: Call) -> dict[str, Any]:
    """List a scenario's commitments."""
    scenario = find(call, call.world.calculator.scenarios, "billScenarioId")
    return paged(call, scenario.commitments.after, lambda item: True, lambda item: item)


def _check_commitment(call: Call, scenario: Scenario, entry: Entry) -> None:
    """Check whose commitment it is, and that one to do without is there and not yet done without."""
    if not is_own_account(call, entry["usageAccountId"]):
        raise EntryRefused("INVALID_ACCOUNT", f"Account {entry['usageAccountId']} is not in the organisation")
    action = entry["commitmentAction"]
    ((name, members),) = action.items()
    if not name.startswith("negate"):
        return
    (commitment,) = members.values()
    owner = removable_commitments(call, name).get(commitment)
    if owner is None:
        raise EntryRefused("CONFLICT", f"The organisation has no commitment {commitment}")
    if owner != entry["usageAccountId"]:
        raise EntryRefused("INVALID_ACCOUNT", f"Commitment {commitment} is not account {entry['usageAccountId']}'s")
    if any(item["commitmentAction"] == action for item in scenario.commitments):
        raise EntryRefused("CONFLICT", f"The scenario does without commitment {commitment} already")


def _check_action(path: str, action: Mapping[str, Mapping[str, Any]]) -> None:
    for name, given in action.items():
        missing = [member for member in _NEEDED[name] if member not in given]
        if missing:
            raise invalid_field(f"{path}.{name}.{missing[0]}", "Member must not be null")
        commitment = given.get("commitment")
        if commitment is not None and round(commitment, _COMMITMENT_DECIMALS) != commitment:
            raise invalid_field(f"{path}.{name}.commitment", "Member must have at most 5 decimals")
