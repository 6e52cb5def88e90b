"""Wait for a bill estimate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields

from bcm.hooks.pricing_calculator import BcmPricingCalculatorHook
from bcm.links import PricingCalculatorLink
from bcm.looks import EstimateLook
from bcm.sensors.base import BcmBaseSensor
from bcm.triggers.pricing_calculator import BcmBillEstimateTrigger


class BcmBillEstimateSensor(BcmBaseSensor):
    """Wait until a bill estimate is complete, which takes AWS between 20 minutes and 12 hours.

    .. seealso:: https://docs.aws.amazon.com/cost-management/latest/userguide/pc-create-bill-estimate.html

    Returns ``bill_estimate_id``, ``name``, ``status``, ``historical_cost``, ``estimated_cost`` and ``currency``.

    :param bill_estimate_id: id of the bill estimate (templated)
    :param timeout: seconds until the wait gives up; default 14 hours
    :param kwargs: see :class:`bcm.sensors.base.BcmBaseSensor`
    :raises BillEstimateFailedError: on FAILED, with AWS's failureMessage
    :raises ResourceVanishedError: when the estimate was deleted or has expired
    :raises UnknownStatusError: on a status that this version does not know
    :raises AirflowSensorTimeout: when ``timeout`` has passed
    """

    aws_hook_class = BcmPricingCalculatorHook
    link = PricingCalculatorLink
    operator_extra_links = (PricingCalculatorLink(),)
    template_fields: Sequence[str] = aws_template_fields("expected_account_id", "bill_estimate_id")

    def __init__(
        self, *, bill_estimate_id: str, timeout: timedelta | float = timedelta(hours=14), **kwargs: Any
    ) -> None:
        super().__init__(timeout=timeout, **kwargs)
        self.bill_estimate_id = bill_estimate_id
        self._start_in_triggerer()

    def look(self) -> EstimateLook:
        """Return what this sensor looks at."""
        return EstimateLook(self.bill_estimate_id)

    def trigger(self, **shared: Any) -> BcmBillEstimateTrigger:
        """Return the trigger that goes on looking."""
        return BcmBillEstimateTrigger(bill_estimate_id=self.bill_estimate_id, **shared)
