"""What a crowd of clients was told, and what the world must therefore be once they are quiet.

Nobody knows in which order they were served, so what is kept here does not depend on it: what was made and deleted is
a matter of sets, and of what several wrote to one place one of them must be there.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.unit.emulator.calculator_model import ESTIMATE, SCENARIO, WORKLOAD

EXPORT = "Export"
KINDS = (SCENARIO, ESTIMATE, WORKLOAD, EXPORT)
#: Seconds that clients let pass in a round at most. Lives begin in the middle of a month, when the last one is no
#: longer delivered, and none reaches its end, when all scenarios are STALE.
MOST_SECONDS = 30 * 3600


@dataclass
class Batch:
    """Lines that one client added at once and changes and takes away at once. ``form`` says to which list they belong.

    :ivar amounts: all of them have one of these. ``None`` before they are there and once they are taken away.
    :ivar is_under_way: whether its client is changing it right now: the time to look at it.
    """

    form: str
    mark: str
    owner: int
    size: int
    ids: list[str] = field(default_factory=list)
    amounts: set[float | None] = field(default_factory=lambda: {None})
    is_under_way: bool = True


@dataclass
class Told:
    """Something that a client was told to have made.

    :ivar names: those that it may have. :ivar notes: an export's descriptions, likewise. :ivar tags: each key is one
        client's. :ivar batches: by their marks.
    """

    kind: str
    id: str
    account: str
    names: set[str]
    notes: set[str | None] = field(default_factory=lambda: {None})
    tags: dict[str, str] = field(default_factory=dict)
    batches: dict[str, Batch] = field(default_factory=dict)
    table: str = ""
    is_deleted: bool = False


class Ledger:
    """All that was told, of all accounts. ``begin_round`` goes before a crowd's work, :meth:`settle` after it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.things: dict[str, Told] = {}
        self.estimates: Counter[str] = Counter()
        self.preferences: defaultdict[tuple[str, str], list[tuple[str, ...]]] = defaultdict(list)
        self.missed: set[str] = set()
        self.refused_names: list[tuple[str, str, str]] = []
        self._taken: set[tuple[str, str, str]] = set()
        self._renamed: set[str] = set()
        self._perhaps: defaultdict[str, set[str]] = defaultdict(set)
        self._seconds = 0
        self._noted: set[str] = set()

    def alive(self, account: str, kind: str) -> list[Told]:
        """What an account has, as far as anybody was told."""
        with self.lock:
            things = [*self.things.values()]
        return [one for one in things if (one.account, one.kind) == (account, kind) and not one.is_deleted]

    def made(self, told: Told, *, is_shared: bool) -> None:
        """Enter something new. Only one who shared a token may hear of it a second time."""
        (name,) = told.names
        with self.lock:
            assert is_shared or told.id not in self.things, f"two clients were told to have made {told.id}"
            self._taken.add((told.account, told.kind, name))
            if told.id not in self.things:
                self.things[told.id] = told
                self.estimates[told.account] += told.kind == ESTIMATE

    def renamed(self, told: Told, name: str, *, is_sure: bool = True) -> None:
        """Somebody gave it a name: it has this one, or another that was given at the same time.

        :param is_sure: else it may have the name that it had before.
        """
        with self.lock:
            self._taken.add((told.account, told.kind, name))
            if not is_sure:
                self._perhaps[told.id].add(name)
            elif told.id not in self._renamed:
                self._renamed.add(told.id)
                told.names = {*self._perhaps[told.id]}
            told.names.add(name)

    def noted(self, told: Told, note: str) -> None:
        """Somebody described it, likewise."""
        with self.lock:
            if told.id not in self._noted:
                told.notes = set()
            self._noted.add(told.id)
            told.notes.add(note)

    def lets_pass(self, seconds: int) -> bool:
        """Whether so much time may pass in this round after all that did."""
        with self.lock:
            if self._seconds + seconds > MOST_SECONDS:
                return False
            self._seconds += seconds
            return True

    def begin_round(self) -> None:
        """Whatever is written from now on takes the place of what was there."""
        self._seconds = 0
        self._renamed.clear()
        self._perhaps.clear()
        self._noted.clear()
        self.refused_names.clear()
        self.missed.clear()
        self._taken = {(one.account, one.kind, name) for one in self.things.values() for name in one.names}

    def settle(self) -> None:
        """Check what can be checked without looking: every refusal must have had its reason."""
        for wanted in self.refused_names:
            assert wanted in self._taken, f"refused for a name that nobody had: {wanted}"
        for id_ in self.missed:
            assert self.things[id_].is_deleted, f"{id_} was not found, and nobody deleted it"

    def must_be(self, account: str, kind: str, listed: Iterable[tuple[str, str]]) -> list[Told]:
        """Check that ids and names are what an account has, each once, and give it."""
        found, there = [*listed], {one.id: one for one in self.alive(account, kind)}
        ids, names = [id_ for id_, _ in found], [name for _, name in found]
        assert len(set(ids)) == len(ids), f"doubled: {Counter(ids).most_common(1)}"
        assert len(set(names)) == len(names), f"two {kind} of one name: {Counter(names).most_common(1)}"
        assert set(ids) - there.keys() == set(), f"nobody was told of these {kind}, or they were deleted"
        assert there.keys() - set(ids) == set(), f"these {kind} are lost"
        for id_, name in found:
            assert name in there[id_].names, f"{id_} has a name that nobody gave it last: {name}"
            there[id_].names = {name}
        return [there[id_] for id_ in ids]


def assert_whole(batches: dict[str, Batch], groups: dict[str, list[float]], *, is_all: bool = True) -> None:
    """Check amounts by the mark of their batch: of each batch that is there every line, with the same amount.

    :param is_all: whether each batch must be there as it was left; else it may be as it was at any time.
    """
    for mark, amounts in groups.items():
        assert len(amounts) == batches[mark].size, f"half a batch: {mark} has {amounts}"
        assert len(set(amounts)) == 1, f"half a change: {mark} has {amounts}"
    if is_all:
        for mark, each in batches.items():
            there = groups[mark][0] if mark in groups else None
            assert there in each.amounts, f"of {each.form} {mark} there is {there}, its client was told {each.amounts}"
            each.amounts = {there}


def by_mark(items: Iterable[dict[str, Any]]) -> dict[str, list[float]]:
    """The amounts of lines by the mark of their batch."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for item in items:
        quantity = item["quantities"][0] if "quantities" in item else item.get("quantity", {"amount": 0.0})
        found[item["group"]].append(quantity["amount"])
    return dict(found)
