"""Where the Pricing Calculator keeps its resources: found by id and by name, and walked through page by page."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

Thing = TypeVar("Thing")
START = -1


class Roll(Generic[Thing]):
    """Things in the order they came, each under an id.

    A thing's place, a number, is its own for ever: who goes on after a place misses nothing and sees nothing twice,
    whatever was added or removed meanwhile. Every step costs the same however many things there are.
    """

    def __init__(self) -> None:
        self._places: list[int] = []
        self._things: dict[int, Thing] = {}
        self._place_of: dict[str, int] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Thing]:
        return (self._things[place] for place in self._places)

    def put(self, key: str, thing: Thing) -> None:
        """Add ``thing`` at the end, or put it in the place of the one under the same id."""
        if key not in self._place_of:
            self._place_of[key] = self._next
            self._places.append(self._next)
            self._next += 1
        self._things[self._place_of[key]] = thing

    def get(self, key: str) -> Thing | None:
        """Give the thing under an id, or ``None``."""
        place = self._place_of.get(key)
        return None if place is None else self._things[place]

    def place(self, key: str) -> int:
        """Give the place of what is under an id."""
        return self._place_of[key]

    def remove(self, key: str) -> None:
        """Take away what is under an id."""
        place = self._place_of.pop(key)
        del self._things[place]
        del self._places[bisect_left(self._places, place)]

    def after(self, place: int, among: Sequence[int] | None = None) -> Iterator[tuple[int, Thing]]:
        """Give what comes after ``place`` (:data:`START`: everything), with its place.

        :param among: the places that count, ascending; all if ``None``.
        """
        places = self._places if among is None else among
        for index in range(bisect_right(places, place), len(places)):
            yield places[index], self._things[places[index]]


@dataclass(kw_only=True)
class Resource:
    """What all resources of the service have. Times are aware; at ``expires_at`` it cannot be reached any more."""

    id: str
    account: str
    name: str
    created_at: datetime
    expires_at: datetime
    tags: dict[str, str]


AnyResource = TypeVar("AnyResource", bound=Resource)


class Shelf(Generic[AnyResource]):
    """All resources of one kind, of all accounts.

    :param kind: AWS's word for it in errors, e.g. ``BillEstimate``.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._rolls: dict[str, Roll[AnyResource]] = {}
        self._by_name: dict[tuple[str, str], AnyResource] = {}

    def roll(self, account: str) -> Roll[AnyResource]:
        """Give the resources of an account, expired ones as well; to be read only."""
        return self._rolls.get(account, Roll())

    def add(self, resource: AnyResource) -> None:
        """Enter a resource; its name must be free."""
        self._rolls.setdefault(resource.account, Roll()).put(resource.id, resource)
        self._by_name[resource.account, resource.name] = resource

    def remove(self, resource: AnyResource) -> None:
        """Strike a resource out."""
        self.roll(resource.account).remove(resource.id)
        self._forget_name(resource)

    def rename(self, resource: AnyResource, name: str) -> None:
        """Give a resource another name, which must be free."""
        self._forget_name(resource)
        resource.name = name
        self._by_name[resource.account, name] = resource

    def get(self, account: str, resource_id: str, now: datetime) -> AnyResource | None:
        """Find an account's resource; an expired one is not there."""
        resource = self.roll(account).get(resource_id)
        return resource if resource and now < resource.expires_at else None

    def named(self, account: str, name: str, now: datetime) -> AnyResource | None:
        """Find an account's resource by name; an expired one gave its name back."""
        resource = self._by_name.get((account, name))
        return resource if resource and now < resource.expires_at else None

    def all(self, now: datetime) -> list[AnyResource]:
        """Give every account's resources that have not expired, in the order of their creation."""
        alive = [one for roll in self._rolls.values() for one in roll if now < one.expires_at]
        return sorted(alive, key=lambda one: one.created_at)

    def walk(
        self, account: str, now: datetime, filters: Sequence[dict[str, Any]], after: int
    ) -> Iterator[tuple[int, AnyResource]]:
        """Give an account's resources after a place that have not expired.

        :param filters: AWS's list filters. They only narrow down where to look; what comes may not pass them.
        """
        among = self._candidates(account, filters)
        return ((place, one) for place, one in self.roll(account).after(after, among) if now < one.expires_at)

    def _candidates(self, account: str, filters: Sequence[dict[str, Any]]) -> Sequence[int] | None:
        """Give the places of what can pass ``filters``, ascending, if an index knows; ``None`` if it may be all."""
        names = equals(filters, "NAME")
        if names is None:
            return None
        found = (self._by_name.get((account, name)) for name in names)
        return sorted(self.roll(account).place(one.id) for one in found if one)

    def _forget_name(self, resource: AnyResource) -> None:
        key = (resource.account, resource.name)
        if self._by_name.get(key) is resource:
            del self._by_name[key]


class PlaceIndex:
    """Places by a key, ascending: which of an account's resources have a certain status."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], list[int]] = {}

    def add(self, account: str, status: str, place: int) -> None:
        """Note that the resource at ``place`` has ``status``."""
        insort(self._places.setdefault((account, status), []), place)

    def remove(self, account: str, status: str, place: int) -> None:
        """Note that it no longer has it."""
        places = self._places[account, status]
        del places[bisect_left(places, place)]

    def find(self, account: str, statuses: set[str]) -> list[int]:
        """Give the places of an account's resources with one of ``statuses``, ascending."""
        found = [self._places.get((account, status), []) for status in statuses]
        return found[0] if len(found) == 1 else sorted(place for places in found for place in places)


def equals(filters: Sequence[dict[str, Any]], name: str) -> set[str] | None:
    """Give the values that one EQUALS filter of that name allows, or ``None`` if there is no such filter."""
    for condition in filters:
        if condition["name"] == name and condition.get("matchOption", "EQUALS") == "EQUALS":
            return set(condition["values"])
    return None
