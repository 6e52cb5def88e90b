"""Which process is killed when, and how: all of it drawn from the seed before anything starts."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

VICTIMS = (
    "scheduler-1",
    "scheduler-2",
    "triggerer-1",
    "triggerer-2",
    "worker-1",
    "worker-2",
    "dag-processor",
    "api-server",
)
MANNERS = {"machine": 2, "main": 1, "child": 1}
"""How often each comes. `machine`: the process and all that it has started, as when a machine is lost. `main`: it
alone, as the kernel ends a process when memory runs out; what it has started lives on. `child`: one that it has
started, of a worker a task's process if there is one; of what has started none, itself."""
SINGLE = ("dag-processor", "api-server")
"""There is one of these. They are spared every second time round: while there is no API server, no task can do
anything, and its start takes many seconds of two busy cores."""
WORKERS = ("worker-1", "worker-2")
"""They are struck in the place of those: what is lost or doubled is lost or doubled in the middle of a task."""
PAUSES = (4.0, 10.0)
"""The shortest and the longest time between two kills, in seconds."""


@dataclass(frozen=True)
class Kill:
    """One SIGKILL.

    Args:
        at: seconds after the first run was launched.
        victim: one of `VICTIMS`.
        manner: one of `MANNERS`.
        pick: from 0 to below 1, which one of the children; how many there are is known only then.
    """

    at: float
    victim: str
    manner: str
    pick: float


def kills(seed: int, seconds: float) -> list[Kill]:
    """The kills of `seconds`, in their order; the same for the same seed.

    Victims come from a bag that is filled anew when it is empty: chance decides who is next, but everybody's turn
    comes. A longer campaign of the same seed begins like a shorter one.
    """
    chance = Random(seed)
    found: list[Kill] = []
    bag: list[str] = []
    rounds = 0
    at = chance.uniform(*PAUSES)
    while at <= seconds:
        if not bag:
            bag = [*VICTIMS] if rounds % 2 == 0 else [*(name for name in VICTIMS if name not in SINGLE), *WORKERS]
            chance.shuffle(bag)
            rounds += 1
        (manner,) = chance.choices([*MANNERS], [*MANNERS.values()])
        found.append(Kill(round(at, 2), bag.pop(), manner, round(chance.random(), 4)))
        at += chance.uniform(*PAUSES)
    return found
