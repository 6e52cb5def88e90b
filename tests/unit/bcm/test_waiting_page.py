"""docs/waiting.md says what is so: its tests exist, its numbers are the code's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.unit.bcm.sensors.support import of_estimate, of_execution
from tests.unit.bcm.triggers.conftest import HOUR, Make, run_alone
from tests.unit.bcm.triggers.fake_aws import FakeAws
from tests.unit.bcm.triggers.virtual_time import Clock

from bcm.looks import ESTIMATE_DUE, ESTIMATE_EARLIEST, LOOK_BACK
from bcm.triggers.base import GRACE, StreamTrigger
from bcm.triggers.budget import BUDGET, CallBudget
from bcm.triggers.client import CLIENT_LIFETIME, FIRST_HOLD, FRESH, JITTER
from bcm.triggers.wait import AGE_SHARE, LONGEST_BACKOFF, NOT_FOUND_LOOKS, REPORT_EVERY, SETTLING

REPO = Path(__file__).parents[3]
PAGE = (REPO / "docs" / "waiting.md").read_text()


def table(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, without its head."""
    section = PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[1:]]


FAULTS = table("Faults")


def test_every_fault_has_a_row() -> None:
    assert [row[0] for row in FAULTS] == [str(number) for number in range(1, 24)]


@pytest.mark.parametrize("row", FAULTS, ids=lambda row: row[0])
def test_every_fault_names_tests_that_are_there(row: list[str]) -> None:
    source = "\n".join(path.read_text() for path in (REPO / "tests").rglob("test_*.py"))
    names = re.findall(r"`(test_\w+)`", row[3])
    assert names, "name a test, which fails when what is done about the fault is taken out"
    missing = [name for name in names if f"def {name}(" not in source]
    assert not missing, f"{missing} is no test any more: name another one, or write it"


COSTS = re.findall(r"^\| (\d+) (min|h) \| (\d+) \| (\d+) (min|s) \|$", PAGE, re.MULTILINE)


def test_the_table_of_costs_is_read_whole() -> None:
    assert len(COSTS) == 7


@pytest.mark.parametrize("row", COSTS, ids=lambda row: "".join(row[:2]))
def test_an_estimate_costs_what_the_page_says(row: tuple[str, ...], clock: Clock, monkeypatch: Any) -> None:
    ends = int(row[0]) * (60 if row[1] == "min" else HOUR)
    lateness = int(row[3]) * (60 if row[4] == "min" else 1)
    aws = FakeAws(clock, {"b-1": ends})
    monkeypatch.setattr(StreamTrigger, "open_client", lambda self: aws.open)
    ((moment, event),) = run_alone(clock, Make(clock).estimate(hours=20))
    assert event.payload["outcome"] == "success"
    assert abs(aws.counts.total() - int(row[2])) <= 1
    assert moment <= ends + lateness + 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Virtual time, without jitter, and without a limit of calls."""
    clock = Clock()
    clock.patch(monkeypatch)
    monkeypatch.setattr("bcm.triggers.client.JITTER", 0.0)
    monkeypatch.setattr("bcm.triggers.client.BUDGET", CallBudget(float("inf")))
    return clock


def test_the_defaults_are_those_of_the_page() -> None:
    estimate, execution = of_estimate("b-1"), of_execution("x-1")
    said = {row[0]: row[3] for row in table("Settings")}
    assert said == {
        "longest pause while the answer is due": f"{estimate.poke_interval:.0f} s",
        "longest pause while it is not": f"{estimate.max_wait.total_seconds():.0f} s",
        "until the wait gives up": f"{estimate.timeout / HOUR:.0f} h for an estimate, "
        f"{execution.timeout / HOUR:.0f} h for an execution",
        "calls of AWS a second, each triggerer process": f"{1 / BUDGET._spacing:.0f}",
    }


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (ESTIMATE_EARLIEST.total_seconds() / 60, "before its 20th minute"),
        (ESTIMATE_DUE[0].total_seconds() / HOUR, "up to its 8th hour"),
        (ESTIMATE_DUE[1].total_seconds() / HOUR, "8th to 12th hour"),
        (1 / AGE_SHARE, "a tenth of the wait's age"),
        (JITTER * 100, "shortened by up to 10 %"),
        (FIRST_HOLD, "the whole connection pauses: 5 s"),
        (LONGEST_BACKOFF / 60, "doubling up to 5 minutes"),
        (NOT_FOUND_LOOKS, "three looks in a row"),
        (REPORT_EVERY / HOUR, "once an hour"),
        (CLIENT_LIFETIME / 60, "after 40 minutes"),
        (FRESH, "opened anew every 5 s at most"),
        (GRACE.total_seconds() / 60, "ten minutes later"),
        (SETTLING, "no event within five seconds"),
        (LOOK_BACK, "snapshots of up to 20 executions"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_numbers_are_those_of_the_code(number: float, said: str) -> None:
    words = {1: "an", 3: "three", 5: "five", 10: "ten"}
    text = " ".join(PAGE.split())
    assert said in text
    tenth = said.startswith("a tenth") and number == 10
    assert tenth or re.search(rf"\b({number:.0f}|{words.get(int(number), '-')})(th)?\b", said), (
        f"the code says {number}, the page {said!r}"
    )


ARGUMENTS = """mode deferrable start_from_trigger exponential_backoff soft_fail never_fail silent_fail timeout
poke_interval max_wait expected_account_id execution_timeout"""


@pytest.mark.parametrize("name", ARGUMENTS.split())
def test_the_sensors_know_the_arguments_that_the_page_names(name: str) -> None:
    assert f"`{name}" in PAGE
    assert hasattr(of_estimate("b-1"), name)
