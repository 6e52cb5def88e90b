"""The desk that deliveries are handed in at, and the one thread that writes them."""

from __future__ import annotations

import logging
import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any

from emulator.data_exports.shipment import Delivery, DeliveryRefusedError, Shipment

if TYPE_CHECKING:
    from emulator.world import World

_log = logging.getLogger(__name__)


class _AbandonedError(Exception):
    """The desk is closed, or the export is deleted: what is being written is of no use."""


class DeliveryDesk:
    """Takes deliveries as they fall due and writes them in order, in a thread that lives while there are any.

    An execution is DELIVERY_IN_PROCESS until its manifest is written. When the clock jumps a month, ninety deliveries
    to one partition fall due at once. In overwrite mode no client can ever see any but the last, so only the last is
    written; in create-new mode every run keeps its folder.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._changed = threading.Condition(world.lock)
        self._waiting: dict[object, Delivery] = {}
        self._under_way: Delivery | None = None
        self._writer: threading.Thread | None = None
        self._is_closed = False

    def accept(self, delivery: Delivery) -> None:
        """Take a delivery that is due. The caller holds the world's lock.

        If the bucket refuses it at this moment it has failed at once.
        """
        if self._is_closed:
            return
        shipment = Shipment(self._world, delivery, lambda: None)
        if not shipment.permitted():
            delivery.fail("INSUFFICIENT_PERMISSION")
            return
        if older := self._waiting.get(shipment.place):
            delivery.earlier, older.earlier = [*older.earlier, older], []
        self._waiting[shipment.place] = delivery
        self._see_to_writer()

    def wait(self, until: datetime) -> None:
        """Wait until everything due by ``until`` is written. The world's lock is let go meanwhile."""
        if not self._waiting and self._writer is None:
            return
        with self._changed:
            self._see_to_writer()
            self._changed.wait_for(lambda: not self._owes(until))

    def close(self) -> None:
        """Forget what is waiting, give up what is under way, and wait until the thread has ended."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.wait_for(lambda: self._writer is None)

    def __getstate__(self) -> dict[str, Any]:
        """What a snapshot keeps: what is not written yet, and of what is half written all of it."""
        waiting = dict(self._waiting)
        if self._under_way:
            waiting = {self._under_way.execution.id: self._under_way, **waiting}
        return {"world": self._world, "waiting": waiting}

    def __setstate__(self, state: dict[str, Any]) -> None:
        DeliveryDesk.__init__(self, state["world"])
        self._waiting = state["waiting"]

    def _owes(self, until: datetime) -> bool:
        pending = [*self._waiting.values(), *([self._under_way] if self._under_way else [])]
        return any(each.at <= until for delivery in pending for each in (delivery, *delivery.earlier))

    def _see_to_writer(self) -> None:
        """Have a thread write what is waiting, also what a snapshot brought back."""
        if self._waiting and self._writer is None:
            self._writer = threading.Thread(target=self._write_all, name="emulator-deliveries", daemon=True)
            self._writer.start()

    def _write_all(self) -> None:
        while delivery := self._next():
            self._write(delivery)

    def _next(self) -> Delivery | None:
        with self._changed:
            key = next(iter(self._waiting), None)
            self._under_way = self._waiting.pop(key) if key else None
            if self._under_way is None:
                self._writer = None
            self._changed.notify_all()
            return self._under_way

    def _write(self, delivery: Delivery) -> None:
        def proceed() -> None:
            if self._is_closed or not self._world.exports.holds(delivery.record):
                raise _AbandonedError

        try:
            Shipment(self._world, delivery, proceed).send()
        except _AbandonedError:
            _log.info("delivery of %s, execution %s, abandoned", delivery.record.arn, delivery.execution.id)
        except DeliveryRefusedError:
            with self._world.lock:
                delivery.fail("INSUFFICIENT_PERMISSION")
        except Exception:
            _log.exception("delivery of %s, execution %s, failed", delivery.record.arn, delivery.execution.id)
            with self._world.lock:
                delivery.fail("INTERNAL_FAILURE")
