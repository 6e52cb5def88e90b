"""Issue 2, "How it is checked": what crashes between create and the end of a wait makes nothing twice, loses nothing.

"A worker killed (SIGKILL) between create and the end of the task, then retried: one export, one estimate in the
emulator. A cleared create task: the same. The triggerer killed and restarted in the wait: the wait ends right."
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest
from tests.system.support import Aws, DagRun, until

from stack.deployment import Stack
from stack.guard import members

pytestmark = pytest.mark.timeout(900)

EXPORT, SCENARIO = "crash", "savings-plan"
AWS_TAKES = 6.0
"""Seconds that AWS takes over a create call in these tests: time to kill the one who made it."""


@dataclass(frozen=True)
class Creation:
    """A task that creates something in AWS, and the task after it that waits for that.

    Args:
        run: the DAG run.
        task_id: the creating task.
        operation: AWS's operation.
        wait_id: the waiting task.
    """

    run: DagRun
    task_id: str
    operation: str
    wait_id: str


def kill_worker(stack: Stack, task_instance_id: str) -> None:
    """SIGKILL the process that runs a task and the one that supervises it: their machine is gone."""
    (runner,) = [
        process
        for process in members(stack.processes.stack_id)
        if process.cmdline() and process.cmdline()[0].endswith(f"airflow worker -- {task_instance_id}")
    ]
    supervisor = runner.parent()
    assert supervisor
    assert supervisor.pid != stack.components["scheduler"].popen.pid
    for process in (supervisor, runner):
        process.kill()
    psutil.wait_procs([supervisor, runner], timeout=10)


@pytest.fixture(scope="module")
def creations(stack: Stack, aws: Aws) -> Iterator[dict[str, Creation]]:
    """Both lifecycles, with the worker killed while it creates the export and the bill estimate; now they wait."""
    before = {operation: len(aws.requests(operation)) for operation in ("CreateExport", "CreateBillEstimate")}
    for operation in before:
        aws.fault(operation=operation, delay_seconds=AWS_TAKES, times=1)
    creations = {
        "export": Creation(
            DagRun(stack, f"export_lifecycle__{EXPORT}"), "ensure_export", "CreateExport", "await_execution"
        ),
        "estimate": Creation(
            DagRun(stack, f"estimate_lifecycle__{SCENARIO}"), "create_estimate", "CreateBillEstimate", "await_estimate"
        ),
    }

    def called(each: Creation) -> bool:
        return len(aws.requests(each.operation)) > before[each.operation]

    open_ones = list(creations.values())
    while open_ones:  # whichever comes first
        each = until(
            lambda: next(filter(called, open_ones), None),
            f"calls of {' and '.join(each.operation for each in open_ones)}",
            lambda: "\n".join(each.run.story() for each in open_ones),
        )
        kill_worker(stack, each.run.task(each.task_id)["id"])
        assert aws.requests(each.operation)[-1]["status"] is None, f"{each.operation} was answered before the kill"
        open_ones.remove(each)
    for each in creations.values():
        each.run.reach(each.wait_id, "deferred", "failed", "upstream_failed")
    yield creations
    aws.heal()
    aws.delete_exports(EXPORT)


def in_aws(aws: Aws, run: DagRun, kind: str) -> list[str]:
    """What there is in AWS of the run's export or estimate."""
    if kind == "export":
        return [arn for name, arn in aws.exports().items() if name.startswith(EXPORT)]
    scenario = run.xcom("create_scenario")
    client = aws.client("bcm-pricing-calculator")
    name = client.get_bill_scenario(identifier=scenario)["name"]
    return [estimate["id"] for estimate in aws.estimates(name)]


@pytest.mark.parametrize("kind", ["export", "estimate"])
def test_a_worker_killed_while_it_creates_leaves_one(creations: dict[str, Creation], aws: Aws, kind: str) -> None:
    each = creations[kind]
    assert each.run.task(each.task_id)["try_number"] == 2, f"the second try makes it good:\n{each.run.story()}"
    assert each.run.state(each.task_id) == "success", each.run.story()
    assert in_aws(aws, each.run, kind) == [each.run.xcom(each.task_id)]


@pytest.fixture(scope="module")
def ended(creations: dict[str, Creation], stack: Stack, aws: Aws) -> dict[str, Creation]:
    """Both, ended after the triggerer was killed while they waited, and started again."""
    for each in creations.values():
        assert each.run.state(each.wait_id) == "deferred", each.run.story()
    stack.kill_component("triggerer")
    aws.advance(hours=7)  # AWS delivers meanwhile; an estimate can take longer
    stack.start_component("triggerer")
    creations["export"].run.end("success")
    aws.advance(hours=6)
    creations["estimate"].run.end("success")
    return creations


@pytest.mark.parametrize("kind", ["export", "estimate"])
def test_a_wait_survives_the_triggerer(ended: dict[str, Creation], aws: Aws, kind: str) -> None:
    each = ended[kind]
    assert each.run.task(each.wait_id)["try_number"] == 1, f"no new try is needed:\n{each.run.story()}"
    expected = {"export": "DELIVERY_SUCCESS", "estimate": "COMPLETE"}[kind]
    assert each.run.summary()["status"] == expected


def test_cleared_creations_create_nothing(ended: dict[str, Creation], aws: Aws) -> None:
    known = {kind: each.run.xcom(each.task_id) for kind, each in ended.items()}
    for each in ended.values():
        each.run.clear(each.task_id)
    for kind, each in ended.items():
        until(lambda each=each: each.run.task(each.task_id)["try_number"] == 3, "a third try", each.run.story)
        assert each.run.reach(each.task_id, "success", "failed") == "success", each.run.story()
        assert each.run.xcom(each.task_id) == known[kind]
        assert in_aws(aws, each.run, kind) == [known[kind]]


def test_a_wait_marked_as_failed_deletes_nothing(stack: Stack, aws: Aws) -> None:
    (estimate,) = aws.new_estimates("marked", 1)
    before = aws.deletions()
    run = DagRun(stack, "many_waits", {"estimates": [estimate]})
    polls = len(aws.requests("ListBillEstimates"))
    run.reach("await_estimate", "deferred", map_index=0)
    until(lambda: len(aws.requests("ListBillEstimates")) > polls, "a poll of the triggerer", run.story)
    run.mark("await_estimate", "failed", map_index=0)
    run.end("failed")
    until(lambda: "trigger completed" in run.log_text("await_estimate", map_index=0), "the trigger's end", run.story)
    assert "cancelled by user action, invoking on_kill" in run.log_text("await_estimate", map_index=0)
    assert aws.deletions() == before
    assert [each["id"] for each in aws.estimates("marked")] == [estimate]
