"""The organisations behind the accounts: one for the accounts of the settings, one of its own for every other."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from emulator.settings import Settings

if TYPE_CHECKING:
    from emulator.organisation import Organisation

# Enough for a hundred payers at once; an organisation that fell out is made again, the same from the same seed.
_KEPT = 128


class OrganisationCache:
    """Organisations, made when they are first needed and kept while there is room.

    Everything follows from the settings and the account alone, so nothing of this belongs into a snapshot.

    :param seed_of: gives the seed of a standalone account's organisation.
    """

    def __init__(self, settings: Settings, seed_of: Callable[[str], int]) -> None:
        self._settings = settings
        self._seed_of = seed_of
        self._lock = threading.Lock()
        self._recent: OrderedDict[str, Organisation] = OrderedDict()

    def of(self, account: str) -> Organisation:
        """Give the organisation that an account belongs to."""
        head = self._settings.payer if account in self._settings.accounts else account
        with self._lock:
            if head not in self._recent:
                self._recent[head] = self._make(head)
            self._recent.move_to_end(head)
            if len(self._recent) > _KEPT:
                self._recent.popitem(last=False)
            return self._recent[head]

    def _make(self, head: str) -> Organisation:
        # Here and not above: the engine behind it would double the time to the ready line.
        from emulator.organisation import Organisation

        settings = self._settings
        if head == settings.payer:
            return Organisation(settings.seed, head, settings.members, settings.rows)
        return Organisation(self._seed_of(head), head, (), settings.rows)
