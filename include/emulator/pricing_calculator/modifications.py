"""The operations that put usage and commitments into a bill scenario, 25 at a time, each on its own merit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from emulator.errors import ServiceError, invalid_field
from emulator.pricing_calculator.access import operation
from emulator.pricing_calculator.filters import passes
from emulator.pricing_calculator.scenarios import paged, ready_scenario
from emulator.pricing_calculator.state import Scenario, new_id
from emulator.service import Call

USAGE_QUOTA = 2000
_COMMITMENT_DECIMALS = 5
# AWS's filter names and where an item has the value; HISTORICAL_ names look into its historical usage.
_USAGE_FILTERS = {
    "USAGE_ACCOUNT_ID": "usageAccountId",
    "SERVICE_CODE": "serviceCode",
    "USAGE_TYPE": "usageType",
    "OPERATION": "operation",
    "LOCATION": "location",
    "USAGE_GROUP": "group",
}

Refusal = tuple[str, str]
"""An error code of the batch and a message."""


@operation("BatchCreateBillScenarioUsageModification")
def create_usage(call: Call) -> dict[str, Any]:
    """Model usage: more of it, or other usage in place of what was there."""
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
    return _batch(entries, lambda entry: _refuse_usage(call, scenario, entry), _usage_item(call), scenario.usage)


@operation("BatchCreateBillScenarioCommitmentModification")
def create_commitments(call: Call) -> dict[str, Any]:
    """Model commitments: Savings Plans or reserved instances to buy, or to do without."""
    scenario = ready_scenario(call)
    entries = call.params["commitmentModifications"]
    for place, entry in enumerate(entries, 1):
        _check_action(f"commitmentModifications.{place}.member.commitmentAction", entry["commitmentAction"])

    def item(entry: Mapping[str, Any]) -> dict[str, Any]:
        return {"id": new_id(), **{name: value for name, value in entry.items() if name != "key"}}

    return _batch(entries, lambda entry: _refuse_commitment(call, scenario, entry), item, scenario.commitments)


@operation("ListBillScenarioUsageModifications")
def list_usage(call: Call) -> dict[str, Any]:
    """List a scenario's usage modifications."""
    scenario = call.world.calculator.scenario(call.account, call.params["billScenarioId"], call.now)
    filters = call.params.get("filters", [])
    return paged(call, [item for item in scenario.usage if passes(_filter_values(item), filters)])


@operation("ListBillScenarioCommitmentModifications")
def list_commitments(call: Call) -> dict[str, Any]:
    """List a scenario's commitment modifications."""
    scenario = call.world.calculator.scenario(call.account, call.params["billScenarioId"], call.now)
    return paged(call, scenario.commitments)


def _batch(
    entries: list[dict[str, Any]],
    refuse: Callable[[Mapping[str, Any]], Refusal | None],
    make: Callable[[Mapping[str, Any]], dict[str, Any]],
    kept: list[dict[str, Any]],
) -> dict[str, Any]:
    """Take what can be taken into ``kept`` and report the rest: a batch can fail in part and still be HTTP 200."""
    items, errors, seen = [], [], set()
    for entry in entries:
        key = entry["key"]
        refusal = ("CONFLICT", f"The batch has the key {key!r} twice") if key in seen else refuse(entry)
        seen.add(key)
        if refusal:
            errors.append({"key": key, "errorCode": refusal[0], "errorMessage": refusal[1]})
            continue
        item = make(entry)
        kept.append(item)
        items.append({"key": key, **item})
    return {"items": items, "errors": errors}


def _refuse_usage(call: Call, scenario: Scenario, entry: Mapping[str, Any]) -> Refusal | None:
    sku = (entry["serviceCode"], entry["usageType"], entry["operation"])
    if not _is_in_organisation(call, entry["usageAccountId"]):
        return "BAD_REQUEST", f"Account {entry['usageAccountId']} is not in the organisation"
    if call.world.organisation_of(call.account).price(*sku) is None:
        return "BAD_REQUEST", f"There is no price for {sku[0]} {sku[1]} {sku[2]}"
    amounts = entry.get("amounts", [])
    if not amounts or any(amount["amount"] < 0 for amount in amounts):
        return "BAD_REQUEST", "amounts must be given, and none may be negative"
    interval = scenario.bill_interval
    if not all(interval["start"] <= amount["startHour"] < interval["end"] for amount in amounts):
        return "BAD_REQUEST", f"A startHour lies outside of the scenario's bill interval, {_written(interval)}"
    historical = entry.get("historicalUsage")
    if historical and historical["billInterval"] != interval:
        return "BAD_REQUEST", f"historicalUsage.billInterval must be the scenario's, {_written(interval)}"
    if historical and not _was_used(call, scenario, historical):
        return "NOT_FOUND", "The bill interval has no such historical usage"
    return None


def _is_in_organisation(call: Call, account: str) -> bool:
    return any(account == known for known, _ in call.world.organisation_of(call.account).accounts)


def _written(interval: Mapping[str, datetime]) -> str:
    return f"{interval['start']:%Y-%m-%dT%H:%MZ} to {interval['end']:%Y-%m-%dT%H:%MZ}"


def _was_used(call: Call, scenario: Scenario, wanted: Mapping[str, Any]) -> bool:
    key = (wanted["serviceCode"], wanted["usageType"], wanted["operation"], wanted["usageAccountId"])
    lines = call.world.usage(call.account, scenario.bill_interval["start"].date())
    return any(key == (line.service_code, line.usage_type, line.operation, line.account_id) for line in lines)


def _usage_item(call: Call) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    taken = ("serviceCode", "usageType", "operation", "availabilityZone", "group", "usageAccountId", "historicalUsage")

    def make(entry: Mapping[str, Any]) -> dict[str, Any]:
        price = call.world.organisation_of(call.account).price(
            entry["serviceCode"], entry["usageType"], entry["operation"]
        )
        unit = price.unit if price else None
        quantities = [{**amount, "unit": unit} for amount in entry["amounts"]]
        return {"id": new_id(), "quantities": quantities, **{name: entry[name] for name in taken if name in entry}}

    return make


def _refuse_commitment(call: Call, scenario: Scenario, entry: Mapping[str, Any]) -> Refusal | None:
    if not _is_in_organisation(call, entry["usageAccountId"]):
        return "INVALID_ACCOUNT", f"Account {entry['usageAccountId']} is not in the organisation"
    plan = call.world.organisation_of(call.account).savings_plan(scenario.bill_interval["start"].date())[0]
    for name, action in entry["commitmentAction"].items():
        if name.startswith("negate") and action.get("savingsPlanId") != plan:
            return "CONFLICT", f"The organisation has no commitment {next(iter(action.values()))}"
    return None


def _check_action(path: str, action: Mapping[str, Mapping[str, Any]]) -> None:
    """Check what the model leaves optional but no commitment can do without."""
    needed = {
        "addSavingsPlanAction": ("savingsPlanOfferingId", "commitment"),
        "addReservedInstanceAction": ("reservedInstancesOfferingId", "instanceCount"),
        "negateSavingsPlanAction": ("savingsPlanId",),
        "negateReservedInstanceAction": ("reservedInstancesId",),
    }
    for name, given in action.items():
        missing = [member for member in needed[name] if member not in given]
        if missing:
            raise invalid_field(f"{path}.{name}.{missing[0]}", "Member must not be null")
        commitment = given.get("commitment")
        if commitment is not None and round(commitment, _COMMITMENT_DECIMALS) != commitment:
            raise invalid_field(f"{path}.{name}.commitment", "Member must have at most 5 decimals")


def _filter_values(item: Mapping[str, Any]) -> dict[str, Any]:
    historical = item.get("historicalUsage", {})
    values = {name: item.get(member) for name, member in _USAGE_FILTERS.items()}
    return values | {f"HISTORICAL_{name}": historical.get(member) for name, member in _USAGE_FILTERS.items()}
