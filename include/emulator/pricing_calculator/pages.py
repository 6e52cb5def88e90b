"""Pages of the Pricing Calculator's lists: a page costs what is on it, not what the list is long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from emulator.pricing_calculator.filters import lies_within, passes
from emulator.pricing_calculator.shelf import START, AnyResource, Shelf
from emulator.protocol.paging import Pager, Thing, Walk
from emulator.protocol.service import Call

PAGE = 25
_PAGER = Pager("nextToken", "maxResults")


def paged(
    call: Call,
    walk: Walk[int, Thing],
    wanted: Callable[[Thing], bool],
    describe: Callable[[Thing], dict[str, Any]],
    size: int = PAGE,
) -> dict[str, Any]:
    """Give the page that the call asks for.

    :param walk: the list, from :data:`START`.
    :param wanted: the list's filters.
    :param describe: AWS's shape of an item.
    :param size: items on a page if the call does not say; AWS documents only the maximum.
    :raises ServiceError: ValidationException if the token is not one of this list's.
    """
    things, token = _PAGER.page(call, walk, START, size, wanted)
    return {"items": [describe(thing) for thing in things], "nextToken": token}


def paged_resources(
    call: Call,
    shelf: Shelf[AnyResource],
    values: Callable[[AnyResource], Mapping[str, Any]],
    describe: Callable[[AnyResource], dict[str, Any]],
) -> dict[str, Any]:
    """Give the page of the account's resources that pass ``filters``, ``createdAtFilter`` and ``expiresAtFilter``.

    :param values: what a resource has under each filter's name.
    """
    filters = call.params.get("filters", [])

    def wanted(resource: AnyResource) -> bool:
        return (
            passes(values(resource), filters)
            and lies_within(resource.created_at, call.params.get("createdAtFilter", {}))
            and lies_within(resource.expires_at, call.params.get("expiresAtFilter", {}))
        )

    return paged(call, lambda after: shelf.walk(call.account, call.now, filters, after), wanted, describe)
