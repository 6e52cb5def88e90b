"""The desk where bill estimates are worked out, and the one thread that does it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from emulator.desk import AbandonedError, Desk
from emulator.pricing_calculator.simulation import read_ahead, work_out
from emulator.pricing_calculator.state import Estimate

if TYPE_CHECKING:
    from emulator.pricing_calculator.estimation import EstimatedBill

_FAILURE = "The emulator failed to work out this estimate; its log says why"
_log = logging.getLogger(__name__)


class EstimateDesk(Desk[Estimate]):
    """Works out estimates beside the requests, as a large organisation's bill takes a minute to read.

    An estimate comes twice: when it is created, so that its bill is read while its hours pass, and when these are
    over. It is IN_PROGRESS until it is worked out.
    """

    thread_name = "emulator-estimates"

    def accept(self, estimate: Estimate) -> None:
        """Take an estimate, to be ended if it ``is_due``. The caller holds the world's lock."""
        self._hand_in(estimate.id, estimate)

    def _due(self, work: Estimate) -> Iterator[datetime]:
        if work.status == "IN_PROGRESS":
            yield work.ends_at

    def _do(self, work: Estimate) -> None:
        if work.status != "IN_PROGRESS":  # failed by a rule, or worked out: a snapshot can hold one twice
            return
        outcome: EstimatedBill | str = _FAILURE
        try:
            if not work.is_due:
                read_ahead(self._world, work, self._proceed)
                return
            outcome = work_out(self._world, work, self._proceed)
        except AbandonedError:
            return
        except Exception:
            _log.exception("estimate %s failed", work.id)
        with self._world.lock:
            if work.is_due:
                self._world.calculator.end_estimate(work, outcome)
