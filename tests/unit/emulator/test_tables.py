"""The tables of Data Exports: columns, properties and partitions."""

from __future__ import annotations

import hashlib
import json
from datetime import date

import pytest

from emulator.tables.catalog import TABLES

CUR = TABLES["COST_AND_USAGE_REPORT"]


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("COST_AND_USAGE_REPORT", 131),
        ("FOCUS_1_2_AWS", 60),
        ("FOCUS_1_0_AWS", 48),
        ("COST_OPTIMIZATION_RECOMMENDATIONS", 25),
        ("CARBON_EMISSIONS", 23),
        ("COST_AND_USAGE_DASHBOARD", 39),
    ],
)
def test_every_documented_column_is_there_once(table: str, columns: int) -> None:
    names = [column.name for column in TABLES[table].all_columns]
    assert len(names) == len(set(names)) == columns


@pytest.mark.parametrize(
    ("table", "digest"),
    [
        ("COST_AND_USAGE_REPORT", "fb6adfa3c250050e"),
        ("FOCUS_1_2_AWS", "436a1bbe9f3b5177"),
        ("COST_OPTIMIZATION_RECOMMENDATIONS", "08aa1e69e6d0f788"),
        ("CARBON_EMISSIONS", "4fa5251b021287eb"),
    ],
)
def test_columns_are_as_in_the_table_dictionary(table: str, digest: str) -> None:
    """Names, order, types, nullability and properties of the columns, as they were copied from AWS's dictionary."""
    columns = [
        [each.name, each.type, each.nullable, each.added_by, each.removed_by] for each in TABLES[table].all_columns
    ]
    assert hashlib.sha256(json.dumps(columns).encode()).hexdigest()[:16] == digest


def test_the_properties_with_a_default_are_filled_in() -> None:
    assert CUR.effective_properties({"TIME_GRANULARITY": "DAILY"}) == {
        "TIME_GRANULARITY": "DAILY",
        "INCLUDE_RESOURCES": "FALSE",
        "INCLUDE_SPLIT_COST_ALLOCATION_DATA": "FALSE",
        "INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY": "FALSE",
    }


def test_a_property_without_default_is_echoed_when_given() -> None:
    given = {"BILLING_VIEW_ARN": "arn:aws:billing::111122223333:billingview/primary"}
    assert CUR.effective_properties(given).items() >= given.items()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"GRANULARITY": "DAILY"}, "has no property GRANULARITY. It has TIME_GRANULARITY, "),
        ({"TIME_GRANULARITY": "daily"}, "cannot be 'daily'. Allowed: HOURLY, DAILY, MONTHLY."),
    ],
)
def test_a_bad_property_is_refused_with_the_remedy(given: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match="COST_AND_USAGE_REPORT") as refusal:
        CUR.effective_properties(given)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("actionTypes", "must be a JSON object"),
        ("[]", "is not valid: "),
        ('{"actions": ["Stop"]}', "has no member actions. It has accountIds, actionTypes, "),
        ('{"actionTypes": ["Halt"]}', "is not valid: actionTypes"),
        ('{"accountIds": ["1"]}', "is not valid: accountIds"),
        ('{"restartNeeded": "no"}', "is not valid: restartNeeded"),
        ('{"regions": []}', "is not valid: regions"),
    ],
)
def test_a_filter_is_one_of_cost_optimization_hub(value: str, message: str) -> None:
    with pytest.raises(ValueError, match="Property FILTER of table COST_OPTIMIZATION_RECOMMENDATIONS") as refusal:
        TABLES["COST_OPTIMIZATION_RECOMMENDATIONS"].effective_properties({"FILTER": value})
    assert message in str(refusal.value)


def test_a_table_without_properties_says_so() -> None:
    with pytest.raises(ValueError, match="It has none"):
        TABLES["FOCUS_1_0_AWS"].effective_properties({"TIME_GRANULARITY": "DAILY"})


def test_properties_add_and_remove_columns() -> None:
    def names(**properties: str) -> set[str]:
        return {column.name for column in CUR.columns(properties)}

    assert "line_item_resource_id" not in names()
    assert names(INCLUDE_RESOURCES="TRUE") - names() == {"line_item_resource_id"}
    assert names() - names(INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY="TRUE") == {"discount", "discount_total_discount"}


@pytest.mark.parametrize(
    ("table", "folder"),
    [
        ("COST_AND_USAGE_REPORT", "BILLING_PERIOD=2026-11"),
        ("FOCUS_1_2_AWS", "BILLING_PERIOD=2026-11"),
        ("COST_OPTIMIZATION_RECOMMENDATIONS", "date=2026-11-05"),
    ],
)
def test_the_partition_is_the_period(table: str, folder: str) -> None:
    assert TABLES[table].partition(date(2026, 11, 5)) == folder


def test_quotas() -> None:
    assert {name: table.export_quota for name, table in TABLES.items() if table.export_quota != 2} == {
        "COST_AND_USAGE_REPORT": 5
    }
