"""Everything that one emulator knows: its settings, its time, its accounts' exports and estimates."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from emulator.accounts import KeyRing
from emulator.clock import Clock, Timeline
from emulator.data_exports.delivery import DeliveryDesk
from emulator.data_exports.executions import Runner
from emulator.data_exports.state import ExportBook
from emulator.faults.effects import Faults
from emulator.journal import Journal
from emulator.moto import state as moto_state
from emulator.moto import storage
from emulator.organisation_cache import OrganisationCache
from emulator.pricing_calculator.estimate_desk import EstimateDesk
from emulator.pricing_calculator.state import CalculatorBook
from emulator.settings import Settings
from emulator.snapshots import Snapshots

if TYPE_CHECKING:
    from emulator.organisation import Organisation

# What a world keeps for as long as it lives, whatever state it is in.
_LASTING = frozenset(
    {
        "settings",
        "lock",
        "replacing",
        "clock",
        "faults",
        "journal",
        "keys",
        "snapshots",
        "_organisations",
        "_awaited_jumps",
    }
)


class World:
    """The state behind the port. ``lock`` guards all of it, moto's S3 included.

    Who replaces the state, or keeps a copy of all of it, holds ``replacing`` and takes it before ``lock``: a
    replacement lets ``lock`` go while it waits for what it gives up, and is half done then.

    moto keeps its state in module globals, so a process has one world at a time.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lock = threading.RLock()
        self.replacing = threading.RLock()
        self.clock = Clock(settings.start, settings.speed)
        self.faults = Faults(self.draw)
        self.journal = Journal()
        self.keys = KeyRing(settings.payer, self.lock)
        self.snapshots = Snapshots(self)
        self._awaited_jumps = 0
        self._organisations = OrganisationCache(
            settings, lambda account: self.draw("organisation", account).randrange(2**31)
        )
        self._begin()

    def organisation_of(self, account: str) -> Organisation:
        """Give the organisation that an account belongs to: the settings' own, or one of the account alone.

        An account that is not in the settings is a standalone account: its own payer, without members.
        """
        return self._organisations.of(account)

    def is_member(self, account: str) -> bool:
        """Say whether an account is a member of an organisation, and so not its own payer."""
        return account in self.settings.members

    def settle(self) -> None:
        """Let everything happen that is due by now. Never called with the lock held: the desks need it.

        After a jump of the clock this waits until everything due is delivered and worked out, so that who moves the
        clock finds what the time has brought.
        """
        jumps = self.clock.jumps
        if self.timeline.is_due(self.clock.now()):
            with self.lock:  # what waited for it may be in another time now: a restore goes back
                self.timeline.settle(self.clock.now())
        if jumps != self._awaited_jumps:
            now = self.clock.now()
            self.deliveries.wait(now)
            self.estimate_desk.wait(now)
            self._awaited_jumps = jumps

    @contextmanager
    def present(self) -> Iterator[datetime]:
        """Hold the world still at a moment at which everything due has happened; gives that moment."""
        self.settle()
        with self.still() as now:
            yield now

    @contextmanager
    def still(self) -> Iterator[datetime]:
        """As :meth:`present`, but what has just been handed to the desks is not waited for."""
        with self.lock:
            now = self.clock.now()
            self.timeline.settle(now)
            yield now

    def charges(self) -> list[dict[str, Any]]:
        """Give what AWS would charge for bill estimates until now, per account and month."""
        with self.present():
            return self.calculator.charges()

    def draw(self, *key: object) -> random.Random:
        """Give a source of chance that depends on the seed and on ``key`` alone."""
        return random.Random("|".join(map(str, (self.settings.seed, *key))))

    def reset(self) -> None:
        """Start again as at the start: time, buckets, services, moto's backends, faults and the log.

        Snapshots stay.
        """
        with self.replacing, self.lock:
            self.give_up()
            self.faults.clear()
            self.journal.clear()
            self.keys.forget()
            moto_state.clear()
            self.clock.set(self.settings.start or datetime.now(UTC))
            self.clock.speed = self.settings.speed
            self._begin()

    def close(self) -> None:
        """Give up what is under way and empty moto's backends: nothing of this world is left."""
        with self.replacing, self.lock:
            self.give_up()
            moto_state.clear()

    def give_up(self) -> None:
        """Give up deliveries and estimates under way.

        The caller holds ``replacing`` and ``lock``, which is let go meanwhile.
        """
        self.deliveries.close()
        self.estimate_desk.close()

    def state(self) -> dict[str, Any]:
        """Give what a snapshot keeps of the world beside its clock. Whoever adds an attribute has it kept."""
        kept = {name: value for name, value in vars(self).items() if name not in _LASTING}
        return {**kept, "faults": self.faults.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Put a state in the place of the present one. The caller holds ``replacing`` and ``lock``."""
        self.faults.restore(state["faults"])
        vars(self).update({name: value for name, value in state.items() if name != "faults"})

    def _begin(self) -> None:
        self.timeline = Timeline()
        self.exports = ExportBook()
        self.runner = Runner(self)
        self.deliveries = DeliveryDesk(self)
        self.estimate_desk = EstimateDesk(self)
        self.calculator = CalculatorBook()
        for account, name in self.settings.buckets:
            storage.create_bucket(account, name, self.settings.payer)
