"""Tags of scenarios and estimates of both kinds."""

from __future__ import annotations

import re
from typing import Any

from emulator.pricing_calculator.access import operation
from emulator.pricing_calculator.shelf import Resource, Shelf
from emulator.protocol.errors import FieldProblem, ServiceError, invalid, not_found
from emulator.protocol.service import Call

# The model's own bound for one request; AWS's usual quota of 50 is not documented for this service.
TAG_QUOTA = 200
_ARN = re.compile(r"arn:aws[-a-z0-9]*:bcm-pricing-calculator:[-a-z0-9]*:(\d{12}):([a-z-]+)/([a-f0-9-]{36})")


@operation("TagResource", members=True)
def tag_resource(call: Call) -> dict[str, Any]:
    """Add tags to a resource, or give those that it has new values."""
    resource = _tagged(call)
    tags = resource.tags | checked_tags(call)
    if len(tags) > TAG_QUOTA:
        raise ServiceError(
            "ServiceQuotaExceededException",
            f"A resource takes {TAG_QUOTA} tags",
            resourceId=resource.id,
            resourceType="Tag",
            quotaCode="tags-per-resource",
        )
    resource.tags = tags
    return {}


@operation("UntagResource", members=True)
def untag_resource(call: Call) -> dict[str, Any]:
    """Take tags off a resource; one that it does not have is no error."""
    resource, gone = _tagged(call), set(call.params["tagKeys"])
    resource.tags = {key: value for key, value in resource.tags.items() if key not in gone}
    return {}


@operation("ListTagsForResource", members=True)
def list_tags_for_resource(call: Call) -> dict[str, Any]:
    """Give a resource's tags."""
    return {"tags": _tagged(call).tags}


def checked_tags(call: Call) -> dict[str, str]:
    """Give the request's tags.

    :raises ServiceError: ValidationException if a key starts with ``aws:``, which AWS keeps for itself everywhere.
    """
    tags: dict[str, str] = call.params.get("tags", {})
    problems = [
        FieldProblem(f"tags.{key}", "A key must not start with aws:") for key in tags if key.lower().startswith("aws:")
    ]
    if problems:
        raise invalid("Tag keys that start with aws: are reserved", problems)
    return tags


def _tagged(call: Call) -> Resource:
    """Find the resource that the call's ARN names. The region in it counts for nothing: AWS's own pages differ.

    :raises ServiceError: ResourceNotFoundException.
    """
    book, arn = call.world.calculator, call.params["arn"]
    shelves: dict[str, Shelf[Any]] = {
        "bill-scenario": book.scenarios,
        "bill-estimate": book.estimates,
        "workload-estimate": book.workloads,
    }
    parts = _ARN.fullmatch(arn)
    shelf = shelves.get(parts[2]) if parts and parts[1] == call.account else None
    found: Resource | None = shelf.get(call.account, parts[3], call.now) if parts and shelf else None
    if found is None or call.world.faults.hides(call.operation, call.account, call.now - found.created_at):
        raise not_found("Resource", arn)
    return found
