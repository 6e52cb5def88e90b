"""How far runs are on a stack, and emulated time that passes at once."""

from __future__ import annotations

import json
import urllib.request

from stack.deployment import Stack
from stack.rest import Run

DAY = 86_400


def wait_deferred(stack: Stack, *runs: Run) -> None:
    """Wait until each of the runs has a deferred task."""
    for run in runs:
        stack.wait(
            lambda run=run: any(task["state"] == "deferred" for task in stack.airflow.tasks(run)),
            f"the wait of {run.dag_id}",
        )


def wait_successful(stack: Stack, *runs: Run) -> None:
    """Wait until each of the runs has succeeded."""

    def successful(run: Run) -> bool:
        state = stack.airflow.state(run)
        assert state != "failed", f"{run.dag_id} failed; the logs are in {stack.layout.logs}"
        return state == "success"

    for run in runs:
        stack.wait(lambda run=run: successful(run), run.dag_id)


def advance(stack: Stack, seconds: int) -> None:
    """Let emulated time pass at once."""
    body = json.dumps({"advance_seconds": seconds}).encode()
    headers = {"Content-Type": "application/json"}
    call = urllib.request.Request(f"{stack.emulator_url}/_emulator/clock", body, headers, method="POST")
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(call, timeout=60).close()
