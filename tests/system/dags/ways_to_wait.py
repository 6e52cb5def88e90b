"""A DAG of the tests: every way to wait, for an estimate that completes and for one of another account that fails."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, task

from bcm.sensors.pricing_calculator import BcmBillEstimateSensor


def tell(context: dict[str, Any]) -> None:
    """Callback: say into the task's log what has become of it."""
    logging.getLogger(__name__).info("callback: %s is %s", context["ti"].task_id, context["ti"].state.value)


CALLBACKS: dict[str, Any] = {f"on_{event}_callback": tell for event in ("success", "failure", "retry", "skipped")}
WAYS: dict[str, dict[str, Any]] = {
    "deferred": {},
    "rescheduled": {"mode": "reschedule", "poke_interval": 40},  # each look is a process
    "poked": {"deferrable": False},
    "triggered": {"start_from_trigger": True},
}

OTHER = {"aws_conn_id": "aws_other", "bill_estimate_id": "{{ params.bad }}"}
"""The estimate that fails."""

with DAG(
    "ways_to_wait",
    schedule=None,
    max_active_tasks=50,
    default_args=CALLBACKS,
    params={"good": Param("", type="string"), "bad": Param("", type="string")},
):
    for way, arguments in WAYS.items():
        BcmBillEstimateSensor(task_id=f"{way}_good", bill_estimate_id="{{ params.good }}", **arguments)
        BcmBillEstimateSensor(task_id=f"{way}_bad", **OTHER, **arguments)
        BcmBillEstimateSensor(task_id=f"{way}_soft_fail", soft_fail=True, **OTHER, **arguments)
        BcmBillEstimateSensor(task_id=f"{way}_never_fail", never_fail=True, **OTHER, **arguments)
        again = {"retries": 1, "retry_delay": timedelta(seconds=1)}
        BcmBillEstimateSensor(task_id=f"{way}_retried", **again, **OTHER, **arguments)

    @task
    def give(params: dict[str, Any] | None = None) -> str:
        """The estimate that completes."""
        return str((params or {})["good"])

    given = give()
    BcmBillEstimateSensor(task_id="triggered_by_output", bill_estimate_id=given, start_from_trigger=True)
    by_template = BcmBillEstimateSensor(
        task_id="triggered_by_template",
        bill_estimate_id='{{ ti.xcom_pull(task_ids="give", map_indexes=-1) }}',
        start_from_trigger=True,
    )
    given >> by_template

    @task
    def give_two(params: dict[str, Any] | None = None) -> list[str]:
        """Twice the estimate that completes."""
        return [(params or {})["good"]] * 2

    both = give_two()
    BcmBillEstimateSensor.partial(task_id="mapped_triggered", start_from_trigger=True).expand(bill_estimate_id=both)
    BcmBillEstimateSensor.partial(task_id="mapped_rescheduled", **WAYS["rescheduled"]).expand(bill_estimate_id=both)
