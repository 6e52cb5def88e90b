"""The operations on workload estimates, which every account may make.

https://docs.aws.amazon.com/cost-management/latest/userguide/pc-workload-estimate.html
"""

from __future__ import annotations

from typing import Any

from emulator.pricing_calculator.access import check_name, find, look_up, new_id, operation, update_resource
from emulator.pricing_calculator.pages import paged_resources
from emulator.pricing_calculator.rates import BEFORE_DISCOUNTS, allowed_rate_types
from emulator.pricing_calculator.tags import checked_tags
from emulator.pricing_calculator.workload import WORKLOAD_KEPT, WorkloadEstimate
from emulator.protocol.errors import ServiceError, invalid
from emulator.protocol.service import Call

# https://docs.aws.amazon.com/cost-management/latest/userguide/management-limits.html
MONTHLY_QUOTA = 50


@operation("CreateWorkloadEstimate", members=True)
def create_workload_estimate(call: Call) -> dict[str, Any]:
    """Create an empty workload estimate; it is VALID and costs nothing.

    Without ``rateType`` it has public prices, or the first that the preferences allow.

    :raises ServiceError: ConflictException if the name is taken; ValidationException ``disallowedRate`` if the
        preferences do not allow the rate type; ServiceQuotaExceededException for the 51st in a calendar month, those
        that were deleted included.
    """
    book, name = call.world.calculator, call.params["name"]
    check_name(call, book.workloads, name)
    tags, rate_type = checked_tags(call), _rate_type(call)
    month = (call.account, f"{call.now:%Y-%m}")
    if book.workloads_made[month] >= MONTHLY_QUOTA:
        raise ServiceError(
            "ServiceQuotaExceededException",
            f"An account can create {MONTHLY_QUOTA} workload estimates a month",
            resourceId=call.account,
            resourceType="WorkloadEstimate",
            quotaCode="workload-estimates-per-month",
        )
    workload = WorkloadEstimate(
        id=new_id(call),
        account=call.account,
        name=name,
        created_at=call.now,
        expires_at=call.now + WORKLOAD_KEPT,
        tags=tags,
        rate_type=rate_type,
        rate_timestamp=call.now,
    )
    book.workloads_made[month] += 1
    book.workloads.add(workload)
    return describe(call, workload)


@operation("GetWorkloadEstimate", members=True)
def get_workload_estimate(call: Call) -> dict[str, Any]:
    """Describe a workload estimate with what it costs."""
    return describe(call, find(call, call.world.calculator.workloads, "identifier"))


@operation("UpdateWorkloadEstimate", members=True)
def update_workload_estimate(call: Call) -> dict[str, Any]:
    """Change a workload estimate's name or expiry; its rate type stays."""
    shelf = call.world.calculator.workloads
    workload = find(call, shelf, "identifier")
    update_resource(call, shelf, workload)
    return describe(call, workload)


@operation("ListWorkloadEstimates", members=True)
def list_workload_estimates(call: Call) -> dict[str, Any]:
    """List the account's workload estimates with what they cost."""
    allowed = allowed_rate_types(call.world, call.account)

    def values(workload: WorkloadEstimate) -> dict[str, str]:
        return {"STATUS": workload.status(call.now, allowed), "NAME": workload.name}

    return paged_resources(call, call.world.calculator.workloads, values, lambda one: one.describe(call.now, allowed))


@operation("DeleteWorkloadEstimate", members=True)
def delete_workload_estimate(call: Call) -> dict[str, Any]:
    """Delete a workload estimate; one that is not there is no error."""
    shelf = call.world.calculator.workloads
    workload = look_up(call, shelf, "identifier")
    if workload:
        shelf.remove(workload)
    return {}


def describe(call: Call, workload: WorkloadEstimate) -> dict[str, Any]:
    """Give a workload estimate as the call is answered."""
    return workload.describe(call.now, allowed_rate_types(call.world, call.account))


def _rate_type(call: Call) -> str:
    allowed = allowed_rate_types(call.world, call.account)
    default = BEFORE_DISCOUNTS if BEFORE_DISCOUNTS in allowed else allowed[0]
    rate_type: str = call.params.get("rateType", default)
    if rate_type not in allowed:
        raise invalid(f"The preferences do not allow the rate type {rate_type}", reason="disallowedRate")
    return rate_type
