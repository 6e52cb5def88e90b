"""What a stream tells Airflow's metrics, on virtual time; tests/system/test_metrics.py has a triggerer's own."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.bcm.triggers.conftest import HOUR, Make, Triggerer
from tests.unit.bcm.triggers.fake_aws import FakeAws, client_error

from bcm.triggers import metrics

Tags = frozenset[tuple[str, str]]


class Stats:
    """Stands in for Airflow's metrics, and keeps what it is told."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[Tags]] = defaultdict(Counter)
        self.gauges: dict[str, list[tuple[float, Tags]]] = defaultdict(list)
        self.times: dict[str, list[timedelta]] = defaultdict(list)

    def incr(self, stat: str, *, tags: dict[str, str]) -> None:
        self.counts[stat][frozenset(tags.items())] += 1

    def gauge(self, stat: str, value: float, *, tags: dict[str, str]) -> None:
        self.gauges[stat].append((value, frozenset(tags.items())))

    def timing(self, stat: str, dt: timedelta, *, tags: dict[str, str]) -> None:
        self.times[stat].append(dt)

    def count(self, stat: str, **tags: str) -> int:
        """How often a counter with these tags, and maybe others, was counted."""
        return sum(number for found, number in self.counts[stat].items() if tags.items() <= dict(found).items())

    def values(self, stat: str, **tags: str) -> list[float]:
        """The values of a gauge with these tags."""
        return [value for value, found in self.gauges[stat] if tags.items() <= dict(found).items()]


@pytest.fixture
def stats(monkeypatch: pytest.MonkeyPatch) -> Stats:
    """Airflow's metrics."""
    stats = Stats()
    monkeypatch.setattr(metrics, "stats", stats)
    return stats


EXPORTS = {"service": "bcm-data-exports", "connection": "aws_default"}


def test_calls_are_counted_by_operation(triggerer: Triggerer, make: Make, aws: FakeAws, stats: Stats) -> None:
    aws.ends = {"b-1": HOUR, "x-1": HOUR}
    triggerer.run(make.estimate(), make.execution(), make.execution(aws_conn_id=None))
    assert stats.count("bcm.calls") == len(aws.calls)
    assert stats.count("bcm.calls", operation="GetBillEstimate", service="bcm-pricing-calculator") == 1
    executions = len(aws.moments("list_executions"))
    assert stats.count("bcm.calls", operation="ListExecutions", **EXPORTS) == executions / 2
    assert stats.count("bcm.calls", operation="ListExecutions", connection="none") == executions / 2
    assert not stats.counts["bcm.errors"]
    assert not stats.counts["bcm.throttles"]


def test_throttles_and_errors_are_calls_too(triggerer: Triggerer, make: Make, aws: FakeAws, stats: Stats) -> None:
    aws.ends = {"x-1": 0.0}
    errors = {1: client_error("ThrottlingException"), 2: client_error("InternalServerException"), 3: TimeoutError()}
    aws.fault = lambda method, number: errors.pop(number, None)
    triggerer.run(make.execution())
    assert stats.count("bcm.calls", operation="ListExecutions", **EXPORTS) == 4
    assert stats.count("bcm.throttles", operation="ListExecutions", **EXPORTS) == 1
    assert stats.count("bcm.errors", operation="ListExecutions", **EXPORTS) == 2
    assert stats.count("bcm.errors", error="InternalServerException") == 1
    assert stats.count("bcm.errors", error="TimeoutError") == 1


def test_a_client_that_cannot_be_opened_is_an_error(
    triggerer: Triggerer, make: Make, aws: FakeAws, stats: Stats
) -> None:
    aws.ends = {"x-1": 0.0}
    aws.open_fault = lambda number: OSError("no route to host") if number == 1 else None
    triggerer.run(make.execution())
    assert stats.count("bcm.errors", operation="open", error="OSError", **EXPORTS) == 1


def test_waits_are_measured_after_each_round_and_when_the_last_has_ended(
    triggerer: Triggerer, make: Make, aws: FakeAws, stats: Stats
) -> None:
    aws.ends = {"x-1": 100.0, "x-2": 250.0}
    triggerer.run(make.execution("x-1"), make.execution("x-1"), make.execution("x-2", age=HOUR, longest=90))
    assert stats.values("bcm.waits", **EXPORTS) == [3, 1, 0, 0], "looks at 90, 180, 270 s, and the end of the poll"
    assert stats.values("bcm.watchers", **EXPORTS) == [0, 0, 0, 0]
    ages = stats.values("bcm.oldest_wait", **EXPORTS)
    assert ages == pytest.approx([HOUR + 90, HOUR + 180, 0, 0])
    assert len(stats.times["bcm.poll_duration"]) == 3
    assert all(isinstance(each, timedelta) for each in stats.times["bcm.poll_duration"])


def test_rounds_that_follow_each_other_closely_measure_once(
    triggerer: Triggerer, make: Make, aws: FakeAws, stats: Stats
) -> None:
    """With thousands of exports on a connection each has a round of its own, and a measurement looks at all waits."""
    arns = [f"x-{number}" for number in range(90)]
    aws.ends = dict.fromkeys(arns, 0.0)
    triggerer.run(*map(make.execution, arns), after={number: float(number) for number in range(90)})
    assert len(stats.times["bcm.poll_duration"]) == 90
    assert len(stats.values("bcm.waits")) == 9 + 1


def test_no_tag_is_different_for_each_wait(triggerer: Triggerer, make: Make, aws: FakeAws, stats: Stats) -> None:
    """Metrics are kept by tags: an id or an ARN among them would fill the memory of whatever takes them."""
    arns = [f"x-{number}" for number in range(50)]
    aws.ends = dict.fromkeys(arns, HOUR)
    triggerer.run(*map(make.execution, arns))
    found: dict[str, set[Any]] = defaultdict(set)
    for tags in [*stats.counts["bcm.calls"], *(tags for values in stats.gauges.values() for _, tags in values)]:
        for name, value in tags:
            found[name].add(value)
    assert set(found) == {"service", "connection", "operation", "hostname"}
    assert {len(values) for values in found.values()} == {1}


def test_the_manual_has_them_all() -> None:
    manual = Path(__file__).parents[4] / "docs" / "waiting.md"
    table = re.findall(r"^\| `(bcm\.\w+)` \| (?:gauge|counter|timing) \|", manual.read_text(), re.MULTILINE)
    assert sorted(table) == sorted(re.findall(r'"(bcm\.\w+)"', Path(metrics.__file__).read_text()))
