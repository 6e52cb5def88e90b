"""Both sensors, and how to catch their deferral."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import (
    TaskDeferred,
)
from tests.unit.bcm.support import StateStore, a_context

from bcm.sensors.data_exports import BcmExportExecutionSensor
from bcm.sensors.pricing_calculator import BcmBillEstimateSensor

HOUR = 3600.0


def of_estimate(estimate: str, **kwargs: Any) -> BcmBillEstimateSensor:
    return BcmBillEstimateSensor(task_id="t", bill_estimate_id=estimate, **kwargs)


def of_execution(arn: str, **kwargs: Any) -> BcmExportExecutionSensor:
    return BcmExportExecutionSensor(task_id="t", export_arn=arn, **kwargs)


def deferral(sensor: Any, context: Any = None) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as caught:
        sensor.execute(context or a_context(StateStore()))
    return caught.value
