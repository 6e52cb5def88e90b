"""The tags of exports.

https://docs.aws.amazon.com/cur/latest/userguide/dataexports-access.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from emulator.data_exports.access import DATA_EXPORTS, find, paged
from emulator.data_exports.state import ExportRecord
from emulator.protocol.errors import ServiceError, invalid_field
from emulator.protocol.service import Call

MOST = 50  # AWS's for a resource; the model's 200 is for one request
_RESERVED = "aws:"


@DATA_EXPORTS.operation("TagResource")
def tag_resource(call: Call) -> dict[str, Any]:
    """Add tags to an export; a key that it has gets the new value."""
    record = _find(call)
    record.tags = with_tags(record.tags, call.params["ResourceTags"])
    return {}


@DATA_EXPORTS.operation("UntagResource")
def untag_resource(call: Call) -> dict[str, Any]:
    """Take tags away; a key that the export does not have is no error."""
    record = _find(call)
    record.tags = {key: value for key, value in record.tags.items() if key not in call.params["ResourceTagKeys"]}
    return {}


@DATA_EXPORTS.operation("ListTagsForResource")
def list_tags_for_resource(call: Call) -> dict[str, Any]:
    """List an export's tags by their keys."""
    tags = sorted(_find(call).tags.items())

    def walk(after: str) -> Iterator[tuple[str, tuple[str, str]]]:
        return ((tag[0], tag) for tag in tags if tag[0] > after)

    return paged(call, "ResourceTags", walk, "", lambda tag: {"Key": tag[0], "Value": tag[1]})


def with_tags(tags: Mapping[str, str], added: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Give ``tags`` with those of AWS's list ``added``.

    :raises ServiceError: ValidationException for a key given twice, one of AWS's own, or more than 50 tags.
    """
    new = {tag["Key"]: tag["Value"] for tag in added}
    if len(new) != len(added):
        raise invalid_field("ResourceTags", "Each key must be unique for the resource")
    for key in new:
        if key.lower().startswith(_RESERVED):
            raise invalid_field("ResourceTags", f"Keys that begin with {_RESERVED} are AWS's own, such as {key}")
    merged = {**tags, **new}
    if len(merged) > MOST:
        raise invalid_field("ResourceTags", f"A resource has at most {MOST} tags")
    return merged


def _find(call: Call) -> ExportRecord:
    """Find the export; unlike the other operations, those on tags have an error for what is another account's.

    :raises ServiceError: AccessDeniedException, ResourceNotFoundException.
    """
    arn = call.params["ResourceArn"]
    if arn.split(":")[4] != call.account:
        raise ServiceError("AccessDeniedException", f"Account {call.account} is not allowed {call.operation} on {arn}")
    return find(call, "ResourceArn")
