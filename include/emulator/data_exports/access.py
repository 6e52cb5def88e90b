"""What all operations of Data Exports share: the service, whose export it is, pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from emulator.data_exports.state import ExportRecord
from emulator.protocol.errors import not_found
from emulator.protocol.paging import page
from emulator.protocol.service import Call, Service

DATA_EXPORTS = Service("bcm-data-exports")
_PAGE = 100
Item = TypeVar("Item")


def find(call: Call, member: str = "ExportArn") -> ExportRecord:
    """Find the export that the request names in ``member``.

    :raises ServiceError: ResourceNotFoundException, also for another account's export, and for one so young that a
        fault rule hides it: AWS's reads lag behind its writes.
    """
    record = call.world.exports.find(call.account, call.params[member])
    if call.world.faults.hides(call.operation, call.account, call.now - record.created_at):
        raise not_found("Export", record.arn)
    return record


def paged(call: Call, member: str, items: Sequence[Item], describe: Callable[[Item], dict[str, Any]]) -> dict[str, Any]:
    """Give one page of a list: 100 entries unless MaxResults says otherwise; AWS names no default."""
    taken, token = page(items, call.params.get("MaxResults", _PAGE), call.params.get("NextToken"), "NextToken")
    return {member: [describe(item) for item in taken], "NextToken": token}
