"""The shipped scenarios, sent to the emulator: it knows their usage types and takes every entry."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import boto3
import pytest

from emulator.server import running
from finops.definitions import load_scenarios

SHIPPED = {
    each.name: each for each in load_scenarios(Path(__file__).resolve().parents[3] / "include/scenarios").definitions
}


@pytest.fixture(scope="module")
def calculator() -> Any:
    with running(start="2026-11-20T06:00:00Z", rows=500) as emulator:
        keys = {"aws_access_key_id": "AKIADEMO111122223333", "aws_secret_access_key": "x"}
        yield boto3.client("bcm-pricing-calculator", region_name="us-east-1", endpoint_url=emulator.url, **keys)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_scenario_is_taken_whole(calculator: Any, name: str) -> None:
    scenario = calculator.create_bill_scenario(name=name, tags=SHIPPED[name].tags)["id"]
    answers = []
    if usage := SHIPPED[name].usage_entries(date(2026, 11, 1)):
        answers.append(
            calculator.batch_create_bill_scenario_usage_modification(billScenarioId=scenario, usageModifications=usage)
        )
    if commitments := SHIPPED[name].commitment_entries():
        answers.append(
            calculator.batch_create_bill_scenario_commitment_modification(
                billScenarioId=scenario, commitmentModifications=commitments
            )
        )
    assert [answer.get("errors", []) for answer in answers] == [[]] * len(answers)
    assert sum(len(answer["items"]) for answer in answers) == len(usage) + len(commitments) > 0
