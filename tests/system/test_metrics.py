"""A real triggerer sends the metrics of its waits to StatsD."""

from __future__ import annotations

import pytest
from tests.system.statsd import Metric, Statsd
from tests.system.support import Aws, DagRun, until

from stack.deployment import Stack

pytestmark = pytest.mark.timeout(900)

TAGS = {"service": "bcm-pricing-calculator", "connection": "aws_default"}
KINDS = {
    "bcm.waits": "g",
    "bcm.watchers": "g",
    "bcm.oldest_wait": "g",
    "bcm.calls": "c",
    "bcm.throttles": "c",
    "bcm.errors": "c",
    "bcm.poll_duration": "ms",
}


@pytest.fixture(scope="module")
def metrics(stack: Stack, aws: Aws, statsd: Statsd) -> dict[str, list[Metric]]:
    """All metrics of a wait for one bill estimate that is throttled and meets faults, by name."""
    estimates = aws.new_estimates("metrics", 1)
    statsd.forget()
    run = DagRun(stack, "many_waits", {"estimates": estimates})
    run.reach("await_estimate", "deferred", map_index=0)

    def story() -> str:
        return f"{run.story()}\nreceived: {sorted({(each.name, *each.tags.items()) for each in statsd.kept})}"

    until(lambda: statsd.received("bcm.calls", **TAGS), "a call", story)
    for name, code in (("bcm.throttles", "ThrottlingException"), ("bcm.errors", "InternalServerException")):
        aws.fault(operation="ListBillEstimates", error={"code": code})  # for as long as botocore tries again by itself
        until(lambda name=name: statsd.received(name, **TAGS), name, story)
        aws.heal()
    aws.advance(hours=13)
    run.end("success")
    until(lambda: statsd.received("bcm.waits", **TAGS)[-1].value == 0, "a gauge that says that nobody waits", story)
    return {name: statsd.received(name, **TAGS) for name in KINDS}


@pytest.mark.parametrize("name", KINDS)
def test_every_metric_arrives(metrics: dict[str, list[Metric]], name: str) -> None:
    assert metrics[name], f"{name} never came: is Airflow's module for metrics initialised in the triggerer's process?"
    assert {each.kind for each in metrics[name]} == {KINDS[name]}


def test_they_tell_of_the_wait(metrics: dict[str, list[Metric]]) -> None:
    assert max(each.value for each in metrics["bcm.waits"]) == 1
    assert max(each.value for each in metrics["bcm.oldest_wait"]) > 0
    operations = {each.tags["operation"] for each in metrics["bcm.calls"]}
    assert operations == {"ListBillEstimates", "GetBillEstimate"}
    assert {each.tags["error"] for each in metrics["bcm.errors"]} == {"InternalServerException"}
    failed = sum(each.value for name in ("bcm.throttles", "bcm.errors") for each in metrics[name])
    assert failed < sum(each.value for each in metrics["bcm.calls"]), "each of them is a call too"
    assert all(0 < each.value < 60_000 for each in metrics["bcm.poll_duration"])
    assert metrics["bcm.waits"][0].tags["hostname"]
