"""Issue 2, "How it is checked": "In a real triggerer, twenty waits through one connection show one poll per interval
in the emulator's request log." Each of them ends as it should.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.system import definitions
from tests.system.support import Aws, DagRun, until

from finops.definitions import load_exports
from stack.deployment import Stack

pytestmark = pytest.mark.timeout(900)

ESTIMATES, EXECUTIONS = 20, 5
INTERVAL = 2.0
"""Seconds between two polls: the stack's [bcm] poke_interval and max_wait."""
JITTER = 0.1
"""By how much of the interval a poll may come early or late (bcm.triggers.client)."""
WINDOW = 16.0
"""Seconds in which polls are counted."""


@dataclass(frozen=True)
class Waits:
    """The run with all its waits, and when the triggerer polled while all of them were waiting.

    Args:
        run: the DAG run.
        estimates: ids of the bill estimates, one a wait.
        export_arn: the export on which all other waits wait.
        polls: by AWS's operation, epoch seconds of its calls within the window.
    """

    run: DagRun
    estimates: list[str]
    export_arn: str
    polls: dict[str, list[float]]


@pytest.fixture(scope="module")
def waits(stack: Stack, aws: Aws) -> Iterator[Waits]:
    (export,) = [each for each in load_exports(stack.layout.include / "exports").definitions if each.name == "crash"]
    arn = aws.client("bcm-data-exports").create_export(Export=export.to_export())["ExportArn"]
    estimates = aws.new_estimates("poll", ESTIMATES)
    run = DagRun(stack, "many_waits", {"estimates": estimates, "exports": [arn] * EXECUTIONS})

    def all_wait() -> bool:
        found = [*run.tasks("await_estimate"), *run.tasks("await_execution")]
        return sum(each["state"] == "deferred" for each in found) == ESTIMATES + EXECUTIONS

    until(all_wait, f"{ESTIMATES + EXECUTIONS} deferred tasks", run.story)
    time.sleep(3 * INTERVAL)  # whoever joined last falls into step with the others
    begin = time.time()
    time.sleep(WINDOW)
    polls = {
        operation: [each["wall"] for each in aws.requests(operation) if begin <= each["wall"] < begin + WINDOW]
        for operation in ("ListBillEstimates", "ListExecutions", "GetBillEstimate", "GetExecution")
    }
    yield Waits(run, estimates, arn, polls)
    aws.delete_exports(definitions.CRASH["name"])


@pytest.mark.parametrize("operation", ["ListBillEstimates", "ListExecutions"])
def test_all_waits_on_a_service_share_one_poll_an_interval(waits: Waits, operation: str) -> None:
    calls = waits.polls[operation]
    pauses = [round(later - earlier, 2) for earlier, later in itertools.pairwise(calls)]
    most = WINDOW / (INTERVAL * (1 - JITTER)) + 1
    assert len(calls) <= most, f"one poll in {INTERVAL} s, not {len(calls)} in {WINDOW} s; pauses {pauses}"
    least = WINDOW / (INTERVAL * (1 + JITTER)) / 2  # half of it, for a machine that is busy
    assert len(calls) >= least, f"the waits must be looked after every {INTERVAL} s; pauses {pauses}"


@pytest.mark.parametrize("operation", ["GetBillEstimate", "GetExecution"])
def test_no_wait_asks_for_itself(waits: Waits, operation: str) -> None:
    assert waits.polls[operation] == []


def test_every_wait_ends_with_its_own_answer(waits: Waits, aws: Aws) -> None:
    run = waits.run
    aws.advance(hours=7)  # the first execution has delivered, the second is not due yet
    until(lambda: done(run, "await_execution", EXECUTIONS), "the end of all waits on the export", run.story)
    aws.advance(hours=6)  # an estimate takes 12 hours at most
    run.end("success")
    answers = [run.xcom("await_estimate", map_index=index) for index in range(ESTIMATES)]
    assert [each["bill_estimate_id"] for each in answers] == waits.estimates
    assert {each["status"] for each in answers} == {"COMPLETE"}
    answers = [run.xcom("await_execution", map_index=index) for index in range(EXECUTIONS)]
    assert {(each["export_arn"], each["status"]) for each in answers} == {(waits.export_arn, "DELIVERY_SUCCESS")}
    assert len({each["execution_id"] for each in answers}) == 1


def done(run: DagRun, task_id: str, number: int) -> bool:
    """Whether all instances of a mapped task have succeeded; fails if one has failed."""
    states = [each["state"] for each in run.tasks(task_id)]
    assert "failed" not in states, run.story()
    return states.count("success") == number
