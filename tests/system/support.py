"""What the tests of this level do with a running stack: AWS's side, Airflow's side, and waiting for either."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote

from stack import logs, reports
from stack.deployment import Stack
from stack.rest import Run

LIMIT = 240.0
"""Seconds until a wait is given up. An idle machine needs a tenth of it; a shared one may need all."""
HOUR = 3600
LOG_LINES = 12


_client = cache(reports.client)


def until(done: Callable[[], Any], what: str, story: Callable[[], str] = str, limit: float = LIMIT) -> Any:
    """Return what `done()` answers as soon as that is true; fail with `what` was expected and the `story`."""
    deadline = time.monotonic() + limit
    while not (answer := done()):
        assert time.monotonic() < deadline, f"expected within {limit:.0f} s: {what}\n{story()}"
        time.sleep(0.3)
    return answer


@dataclass(frozen=True)
class Aws:
    """The emulator of a stack, as AWS and by its control API.

    Args:
        url: its address.
    """

    url: str

    def client(self, service: str) -> Any:
        """A boto3 client with the payer's credentials."""
        return _client(service, self.url)

    def _control(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        call = urllib.request.Request(f"{self.url}/_emulator/{path}", data, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(call, timeout=60) as answer:
            return json.load(answer)

    def advance(self, hours: float) -> None:
        """Let emulated hours pass at once."""
        self._control("POST", "clock", {"advance_seconds": hours * HOUR})

    def fault(self, **rule: Any) -> None:
        """Put a fault rule in force (include/emulator/faults/effects.py)."""
        self._control("POST", "faults", rule)

    def heal(self) -> None:
        """Lift all fault rules."""
        self._control("DELETE", "faults")

    def requests(self, operation: str) -> list[dict[str, Any]]:
        """The requests of one operation so far."""
        return list(self._control("GET", f"requests?operation={operation}")["requests"])

    def counts(self) -> dict[str, dict[str, int]]:
        """Calls and errors so far, by operation."""
        return dict(self._control("GET", "requests/counts"))

    def charges(self) -> list[dict[str, Any]]:
        """What AWS charges for bill estimates, by account and month."""
        return list(self._control("GET", "charges")["charges"])

    def deletions(self) -> list[str]:
        """The names of all operations so far that delete something of the two billing services."""
        found = self._control("GET", "requests")["requests"]
        return [each["operation"] for each in found if each["service"] != "s3" and "Delete" in each["operation"]]

    def exports(self) -> dict[str, str]:
        """The ARNs of all exports by name."""
        pages = self.client("bcm-data-exports").get_paginator("list_exports").paginate()
        return {each["ExportName"]: each["ExportArn"] for page in pages for each in page["Exports"]}

    def delete_exports(self, *names: str) -> None:
        """Delete the exports of these names, for they count against a quota."""
        client = self.client("bcm-data-exports")
        for name, arn in self.exports().items():
            if name in names:
                client.delete_export(ExportArn=arn)

    def estimates(self, prefix: str = "") -> list[dict[str, Any]]:
        """All bill estimates whose name begins with `prefix`."""
        pages = self.client("bcm-pricing-calculator").get_paginator("list_bill_estimates").paginate()
        return [each for page in pages for each in page["items"] if each["name"].startswith(prefix)]

    def new_estimates(self, prefix: str, number: int) -> list[str]:
        """Create bill estimates, each of an empty scenario of its own, and return their ids."""
        client = self.client("bcm-pricing-calculator")
        ids = []
        for index in range(number):
            scenario = client.create_bill_scenario(name=f"{prefix}-{index}")
            ids.append(client.create_bill_estimate(name=f"{prefix}-{index}", billScenarioId=scenario["id"])["id"])
        return ids

    def objects(self, uri: str) -> list[str]:
        """The keys below an S3 URI."""
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", ())]

    def read(self, uri: str) -> bytes:
        """The content of an object."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return bytes(self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())

    def write(self, uri: str, body: bytes) -> None:
        """Put an object."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=body)


class DagRun:
    """One DAG run in a stack.

    Args:
        stack: where it runs.
        dag_id: its DAG.
        conf: its Params.
    """

    def __init__(self, stack: Stack, dag_id: str, conf: dict[str, Any] | None = None) -> None:
        self.stack = stack
        self.run: Run = stack.airflow.trigger(dag_id, conf)

    def task(self, task_id: str, map_index: int = -1) -> dict[str, Any]:
        """The task instance as the API describes it, empty if it is not there yet."""
        found = (each for each in self.tasks(task_id) if each["map_index"] == map_index)
        return next(found, {})

    def tasks(self, task_id: str) -> list[dict[str, Any]]:
        """The task's instances, more than one if it is mapped."""
        return [each for each in self.stack.airflow.tasks(self.run) if each["task_id"] == task_id]

    def state(self, task_id: str, map_index: int = -1) -> str:
        """The task instance's state, or nothing."""
        return str(self.task(task_id, map_index).get("state") or "")

    def xcom(self, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """What the task pushed."""
        return self.stack.airflow.xcom(self.run, task_id, key, map_index)

    def summary(self) -> dict[str, Any]:
        """What `run_reports` returned; an export's is mapped over billing periods, of which there must be one."""
        (task,) = self.tasks("run_reports")
        return dict(self.xcom("run_reports", map_index=task["map_index"]))

    def log_text(self, task_id: str, try_number: int = 1, map_index: int = -1) -> str:
        """The task's log as a person reads it."""
        return "\n".join(logs.lines(self.stack.log(self.run, task_id, try_number, map_index), 1000))

    def reach(self, task_id: str, *states: str, map_index: int = -1) -> str:
        """Wait until the task has one of these states; return it."""
        return str(
            until(
                lambda: (now := self.state(task_id, map_index)) in states and now,
                f"{self.run.dag_id}: {task_id} {' or '.join(states)}",
                self.story,
            )
        )

    def end(self, state: str) -> None:
        """Wait for the run's end, which must be `state`."""
        ended = until(
            lambda: (now := self.stack.airflow.state(self.run)) in ("success", "failed") and now,
            f"the end of {self.run.dag_id}",
            self.story,
        )
        assert ended == state, f"expected {state}, not {ended}:\n{self.story()}"

    def clear(self, *task_ids: str) -> None:
        """Clear these tasks, and no others, as the UI's button does."""
        body = {
            "dry_run": False,
            "dag_run_id": self.run.run_id,
            "task_ids": list(task_ids),
            "only_failed": False,
            "reset_dag_runs": True,
        }
        self.stack.airflow.request("POST", f"/api/v2/dags/{quote(self.run.dag_id)}/clearTaskInstances", body)

    def mark(self, task_id: str, state: str, map_index: int = -1) -> None:
        """Mark the task as failed or successful, as the UI's button does."""
        path = f"{self.run.path}/taskInstances/{task_id}" + (f"/{map_index}" if map_index >= 0 else "")
        self.stack.airflow.request("PATCH", path, {"new_state": state})

    def story(self) -> str:
        """The states of all tasks, the ends of the logs of those that are not done, and where all logs are."""
        told = [f"the run {self.run.run_id} of {self.run.dag_id}:"]
        for task in self.stack.airflow.tasks(self.run):
            told.append(f"  {task['task_id']}[{task['map_index']}] {task['state']}, try {task['try_number']}")
            if task["state"] not in (None, "success"):
                events = self.stack.log(self.run, task["task_id"], max(task["try_number"], 1), task["map_index"])
                told += [f"    {line}" for line in logs.lines(events, LOG_LINES)]
        return "\n".join([*told, f"all logs: {self.stack.layout.logs}"])
