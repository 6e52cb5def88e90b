"""A desk: work is handed in, and one thread does it, in order and beside the requests."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from emulator.clock import LAST

if TYPE_CHECKING:
    from emulator.world import World

Work = TypeVar("Work")
_log = logging.getLogger(__name__)


class AbandonedError(Exception):
    """What is under way is of no use any more."""


class Desk(ABC, Generic[Work]):
    """Work that waits, what is under way, and the thread that does it, which lives while there is any.

    What is due first is done first: who waits for it does not wait for what was handed in before and is due later.

    All of it is under the world's lock, which the thread holds only where :meth:`_do` takes it.
    """

    thread_name: ClassVar[str]

    def __init__(self, world: World) -> None:
        self._world = world
        self._changed = threading.Condition(world.lock)
        self._waiting: dict[object, Work] = {}
        self._under_way: Work | None = None
        self._worker: threading.Thread | None = None
        self._is_closed = False

    def wait(self, until: datetime) -> None:
        """Wait until everything due by ``until`` is done. The world's lock is let go meanwhile."""
        if not self._waiting and self._worker is None:
            return
        with self._changed:
            self._see_to_worker()
            self._changed.wait_for(lambda: not self._owes(until))

    def close(self) -> None:
        """Forget what is waiting, give up what is under way, and wait until the thread has ended."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.wait_for(lambda: self._worker is None)

    @abstractmethod
    def _do(self, work: Work) -> None:
        """Do one piece of work, in the desk's thread and without the world's lock.

        What takes long calls :meth:`_proceed` now and then. What is raised is logged, and the work is over.
        """

    @abstractmethod
    def _due(self, work: Work) -> Iterable[datetime]:
        """Give the moments at which what ``work`` brings is due; none if nobody waits for it."""

    def _proceed(self) -> None:
        """Check that there is still somebody to work for.

        :raises AbandonedError: if the desk is closed.
        """
        if self._is_closed:
            raise AbandonedError

    def _hand_in(self, key: object, work: Work) -> None:
        """Have work done; what waits under the same key is replaced. The caller holds the world's lock."""
        if not self._is_closed:
            self._waiting[key] = work
            self._see_to_worker()

    def __getstate__(self) -> dict[str, Any]:
        """What a snapshot keeps: what is not done yet, and of what is half done all of it."""
        under_way = {} if self._under_way is None else {object(): self._under_way}
        return {"world": self._world, "waiting": {**under_way, **self._waiting}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Desk.__init__(self, state["world"])
        self._waiting = state["waiting"]

    def _owes(self, until: datetime) -> bool:
        pending = [*self._waiting.values(), *([] if self._under_way is None else [self._under_way])]
        return any(at <= until for work in pending for at in self._due(work))

    def _see_to_worker(self) -> None:
        """Have a thread do what is waiting, also what a snapshot brought back."""
        if self._waiting and self._worker is None:
            self._worker = threading.Thread(target=self._do_all, name=self.thread_name, daemon=True)
            self._worker.start()

    def _do_all(self) -> None:
        while (work := self._next()) is not None:
            try:
                self._do(work)
            except Exception:  # a thread that died here would be waited for without end
                _log.exception("what was done by %s failed", self.thread_name)

    def _next(self) -> Work | None:
        with self._changed:
            key = min(self._waiting, key=lambda each: min(self._due(self._waiting[each]), default=LAST), default=None)
            self._under_way = None if key is None else self._waiting.pop(key)
            if self._under_way is None:
                self._worker = None
            self._changed.notify_all()
            return self._under_way
