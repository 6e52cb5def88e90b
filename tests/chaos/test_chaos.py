"""A short campaign: each of Airflow's processes is killed once or twice while eight runs are under way."""

from __future__ import annotations

import pytest
from tests.chaos.campaign import Campaign, Order, Report
from tests.chaos.schedule import VICTIMS

from stack.interrupts import Interrupts
from stack.progress import Progress

pytestmark = pytest.mark.timeout(1200)

ORDER = Order(seed=54, minutes=1, runs=8)
"""In the time of this seed every process is struck, in every manner."""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return Campaign(ORDER, tmp_path_factory.mktemp("chaos"), Interrupts(), Progress()).run()


def test_every_process_was_killed(report: Report) -> None:
    assert {kill["victim"] for kill in report.kills} == set(VICTIMS)


def test_nothing_is_lost_and_nothing_doubled(report: Report) -> None:
    assert report.faults == []


def test_an_estimate_that_aws_failed_has_failed_its_run_and_no_other(report: Report) -> None:
    assert [run.launch.kind for run in report.runs if run.state == "failed"] == ["estimate"]
