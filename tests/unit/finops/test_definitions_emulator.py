"""The shipped scenarios, sent to the emulator: it knows their usage types and takes every entry."""

from __future__ import annotations

from collections.abc import Callable
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
    created = calculator.create_bill_scenario(name=name, tags=SHIPPED[name].tags)
    scenario = created["id"]
    answers = []
    if usage := SHIPPED[name].usage_entries(created["billInterval"]["start"]):
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


def test_usage_and_its_history_are_of_the_scenarios_bill_interval(
    calculator: Any, load_scenario: Callable[[dict[str, Any]], Any], los_angeles: Any
) -> None:
    line = SHIPPED["compute-growth"].usage_modifications[0]
    history = line.model_dump(include={"service_code", "usage_type", "operation", "usage_account_id"})
    history["filter_expression"] = {"dimensions": {"key": "SERVICE", "values": [line.service_code]}}
    (definition,) = load_scenario({"usage_modifications.0.historical_usage": history}).definitions
    scenario = calculator.create_bill_scenario(name="history")
    answer = calculator.batch_create_bill_scenario_usage_modification(
        billScenarioId=scenario["id"], usageModifications=definition.usage_entries(scenario["billInterval"]["start"])
    )
    assert answer["errors"] == []
    assert len(answer["items"]) == 1
