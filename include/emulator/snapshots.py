"""Snapshots: everything that an emulator knows at one moment, kept under a name, to go back to."""

from __future__ import annotations

import io
import pickle
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from emulator.moto.state import MotoState

if TYPE_CHECKING:
    from emulator.world import World

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class _Snapshot:
    name: str
    now: datetime
    speed: float
    world: bytes
    moto: MotoState

    def describe(self) -> dict[str, Any]:
        return {"name": self.name, "now": self.now.isoformat(), "left_out": self.moto.left_out}


class Snapshots:
    """The snapshots of one world, in memory: they end with the process.

    A snapshot holds the clock (time and speed), what is to come, exports with what they delivered, scenarios,
    estimates, tags, preferences, fault rules with what is left of them, and moto's services. The log of requests is
    not of it, nor are the snapshots themselves: neither goes back in time.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._kept: dict[str, _Snapshot] = {}

    def take(self, name: Any) -> dict[str, Any]:
        """Keep everything under a name; a snapshot that had the name is replaced.

        :returns: ``name``, ``now`` (emulated, ISO 8601) and ``left_out``, services of moto's that hold something that
            cannot be copied, such as a Batch job, also one that has ended: a restore leaves these as they are.
        :raises ValueError: if the name is not 1 to 64 letters, digits, dots, underscores and hyphens.
        """
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(
                f"snapshots: name must be 1 to 64 letters, digits, dots, underscores or hyphens, not {name!r}"
            )
        world = self._world
        world.settle()  # before others are kept out: what is due can take minutes, and a stop would wait for it
        with world.replacing, world.still() as now:
            buffer = io.BytesIO()
            _Pickler(buffer, world).dump(world.state())
            snapshot = _Snapshot(name, now, world.clock.speed, buffer.getvalue(), MotoState.take())
            self._kept.pop(name, None)
            self._kept[name] = snapshot
        return snapshot.describe()

    def restore(self, name: Any) -> dict[str, Any]:
        """Go back to a snapshot, which stays.

        :returns: as :meth:`take`.
        :raises LookupError: if there is none of this name.
        """
        world = self._world
        with world.replacing, world.lock:
            snapshot = self._find(name)
            state = _Unpickler(io.BytesIO(snapshot.world), world).load()
            world.give_up()
            world.keys.forget()
            snapshot.moto.put()
            world.restore(state)
            world.clock.speed = snapshot.speed
            world.clock.set(snapshot.now)
        return snapshot.describe()

    def list(self) -> list[dict[str, Any]]:
        """Describe the snapshots, the oldest first."""
        with self._world.lock:
            return [snapshot.describe() for snapshot in self._kept.values()]

    def delete(self, name: Any = None) -> None:
        """Drop a snapshot, or all of them without a name.

        :raises LookupError: if there is none of this name.
        """
        with self._world.lock:
            for snapshot in [self._find(name)] if name is not None else list(self._kept.values()):
                del self._kept[snapshot.name]

    def _find(self, name: Any) -> _Snapshot:
        if not isinstance(name, str) or name not in self._kept:
            known = ", ".join(self._kept) or "none"
            raise LookupError(f"snapshots: there is no snapshot {name!r}; there are {known}")
        return self._kept[name]


class _Pickler(pickle.Pickler):
    """What is to come refers to the world that it happens in: in a snapshot that is a mere name."""

    def __init__(self, file: io.BytesIO, world: World) -> None:
        super().__init__(file)
        self._world = world

    def persistent_id(self, thing: Any) -> str | None:
        return "world" if thing is self._world else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, world: World) -> None:
        super().__init__(file)
        self._world = world

    def persistent_load(self, name: Any) -> World:
        return self._world
