"""Pages of a list, with tokens that say where the next one starts."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from emulator.protocol.errors import invalid_field
from emulator.protocol.service import Call

Thing = TypeVar("Thing")
Place = TypeVar("Place", int, str)
Walk = Callable[[Place], Iterable[tuple[Place, Thing]]]
"""Gives what comes after a place of the list, each thing with its own place; a place is a thing's for ever."""


@dataclass(frozen=True)
class Pager:
    """Cuts the pages of one service's lists.

    A token names the place of the last thing on its page, so whatever is added or removed before the next page is
    asked for, nothing comes twice and nothing is lost. As AWS's tokens it is opaque and belongs to the request that
    it came from: to the account, the list and its filters.

    :param token: what the service calls the token, in requests and in answers.
    :param size: what it calls the most things that a page may have.
    """

    token: str
    size: str

    def page(
        self,
        call: Call,
        walk: Walk[Place, Thing],
        start: Place,
        size: int,
        wanted: Callable[[Thing], bool] = lambda thing: True,
    ) -> tuple[list[Thing], str | None]:
        """Give the things of the page that the call asks for, and the token of the next one if more is wanted.

        :param walk: nothing is taken from it that the page does not need.
        :param start: the place before the first thing.
        :param size: things on a page if the call does not say; AWS documents only the maximum.
        :param wanted: the list's filters.
        :raises ServiceError: ValidationException if the token is not one of this list's.
        """
        size = call.params.get(self.size, size)
        request, token = self._request(call), call.params.get(self.token)
        last = self._place(token, request) if token else start
        things: list[Thing] = []
        for place, thing in walk(last):
            if not wanted(thing):
                continue
            if len(things) == size:
                return things, _token(request, json.dumps(last))
            things.append(thing)
            last = place
        return things, None

    def _request(self, call: Call) -> str:
        """Tell one list of one account from any other, filters included."""
        asked = {name: value for name, value in call.params.items() if name not in (self.token, self.size)}
        return json.dumps([call.operation, call.account, asked], sort_keys=True, default=str)

    def _place(self, token: str, request: str) -> Any:
        try:
            text = base64.b64decode(token, b"-_", validate=True).decode().partition(":")[2]
        except ValueError:
            text = ""
        if token != _token(request, text):
            raise invalid_field(self.token, "The token is not valid")
        return json.loads(text)


def positions(things: Sequence[Thing]) -> Callable[[int], Iterator[tuple[int, Thing]]]:
    """Give the walk, from -1, through a sequence that never changes."""

    def walk(after: int) -> Iterator[tuple[int, Thing]]:
        return ((position, things[position]) for position in range(after + 1, len(things)))

    return walk


def _token(request: str, place: str) -> str:
    """Write a token; its digest covers the place too, so that one which was made up is told from ours."""
    digest = hashlib.blake2b(f"{request}{place}".encode(), digest_size=8).hexdigest()
    return base64.urlsafe_b64encode(f"{digest}:{place}".encode()).decode()
