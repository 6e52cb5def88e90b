"""What usage lines of scenarios and of workload estimates have in common: their checks, their shape, their filters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from emulator.pricing_calculator.batches import Entry, EntryRefused
from emulator.pricing_calculator.expressions import matches, problem
from emulator.pricing_calculator.filters import passes
from emulator.pricing_calculator.simulation import Sku, bill_of, find_product
from emulator.protocol.service import Call

# AWS's filter names and where a line has the value; HISTORICAL_ names look into its historical usage.
_FILTERS = {
    "USAGE_ACCOUNT_ID": "usageAccountId",
    "SERVICE_CODE": "serviceCode",
    "USAGE_TYPE": "usageType",
    "OPERATION": "operation",
    "LOCATION": "location",
    "USAGE_GROUP": "group",
}
# AWS says no bound; sums and products of amounts below it stay numbers.
LARGEST_AMOUNT = 1e15
_TAKEN = ("serviceCode", "usageType", "operation", "availabilityZone", "group", "usageAccountId", "historicalUsage")


def sku_of(line: Mapping[str, Any]) -> Sku:
    """Give the SKU of an entry, an item or historical usage."""
    return line["serviceCode"], line["usageType"], line["operation"]


def check_usage(call: Call, entry: Entry, interval: Mapping[str, datetime]) -> None:
    """Check whose usage it is, that it has a price, and that its historical usage was there.

    :param interval: the billInterval that historical usage has to be of; AWS does not say so, but a scenario starts
        from one bill.
    :raises EntryRefused: BAD_REQUEST; NOT_FOUND if the bill has no such historical usage.
    """
    account, sku = entry["usageAccountId"], sku_of(entry)
    if not is_own_account(call, account):
        raise EntryRefused("BAD_REQUEST", f"Account {account} is not in the organisation")
    if find_product(sku) is None:
        raise EntryRefused("BAD_REQUEST", f"There is no price for {' '.join(sku)}")
    if "historicalUsage" in entry:
        _check_history(call, entry["historicalUsage"], interval)


def names_history(entries: Iterable[Entry]) -> bool:
    """Say whether a batch's entries have to be checked against the bill."""
    return any("historicalUsage" in entry for entry in entries)


def _check_history(call: Call, historical: Mapping[str, Any], interval: Mapping[str, datetime]) -> None:
    if historical["billInterval"] != interval:
        raise EntryRefused("BAD_REQUEST", f"historicalUsage.billInterval must be {written(interval)}")
    expression, place = historical["filterExpression"], historical.get("location")
    wrong = problem(expression)
    if wrong:
        raise EntryRefused("BAD_REQUEST", f"historicalUsage.filterExpression: {wrong}")
    lines = bill_of(call).by_key.get((*sku_of(historical), historical["usageAccountId"]), [])
    if not any(place in (None, line.location, line.region) and matches(expression, line.attributes) for line in lines):
        raise EntryRefused("NOT_FOUND", "The bill interval has no such historical usage")


def is_own_account(call: Call, account: str) -> bool:
    """Say whether the caller may model usage of an account: a member of itself, others of their organisation."""
    if call.world.is_member(call.account):
        return account == call.account
    return any(account == known for known, _ in call.world.organisation_of(call.account).accounts)


def usage_item(entry: Entry) -> dict[str, Any]:
    """Give what the Item shapes of all usage lines have of their entry."""
    item = {name: entry[name] for name in _TAKEN if entry.get(name)}
    product = find_product(sku_of(entry))
    return {**item, "location": product.region.name if product else None}


def written(interval: Mapping[str, datetime]) -> str:
    """Give a billInterval as error messages say it."""
    return f"{interval['start']:%Y-%m-%dT%H:%MZ} to {interval['end']:%Y-%m-%dT%H:%MZ}"


def wanted_usage(call: Call) -> Callable[[Mapping[str, Any]], bool]:
    """Give the test of a call's ListUsageFilters."""
    filters = call.params.get("filters", [])
    return lambda item: not filters or passes(_filter_values(item), filters)


def _filter_values(item: Mapping[str, Any]) -> dict[str, Any]:
    historical = item.get("historicalUsage", {})
    values = {name: item.get(member) for name, member in _FILTERS.items()}
    return values | {f"HISTORICAL_{name}": historical.get(member) for name, member in _FILTERS.items()}
