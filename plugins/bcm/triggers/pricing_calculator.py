"""Waits on the AWS Pricing Calculator in the triggerer."""

from __future__ import annotations

from typing import Any

from bcm.hooks.pricing_calculator import BcmPricingCalculatorHook
from bcm.looks import EstimateLook
from bcm.triggers.base import BcmBaseTrigger


class BcmBillEstimateTrigger(BcmBaseTrigger):
    """Fires when a bill estimate has ended.

    The event is a verdict of ``bcm.statuses``: ``outcome`` (success, estimate_failed, vanished, refused,
    unknown_status, timeout), and for an estimate its ``bill_estimate_id``, ``name``, ``status``,
    ``historical_cost``, ``estimated_cost``, ``currency`` and ``expires_at``.

    :param bill_estimate_id: the bill estimate
    :param kwargs: see :class:`bcm.triggers.base.BcmBaseTrigger`
    """

    hook_class = BcmPricingCalculatorHook

    def __init__(self, *, bill_estimate_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bill_estimate_id = bill_estimate_id

    def awaited(self) -> dict[str, Any]:
        """Return the arguments that say what is awaited."""
        return {"bill_estimate_id": self.bill_estimate_id}

    def look(self) -> EstimateLook:
        """Return what this trigger looks at."""
        return EstimateLook(self.bill_estimate_id)
