"""A DAG of the tests: as many waits as the run's configuration asks for, all through one connection."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, task

from bcm.sensors.data_exports import BcmExportExecutionSensor
from bcm.sensors.pricing_calculator import BcmBillEstimateSensor

with DAG(
    "many_waits",
    schedule=None,
    max_active_tasks=50,
    params={"estimates": Param([], type="array"), "exports": Param([], type="array")},
):

    @task
    def estimates(params: dict[str, Any] | None = None) -> list[str]:
        """The bill estimates to wait for."""
        return (params or {})["estimates"]

    @task
    def exports(params: dict[str, Any] | None = None) -> list[str]:
        """The exports of which to wait for an execution."""
        return (params or {})["exports"]

    BcmBillEstimateSensor.partial(task_id="await_estimate").expand(bill_estimate_id=estimates())
    BcmExportExecutionSensor.partial(task_id="await_execution").expand(export_arn=exports())
