"""A DAG that the compose tests put beside the project's own: one deferred wait, then tasks that say where they ran."""

from __future__ import annotations

import socket
import time
from datetime import timedelta

from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor
from airflow.sdk import dag, task


@dag(dag_id="compose_probe", schedule=None, description="first version")
def compose_probe() -> None:
    """Keep more tasks busy at once than two workers have room for."""

    @task
    def where(number: int) -> str:
        time.sleep(10)
        return f"{number} ran on {socket.gethostname()}"

    wait = TimeDeltaSensor(task_id="wait", delta=timedelta(seconds=3), deferrable=True)
    wait >> where.expand(number=list(range(12)))


compose_probe()
