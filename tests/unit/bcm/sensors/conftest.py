"""What is awaited."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.bcm.support import a_usage, an_export


@pytest.fixture
def arn(exports: Any) -> str:
    """An export that has not run yet."""
    identifier: str = exports.create_export(Export=an_export())["ExportArn"]
    return identifier


@pytest.fixture
def estimate(calculator: Any) -> str:
    """An estimate in progress."""
    scenario = calculator.create_bill_scenario(name="growth")["id"]
    calculator.batch_create_bill_scenario_usage_modification(billScenarioId=scenario, usageModifications=[a_usage()])
    identifier: str = calculator.create_bill_estimate(billScenarioId=scenario, name="growth")["id"]
    return identifier
