"""The desk that deliveries are handed in at, and the one thread that writes them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime

from emulator.data_exports.shipment import Delivery, DeliveryRefusedError, Shipment
from emulator.desk import AbandonedError, Desk

_log = logging.getLogger(__name__)


class DeliveryDesk(Desk[Delivery]):
    """Takes deliveries as they fall due and writes them in order.

    An execution is DELIVERY_IN_PROCESS until its manifest is written. When the clock jumps a month, ninety deliveries
    to one partition fall due at once. In overwrite mode no client can ever see any but the last, so only the last is
    written; in create-new mode every run keeps its folder.
    """

    thread_name = "emulator-deliveries"

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
        self._hand_in(shipment.place, delivery)

    def _due(self, work: Delivery) -> Iterator[datetime]:
        return (each.at for each in (work, *work.earlier))

    def _do(self, work: Delivery) -> None:
        def proceed() -> None:
            self._proceed()
            if not self._world.exports.holds(work.record):
                raise AbandonedError

        try:
            Shipment(self._world, work, proceed).send()
        except AbandonedError:
            _log.info("delivery of %s, execution %s, abandoned", work.record.arn, work.execution.id)
        except DeliveryRefusedError:
            with self._world.lock:
                work.fail("INSUFFICIENT_PERMISSION")
        except Exception:
            _log.exception("delivery of %s, execution %s, failed", work.record.arn, work.execution.id)
            with self._world.lock:
                work.fail("INTERNAL_FAILURE")
