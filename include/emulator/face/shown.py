"""What a section of the status page shows of many things, however many there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

MOST = 20
"""How many of a kind are shown, whatever it is: the page stays one that a person can read."""
Item = TypeVar("Item")


@dataclass(frozen=True)
class Shown:
    """The first of many.

    :param urgent: how many of all there are that want to be seen first.
    """

    items: list[Any]
    total: int
    urgent: int = 0

    @property
    def hidden(self) -> int:
        """How many there are that are not shown."""
        return self.total - len(self.items)

    @property
    def urgent_hidden(self) -> int:
        """How many of these are urgent."""
        return max(0, self.urgent - len(self.items))

    @classmethod
    def first(cls, things: Sequence[Any], most: int = MOST) -> Shown:
        """Take the first of ``things`` as they are."""
        return cls(list(things[:most]), len(things))

    @classmethod
    def newest(
        cls,
        things: Sequence[Item],
        describe: Callable[[Item], dict[str, Any]],
        urgent: Callable[[Item], bool] = lambda thing: False,
        most: int = MOST,
    ) -> Shown:
        """Describe the urgent ones of ``things``, which are in the order of their age, and then the newest."""
        ordered = list(reversed(things))
        ordered.sort(key=urgent, reverse=True)  # stable: each part stays the newest first
        return cls([describe(thing) for thing in ordered[:most]], len(things), sum(map(urgent, things)))
