"""What all operations of Data Exports share: the service, whose export it is, pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.data_exports.state import ExportRecord
from emulator.protocol.errors import not_found
from emulator.protocol.paging import Pager, Place, Thing, Walk
from emulator.protocol.service import Call, Service

DATA_EXPORTS = Service("bcm-data-exports")
_PAGER = Pager("NextToken", "MaxResults")
_PAGE = 100


def find(call: Call, member: str = "ExportArn") -> ExportRecord:
    """Find the export that the request names in ``member``.

    :raises ServiceError: ResourceNotFoundException, also for another account's export, and for one so young that a
        fault rule hides it: AWS's reads lag behind its writes.
    """
    record = call.world.exports.find(call.account, call.params[member])
    if call.world.faults.hides(call.operation, call.account, call.now - record.created_at):
        raise not_found("Export", record.arn)
    return record


def paged(
    call: Call, member: str, walk: Walk[Place, Thing], start: Place, describe: Callable[[Thing], dict[str, Any]]
) -> dict[str, Any]:
    """Give one page of a list as the answer's ``member``: 100 entries unless MaxResults says otherwise; AWS names no
    default.

    :param walk: the list, from ``start``.
    :param describe: AWS's shape of an entry.
    :raises ServiceError: ValidationException if the token is not one of this list's.
    """
    things, token = _PAGER.page(call, walk, start, _PAGE)
    return {member: [describe(thing) for thing in things], "NextToken": token}
