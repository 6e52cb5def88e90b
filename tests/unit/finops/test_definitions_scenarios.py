"""Mistakes in a what-if: one sentence each."""

# ruff: noqa: E501 - a sentence is compared as it is shown: in one line
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

SCENARIO_LINE = {
    "service_code": "AmazonEC2",
    "usage_type": "BoxUsage:m5.large",
    "operation": "RunInstances",
    "usage_account_id": "111122223333",
    "amount": 1460.0,
}

MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "name with an underscore": (
        {"name": "my_growth"},
        "name: 'my_growth' is not a scenario name. Use 1 to 40 letters, digits and '-'.",
    ),
    "name too long": (
        {"name": "x" * 41},
        "name: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' is not a scenario name. Use 1 to 40 letters, digits and '-'.",
    ),
    "misspelt field": (
        {"usage_modifications.0.usage_typ": "x", "usage_modifications.0.usage_type": ...},
        "usage_modifications[0].usage_typ: is not a field. Did you mean usage_type?",
    ),
    "missing field": (
        {"usage_modifications.0.operation": ...},
        "usage_modifications[0].operation: is missing. Add operation: to the file.",
    ),
    "account unquoted": (
        {"usage_modifications.0.usage_account_id": 111122223333},
        'usage_modifications[0].usage_account_id: is written without quotes, so YAML reads a number (another one if it begins with 0). Put the account id in quotes: "111122223333".',
    ),
    "code with odd characters": (
        {"usage_modifications.0.usage_type": "Box;Usage"},
        "usage_modifications[0].usage_type: 'Box;Usage' is not a code that AWS takes. Use 1 to 128 letters, digits, blanks and - . _ : , / ( ), as the bill writes it.",
    ),
    "code too long": (
        {"usage_modifications.0.service_code": "x" * 33},
        "usage_modifications[0].service_code: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' is not a code that AWS takes. Use 1 to 32 letters, digits, blanks and - . _ : , / ( ), as the bill writes it.",
    ),
    "group with a blank": (
        {"usage_modifications.0.group": "web servers"},
        "usage_modifications[0].group: 'web servers' is not a group that AWS takes. Use 1 to 30 letters, digits and '-'.",
    ),
    "neither amount nor amounts": (
        {"usage_modifications.0.amount": ...},
        "usage_modifications[0]: has neither amount nor amounts. Add amount: the quantity of the whole month.",
    ),
    "amounts empty": (
        {"usage_modifications.0.amount": ..., "usage_modifications.0.amounts": []},
        "usage_modifications[0]: has neither amount nor amounts. Add amount: the quantity of the whole month.",
    ),
    "amount and amounts": (
        {"usage_modifications.0.amounts": [{"start_hour": "2026-11-01T00:00:00Z", "amount": 1}]},
        "usage_modifications[0]: has both amount and amounts. Keep one of them.",
    ),
    "amount below 0": (
        {"usage_modifications.0.amount": -1},
        "usage_modifications[0].amount: -1 is too small. Write 0 or more.",
    ),
    "amount a text": (
        {"usage_modifications.0.amount": "1460"},
        "usage_modifications[0].amount: '1460' is a text where a number belongs. Write it without quotes.",
    ),
    "amount not a number": (
        {"usage_modifications.0.amount": float("nan")},
        "usage_modifications[0].amount: nan is a number where a finite number belongs. Write its digits.",
    ),
    "hour not full": (
        {
            "usage_modifications.0.amount": ...,
            "usage_modifications.0.amounts": [{"start_hour": "2026-11-01T00:30:00Z", "amount": 1}],
        },
        "usage_modifications[0].amounts[0].start_hour: 2026-11-01T00:30:00+00:00 is not a full hour. Write a time such as 2026-11-01T00:00:00Z.",
    ),
    "hour not a time": (
        {"usage_modifications.0.amount": ..., "usage_modifications.0.amounts": [{"start_hour": "noon", "amount": 1}]},
        "usage_modifications[0].amounts[0].start_hour: 'noon' is a text where a time belongs. Write one such as 2026-11-01T00:00:00Z.",
    ),
    "history without a filter": (
        {
            "usage_modifications.0.historical_usage": {
                "service_code": "AmazonEC2",
                "usage_type": "x",
                "operation": "y",
                "usage_account_id": "111122223333",
            }
        },
        "usage_modifications[0].historical_usage.filter_expression: is missing. Add filter_expression: to the file.",
    ),
    "filter misspelt": (
        {
            "usage_modifications.0.historical_usage": {
                "service_code": "AmazonEC2",
                "usage_type": "x",
                "operation": "y",
                "usage_account_id": "111122223333",
                "filter_expression": {"and": [{"dimension": {"key": "REGION", "values": ["x"]}}]},
            }
        },
        "usage_modifications[0].historical_usage.filter_expression.and[0].dimension: is not a field. Did you mean dimensions?",
    ),
    "too many usage lines": (
        {"usage_modifications": [SCENARIO_LINE] * 2001},
        "usage_modifications: has 2,001 entries. AWS takes 2,000 in one scenario: split the scenario.",
    ),
    "nothing changes": (
        {"usage_modifications": ..., "commitment_modifications": ...},
        "commitment_modifications: is empty, and so is usage_modifications: the estimate would repeat the last bill. Add a change of usage or of commitments.",
    ),
    "no action": (
        {"commitment_modifications.0.add_savings_plan": ...},
        "commitment_modifications[0]: has no action. Write exactly one of add_savings_plan, add_reserved_instance, negate_savings_plan, negate_reserved_instance.",
    ),
    "two actions": (
        {"commitment_modifications.0.negate_savings_plan": {"savings_plan_id": "0f3e5a7c-1b2d-4c3e-8f90-123456789abc"}},
        "commitment_modifications[0]: has 2 actions (add_savings_plan, negate_savings_plan). Write exactly one of add_savings_plan, add_reserved_instance, negate_savings_plan, negate_reserved_instance.",
    ),
    "action misspelt": (
        {"commitment_modifications.0.add_saving_plan": {}, "commitment_modifications.0.add_savings_plan": ...},
        "commitment_modifications[0].add_saving_plan: is not a field. Did you mean add_savings_plan?",
    ),
    "offering not an id": (
        {"commitment_modifications.0.add_savings_plan.savings_plan_offering_id": "my plan"},
        "commitment_modifications[0].add_savings_plan.savings_plan_offering_id: 'my plan' is not an id. Write AWS's id of 36 characters in lower case.",
    ),
    "commitment too small": (
        {"commitment_modifications.0.add_savings_plan.commitment": 0.0001},
        "commitment_modifications[0].add_savings_plan.commitment: 0.0001 is out of range. Write 0.001 to 1,000,000 US dollars per hour.",
    ),
    "commitment too large": (
        {"commitment_modifications.0.add_savings_plan.commitment": 1000000.5},
        "commitment_modifications[0].add_savings_plan.commitment: 1000000.5 is out of range. Write 0.001 to 1,000,000 US dollars per hour.",
    ),
    "commitment with 6 decimals": (
        {"commitment_modifications.0.add_savings_plan.commitment": 2.500001},
        "commitment_modifications[0].add_savings_plan.commitment: 2.500001 has more than 5 decimals. Round it to 5 decimals.",
    ),
    "commitment a text": (
        {"commitment_modifications.0.add_savings_plan.commitment": "2.5"},
        "commitment_modifications[0].add_savings_plan.commitment: '2.5' is a text where a number belongs. Write it without quotes.",
    ),
    "instance count 0": (
        {
            "commitment_modifications.0.add_savings_plan": ...,
            "commitment_modifications.0.add_reserved_instance": {
                "reserved_instances_offering_id": "0f3e5a7c-1b2d-4c3e-8f90-123456789abc",
                "instance_count": 0,
            },
        },
        "commitment_modifications[0].add_reserved_instance.instance_count: 0 is too small. Write 1 or more.",
    ),
    "instance count 1.5": (
        {
            "commitment_modifications.0.add_savings_plan": ...,
            "commitment_modifications.0.add_reserved_instance": {
                "reserved_instances_offering_id": "0f3e5a7c-1b2d-4c3e-8f90-123456789abc",
                "instance_count": 1.5,
            },
        },
        "commitment_modifications[0].add_reserved_instance.instance_count: 1.5 is a number where a whole number belongs. Write it without quotes and decimals.",
    ),
}


@pytest.mark.parametrize(("changes", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_gives_one_sentence(
    load_scenario: Callable[[dict[str, Any]], Any], changes: dict[str, Any], sentence: str
) -> None:
    loaded = load_scenario(changes)
    assert [str(error).partition(": ")[2] for error in loaded.errors] == [sentence]
    assert not loaded.definitions
