"""Every way to wait in real processes: what each ends in, what callbacks hear, what the log says."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass

import boto3
import pytest
from tests.system.support import Aws, DagRun, until

from stack.deployment import Stack

pytestmark = pytest.mark.timeout(900)

WAYS = pytest.mark.parametrize("way", ["deferred", "rescheduled", "poked", "triggered"])
REASON = "the bill is not final"
WAITING = re.compile(
    r"Waiting for bill estimate \S+: IN_PROGRESS\. Began at [\d-]+ [\d:]+ UTC \(0h\d\dm\d\ds ago\), "
    r"next look in \d+ s, gives up at [\d-]+ [\d:]+ UTC\."
)


OTHER_ACCOUNT = "999988887777"
WAITS = 26
"""Task instances of the DAG that wait."""


@dataclass(frozen=True)
class Ended:
    """The run at its end.

    Args:
        run: the DAG run.
        good: id of the estimate that completed.
        states: in which each task has been seen while both estimates were in progress.
    """

    run: DagRun
    good: str
    states: dict[str, set[str]]


def connect(stack: Stack) -> str:
    """Make the connection ``aws_other``, in Airflow's database, and return its access key."""
    key = f"AKIADEMO{OTHER_ACCOUNT}"
    extra = {"region_name": "us-east-1", "endpoint_url": stack.emulator_url}
    body = {"connection_id": "aws_other", "conn_type": "aws", "login": key, "password": "x", "extra": json.dumps(extra)}
    stack.airflow.request("POST", "/api/v2/connections", body)
    return key


@pytest.fixture(scope="module")
def ended(stack: Stack, aws: Aws) -> Ended:
    (good,) = aws.new_estimates("good", 1)
    key = connect(stack)
    other = boto3.client(
        "bcm-pricing-calculator",
        endpoint_url=aws.url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key="x",
    )
    scenario = other.create_bill_scenario(name="bad")["id"]
    bad = other.create_bill_estimate(name="bad", billScenarioId=scenario)["id"]
    aws.fault(estimate={"failure_message": REASON}, account=OTHER_ACCOUNT)
    stack.wait_for_dags("ways_to_wait")
    run = DagRun(stack, "ways_to_wait", {"good": good, "bad": bad})
    states: dict[str, set[str]] = defaultdict(set)

    def all_wait() -> bool:
        for each in stack.airflow.tasks(run.run):
            if not each["task_id"].startswith("give"):
                states[f"{each['task_id']}[{each['map_index']}]"].add(each["state"])
        begun = {"deferred", "up_for_reschedule", "running"}
        return sum(bool(seen & begun) for seen in states.values()) == WAITS

    until(all_wait, "every task to wait", run.story)
    for task_id in ("poked_good", "rescheduled_good", "deferred_good", "triggered_good"):
        until(lambda task_id=task_id: WAITING.search(run.log_text(task_id)), f"{task_id} to tell", run.story)
    aws.advance(hours=13)
    run.end("failed")
    aws.heal()
    return Ended(run, good, states)


def test_each_way_waits_where_it_should(ended: Ended) -> None:
    for kind in ("good", "bad", "retried"):
        assert "deferred" in ended.states[f"deferred_{kind}[-1]"]
        assert "deferred" in ended.states[f"triggered_{kind}[-1]"]
        assert "running" not in ended.states[f"triggered_{kind}[-1]"], "no worker must have begun it"
        for way in ("poked", "rescheduled"):
            assert "deferred" not in ended.states[f"{way}_{kind}[-1]"]
    assert "up_for_reschedule" in ended.states["rescheduled_good[-1]"]


@WAYS
def test_the_good_estimate_is_returned(ended: Ended, way: str) -> None:
    assert ended.run.state(f"{way}_good") == "success", ended.run.story()
    answer = ended.run.xcom(f"{way}_good")
    assert (answer["bill_estimate_id"], answer["status"]) == (ended.good, "COMPLETE")
    log = ended.run.log_text(f"{way}_good")
    assert f"The wait is over: success: bill_estimate_id {ended.good}" in log
    assert f"callback: {way}_good is success" in log


@WAYS
def test_the_bad_estimate_fails_the_task(ended: Ended, way: str) -> None:
    assert ended.run.state(f"{way}_bad") == "failed"
    log = ended.run.log_text(f"{way}_bad")
    assert "BillEstimateFailedError" in log
    assert REASON in log
    assert f"callback: {way}_bad is failed" in log


@WAYS
@pytest.mark.parametrize("forgiving", ["soft_fail", "never_fail"])
def test_a_forgiving_sensor_is_skipped_with_the_reason_in_its_log(ended: Ended, way: str, forgiving: str) -> None:
    task_id = f"{way}_{forgiving}"
    assert ended.run.state(task_id) == "skipped"
    log = ended.run.log_text(task_id)
    assert REASON in log
    assert f"callback: {task_id} is skipped" in log


@WAYS
def test_a_failure_is_retried_as_often_as_the_task_says(ended: Ended, way: str) -> None:
    task_id = f"{way}_retried"
    task = ended.run.task(task_id)
    assert (task["state"], task["try_number"]) == ("failed", 2)
    assert f"callback: {task_id} is up_for_retry" in ended.run.log_text(task_id, 1)
    assert f"callback: {task_id} is failed" in ended.run.log_text(task_id, 2)


@pytest.mark.parametrize("task_id", ["triggered_by_output", "triggered_by_template"])
def test_a_wait_that_starts_in_the_triggerer_takes_its_input_from_another_task(ended: Ended, task_id: str) -> None:
    assert ended.run.state(task_id) == "success", ended.run.story()
    assert ended.run.xcom(task_id)["bill_estimate_id"] == ended.good


@pytest.mark.parametrize("task_id", ["mapped_triggered", "mapped_rescheduled"])
def test_mapped_waits_end_each_with_its_own_answer(ended: Ended, task_id: str) -> None:
    assert [ended.run.state(task_id, index) for index in (0, 1)] == ["success"] * 2, ended.run.story()
    assert [ended.run.xcom(task_id, map_index=index)["bill_estimate_id"] for index in (0, 1)] == [ended.good] * 2


@WAYS
def test_the_log_says_what_is_awaited(ended: Ended, way: str) -> None:
    log = ended.run.log_text(f"{way}_good")
    assert WAITING.search(log), log


def test_a_rescheduled_task_tells_each_thing_once(ended: Ended) -> None:
    log = ended.run.log_text("rescheduled_good")
    assert len(WAITING.findall(log)) == 1, f"each poke is a process of its own, but nothing has changed:\n{log}"


def test_a_worker_that_did_not_look_pushes_no_link(ended: Ended) -> None:
    """The limit of start_from_trigger that docs/waiting.md names."""
    path = f"{ended.run.run.path}/taskInstances/triggered_good/links"
    links = ended.run.stack.airflow.request("GET", path)["extra_links"]
    assert list(links.values()) == [None]
