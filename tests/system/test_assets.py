"""A watched asset starts the manual's DAG for each delivery of an export, whatever happens to the triggerer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.system.support import Aws, until

from finops.definitions import load_exports
from stack.deployment import Stack
from stack.layout import REPO
from stack.rest import Run

pytestmark = pytest.mark.timeout(900)

EXPORT, ASSET, DAG_ID = "watched", "watched_delivered", "on_delivery"


def example() -> str:
    """The manual's DAG file, for the export of this test."""
    blocks = re.findall(r"```python\n(.*?)```", (REPO / "docs" / "operators.md").read_text(), re.DOTALL)
    (block,) = [block for block in blocks if DAG_ID in block]
    return str(block).replace("cur2-daily", EXPORT)


@dataclass(frozen=True)
class Watched:
    """The export, and what came of its deliveries.

    Args:
        stack: where the DAG is.
        aws: where the export is.
        arn: the export's.
    """

    stack: Stack
    aws: Aws
    arn: str

    def delivered(self) -> set[str]:
        """The ids of the executions that have delivered."""
        pages = self.aws.client("bcm-data-exports").get_paginator("list_executions").paginate(ExportArn=self.arn)
        found = [each for page in pages for each in page["Executions"]]
        return {e["ExecutionId"] for e in found if e["ExecutionStatus"]["StatusCode"] == "DELIVERY_SUCCESS"}

    def _asset(self) -> int:
        (asset,) = self.stack.airflow.request("GET", "/api/v2/assets", name_pattern=ASSET)["assets"]
        return int(asset["id"])

    def fired(self) -> Counter[str]:
        """How many asset events there are of each execution."""
        events = self.stack.airflow.request("GET", "/api/v2/assets/events", asset_id=self._asset(), limit=100)
        return Counter(event["extra"]["payload"]["execution_id"] for event in events["asset_events"])

    def remembered(self) -> set[str]:
        """The ids in the asset's state store."""
        kept = self.stack.airflow.request("GET", f"/api/v2/assets/{self._asset()}/state-store")["asset_state_store"]
        return {execution for each in kept for execution in each["value"]["over"]}

    def used(self) -> Counter[str]:
        """How often the DAG's runs have used each execution."""
        found = self.stack.airflow.request("GET", f"/api/v2/dags/{DAG_ID}/dagRuns", limit=100)["dag_runs"]
        runs = [Run(DAG_ID, each["dag_run_id"]) for each in found]
        return Counter(each for run in runs for each in self.stack.airflow.results(run, "use"))

    def settle(self) -> None:
        """Wait until all that has been delivered has been fired, remembered and used."""
        delivered = self.delivered()
        until(lambda: delivered <= self.fired().keys(), f"an asset event of each of {delivered}", self.story)
        until(lambda: delivered <= self.remembered(), f"a memory of each of {delivered}", self.story)
        until(lambda: delivered <= self.used().keys(), f"a run that uses each of {delivered}", self.story)

    def look(self) -> None:
        """Wait for a look that begins from now on."""
        looks = len(self.aws.requests("ListExecutions"))
        until(lambda: len(self.aws.requests("ListExecutions")) > looks + 1, "a look of the watcher", self.story)

    def story(self) -> str:
        """What there is of it."""
        return (
            f"fired {self.fired()}\nremembered {self.remembered()}\nused {self.used()}\nlogs: {self.stack.layout.logs}"
        )


@pytest.fixture(scope="module")
def watched(stack: Stack, aws: Aws) -> Iterator[Watched]:
    """An export that the manual's DAG watches; its first deliveries came after the watcher's first look."""
    dag = stack.layout.dags / "on_delivery.py"
    dag.write_text(example())
    stack.wait_for_dags(DAG_ID)
    looks = len(aws.requests("ListExports"))
    until(lambda: len(aws.requests("ListExports")) > looks, "a look of the watcher for its export")
    (crash,) = [each for each in load_exports(stack.layout.include / "exports").definitions if each.name == "crash"]
    export = {**crash.to_export(), "Name": EXPORT}
    arn = aws.client("bcm-data-exports").create_export(Export=export)["ExportArn"]
    yield Watched(stack, aws, arn)
    dag.unlink()
    aws.delete_exports(EXPORT)


def test_each_delivery_starts_the_dag_once(watched: Watched) -> None:
    for _ in range(2):
        watched.aws.advance(hours=8)
        watched.settle()
    delivered = watched.delivered()
    assert len(delivered) >= 2
    assert watched.fired() == watched.used() == Counter(delivered)


def test_deliveries_while_no_triggerer_runs_are_neither_missed_nor_doubled(watched: Watched) -> None:
    before = watched.delivered()
    watched.stack.kill_component("triggerer")
    watched.aws.advance(hours=8)
    watched.stack.start_component("triggerer")
    watched.settle()
    watched.stack.kill_component("triggerer")
    watched.stack.start_component("triggerer")
    watched.look()
    delivered = watched.delivered()
    assert before < delivered, "AWS delivered while no triggerer ran"
    assert watched.fired() == Counter(delivered)


def test_a_watcher_is_not_made_anew_at_each_parsing(watched: Watched) -> None:
    log = "\n".join(path.read_text() for path in watched.stack.layout.logs.glob("triggerer*"))
    started = set(re.findall(r"trigger ID (\d+) starting", log))
    assert len(started) == 1, "the DAG's watcher and the database's differ: what serialize() returns must be stable"
