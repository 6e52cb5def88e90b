"""The organisations behind the accounts: one for the accounts of the settings, one of its own for every other."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import date
from typing import TYPE_CHECKING, Generic, TypeVar

from emulator.settings import Settings

if TYPE_CHECKING:
    from emulator.organisation import Organisation, UsageLine

# Enough for a hundred payers at once; an organisation that fell out is made again, the same from the same seed.
_KEPT = 128
Value = TypeVar("Value")


class OrganisationCache:
    """Organisations and their monthly usage, made when they are first needed and kept while there is room.

    Everything follows from the settings and the account alone, so nothing of this belongs into a snapshot.

    :param seed_of: gives the seed of a standalone account's organisation.
    """

    def __init__(self, settings: Settings, seed_of: Callable[[str], int]) -> None:
        self._settings = settings
        self._seed_of = seed_of
        self._organisations: _Recent[Organisation] = _Recent()
        self._usage: _Recent[list[UsageLine]] = _Recent()

    def of(self, account: str) -> Organisation:
        """Give the organisation that an account belongs to."""
        head = self._head(account)
        return self._organisations.get(head, lambda: self._make(head))

    def usage(self, account: str, month: date) -> list[UsageLine]:
        """Give the whole organisation's usage in the month that starts on ``month``."""
        return self._usage.get((self._head(account), month), lambda: self.of(account).usage(month))

    def _head(self, account: str) -> str:
        return self._settings.payer if account in self._settings.accounts else account

    def _make(self, head: str) -> Organisation:
        # Here and not above: the engine behind it would double the time to the ready line.
        from emulator.organisation import Organisation

        settings = self._settings
        if head == settings.payer:
            return Organisation(settings.seed, head, settings.members, settings.rows)
        return Organisation(self._seed_of(head), head, (), settings.rows)


class _Recent(Generic[Value]):
    """The values that were used last."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._values: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        with self._lock:
            if key not in self._values:
                self._values[key] = make()
            self._values.move_to_end(key)
            while len(self._values) > _KEPT:
                self._values.popitem(last=False)
            return self._values[key]
