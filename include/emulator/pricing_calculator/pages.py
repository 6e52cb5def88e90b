"""Pages of the Pricing Calculator's lists: a page costs what is on it, not what the list is long."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from emulator.pricing_calculator.filters import lies_within, passes
from emulator.pricing_calculator.shelf import START, AnyResource, Shelf
from emulator.protocol.errors import invalid_field
from emulator.protocol.service import Call

PAGE = 25
Thing = TypeVar("Thing")


def paged(
    call: Call,
    walk: Callable[[int], Iterable[tuple[int, Thing]]],
    wanted: Callable[[Thing], bool],
    describe: Callable[[Thing], dict[str, Any]],
    size: int = PAGE,
) -> dict[str, Any]:
    """Give the page that the call asks for; there is a token only if something more is wanted.

    :param walk: gives what comes after a place of the list, with its place; nothing is taken that the page does not
        need.
    :param wanted: the list's filters.
    :param describe: AWS's shape of an item.
    :param size: items on a page if the call does not say; AWS documents only the maximum.
    :raises ServiceError: ValidationException if the token is not one of this list's: AWS's tokens are opaque, and
        belong to the request that they came from.
    """
    list_of_request, token = _digest(call), call.params.get("nextToken")
    size = call.params.get("maxResults", size)
    items: list[dict[str, Any]] = []
    last = _place(token, list_of_request) if token else START
    for place, thing in walk(last):
        if not wanted(thing):
            continue
        if len(items) == size:
            return {"items": items, "nextToken": _token(list_of_request, last)}
        items.append(describe(thing))
        last = place
    return {"items": items}


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


def positions(things: Sequence[Thing]) -> Callable[[int], Iterator[tuple[int, Thing]]]:
    """Give the walk through a sequence that never changes."""

    def walk(after: int) -> Iterator[tuple[int, Thing]]:
        return ((position, things[position]) for position in range(after + 1, len(things)))

    return walk


def _digest(call: Call) -> str:
    """Tell one list of one account from any other, filters included."""
    asked = {name: value for name, value in call.params.items() if name not in ("nextToken", "maxResults")}
    text = json.dumps([call.operation, call.account, asked], sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _token(list_of_request: str, place: int) -> str:
    return base64.urlsafe_b64encode(f"{list_of_request}:{place}".encode()).decode()


def _place(token: str, list_of_request: str) -> int:
    try:
        digest, _, place = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
        if digest == list_of_request:
            return int(place)
    except ValueError:
        pass
    raise invalid_field("nextToken", "The token is not valid")
