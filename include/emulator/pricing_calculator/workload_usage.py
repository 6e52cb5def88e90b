"""The operations on the usage lines of workload estimates, 25 at a time."""

from __future__ import annotations

from typing import Any

from emulator.pricing_calculator.access import find, new_id, operation
from emulator.pricing_calculator.batches import Entry, EntryRefused, carry_out, delete_lines, line, regrouped
from emulator.pricing_calculator.months import last_complete_month
from emulator.pricing_calculator.pages import paged
from emulator.pricing_calculator.rates import AFTER_COMMITMENTS, allowed_rate_types, unit_price
from emulator.pricing_calculator.usage import (
    LARGEST_AMOUNT,
    check_usage,
    names_history,
    sku_of,
    usage_item,
    wanted_usage,
)
from emulator.pricing_calculator.workload import WorkloadEstimate
from emulator.protocol.errors import ServiceError
from emulator.protocol.service import Call

# https://docs.aws.amazon.com/cost-management/latest/userguide/management-limits.html
USAGE_QUOTA = 2000
MODIFICATION_QUOTA = 350
PAGE = 300


def _is_averaged(call: Call) -> bool:
    """Say whether usage of the call's estimate is priced by what the organisation paid."""
    with call.world.lock:  # this is asked before the world stands still for the call
        workload = call.world.calculator.workloads.get(call.account, call.params["workloadEstimateId"], call.now)
    return workload is not None and workload.rate_type == AFTER_COMMITMENTS


@operation(
    "BatchCreateWorkloadEstimateUsage",
    members=True,
    needs_bill=lambda call: names_history(call.params["usage"]) or _is_averaged(call),
)
def create_usage(call: Call) -> dict[str, Any]:
    """Add usage lines, each priced at the estimate's rate type.

    :raises ServiceError: ServiceQuotaExceededException if the batch would take the estimate over 2,000 lines.
    """
    workload = _changeable(call)
    entries = call.params["usage"]
    if len(workload.usage) + len(entries) > USAGE_QUOTA:
        raise _quota(workload, f"A workload estimate takes {USAGE_QUOTA} usage lines", "usage-lines")

    def create(entry: Entry) -> dict[str, Any]:
        check_usage(call, entry, last_complete_month(call.now))
        priced = _priced(call, workload, usage_item(entry), entry["amount"])
        item = {"id": new_id(call), **priced}
        workload.usage.put(item["id"], item)
        return {"key": entry["key"], **_shown(call, workload, item)}

    return _recalculate(call, workload, carry_out(entries, "key", create))


@operation("BatchUpdateWorkloadEstimateUsage", members=True, needs_bill=_is_averaged)
def update_usage(call: Call) -> dict[str, Any]:
    """Change the amount or the group of usage lines; what an entry leaves out stays."""
    workload = _changeable(call)

    def update(entry: Entry) -> dict[str, Any]:
        item = line(workload.usage, entry)
        amount = entry.get("amount", item["quantity"]["amount"])
        changed = _priced(call, workload, regrouped(item, entry), amount)
        workload.usage.put(entry["id"], changed)
        return _shown(call, workload, changed)

    return _recalculate(call, workload, carry_out(call.params["usage"], "id", update))


@operation("BatchDeleteWorkloadEstimateUsage", members=True)
def delete_usage(call: Call) -> dict[str, Any]:
    """Delete usage lines."""
    workload = _changeable(call)
    answer = delete_lines(workload.usage, call.params["ids"], "NOT_FOUND")
    _recalculate(call, workload, answer)
    return {"errors": answer["errors"]}


@operation("ListWorkloadEstimateUsage", members=True)
def list_usage(call: Call) -> dict[str, Any]:
    """List the usage lines of a workload estimate with what they cost."""
    workload = find(call, call.world.calculator.workloads, "workloadEstimateId")
    return paged(call, workload.usage.after, wanted_usage(call), lambda item: _shown(call, workload, item), PAGE)


def _changeable(call: Call) -> WorkloadEstimate:
    """Find the call's workload estimate and check that its usage can be changed once more.

    AWS documents 350 modifications of an estimate and not what counts as one; here every batch that changes
    something is one.
    """
    workload = find(call, call.world.calculator.workloads, "workloadEstimateId")
    if workload.modifications >= MODIFICATION_QUOTA:
        raise _quota(workload, f"A workload estimate can be modified {MODIFICATION_QUOTA} times", "modifications")
    return workload


def _recalculate(call: Call, workload: WorkloadEstimate, answer: dict[str, Any]) -> dict[str, Any]:
    """Work the total out again if a batch changed something, and give the batch's answer."""
    if answer["items"]:
        workload.recalculate(call.now)
    return answer


def _priced(call: Call, workload: WorkloadEstimate, item: dict[str, Any], amount: float) -> dict[str, Any]:
    """Give a line with its quantity and what that costs."""
    if not 0 <= amount <= LARGEST_AMOUNT:
        raise EntryRefused("BAD_REQUEST", f"amount must be 0 to {LARGEST_AMOUNT:.0e}")
    price = unit_price(call, sku_of(item), workload.rate_type)
    if price is None:
        raise EntryRefused("BAD_REQUEST", f"There is no price for {' '.join(sku_of(item))}")
    unit, rate = price
    return {
        **item,
        "quantity": {"unit": unit, "amount": amount},
        "cost": round(amount * rate, 10),
        "currency": "USD",
    }


def _shown(call: Call, workload: WorkloadEstimate, item: dict[str, Any]) -> dict[str, Any]:
    return workload.describe_usage(item, call.now, allowed_rate_types(call.world, call.account))


def _quota(workload: WorkloadEstimate, message: str, code: str) -> ServiceError:
    return ServiceError(
        "ServiceQuotaExceededException",
        message,
        resourceId=workload.id,
        resourceType="WorkloadEstimate",
        quotaCode=f"{code}-per-workload-estimate",
    )
