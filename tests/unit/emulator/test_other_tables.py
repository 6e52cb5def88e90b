"""Recommendations, emissions and the dashboard: of the same organisation as the bill."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import boto3
import duckdb
import pytest

from emulator.organisation import Organisation
from emulator.tables import other_tables
from emulator.tables.catalog import TABLES
from emulator.tables.charges import create_charges
from emulator.tables.other_tables import create_other
from emulator.tables.query import Query

CUR, DASHBOARD = "COST_AND_USAGE_REPORT", "COST_AND_USAGE_DASHBOARD"
CARBON, RECOMMENDATIONS = "CARBON_EMISSIONS", "COST_OPTIMIZATION_RECOMMENDATIONS"
PAYER, MEMBER = "111122223333", "444455556666"
ORGANISATION = Organisation(7, PAYER, [MEMBER], 3000)
NOVEMBER = date(2026, 11, 1)
NOW = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
LATER = datetime(2027, 1, 15, tzinfo=UTC)
DUCKDB_TYPES = {
    "string": "VARCHAR",
    "double": "DOUBLE",
    "int": "INTEGER",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP_MS",
    "map<string,string>": "MAP(VARCHAR, VARCHAR)",
}
Rows = list[dict[str, Any]]


def query(table: str, properties: Mapping[str, str]) -> Query:
    return Query(TABLES[table], TABLES[table].effective_properties(properties), [])


@cache
def rows(table: str, now: datetime = LATER, viewer: str | None = None, **properties: str) -> Rows:
    """The whole table, over all its slices."""
    found: Rows = []
    create = create_charges if table == CUR else create_other
    with duckdb.connect(config={"threads": 1}) as connection:
        for _ in create(connection, ORGANISATION, query(table, properties), NOVEMBER, now, viewer):
            result = connection.sql("FROM export")
            found += [dict(zip(result.columns, row, strict=True)) for row in result.fetchall()]
    return found


def bill(now: datetime = LATER) -> Rows:
    return rows(CUR, now, TIME_GRANULARITY="DAILY", INCLUDE_RESOURCES="TRUE")


def total(found: Rows, column: str) -> float:
    return sum(row[column] for row in found)


@pytest.mark.parametrize("table", [DASHBOARD, CARBON, RECOMMENDATIONS])
def test_columns_have_the_documented_types(table: str) -> None:
    with duckdb.connect() as connection:
        for _ in create_other(connection, ORGANISATION, query(table, {}), NOVEMBER, LATER):
            view = connection.sql("FROM export")
            types = dict(zip(view.columns, map(str, view.types), strict=True))
            assert {column.name: types[column.name] for column in TABLES[table].all_columns} == {
                column.name: DUCKDB_TYPES[column.type] for column in TABLES[table].all_columns
            }


@pytest.mark.parametrize("table", [DASHBOARD, CARBON, RECOMMENDATIONS])
def test_the_same_question_gives_the_same_rows_in_line_order(table: str) -> None:
    found = rows(table)
    assert found == rows.__wrapped__(table)
    numbers = [row["line_number"] for row in found]
    assert numbers == sorted(set(numbers))
    assert numbers


@pytest.mark.parametrize("table", [DASHBOARD, RECOMMENDATIONS])
def test_slices_make_no_difference(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rows(table)
    monkeypatch.setattr(other_tables, "_SLICE_LINES", 1000)
    sliced = rows.__wrapped__(table)
    assert [rounded(row) for row in sorted(sliced, key=place)] == [rounded(row) for row in sorted(whole, key=place)]


def place(row: dict[str, Any]) -> str:
    """What tells a row from all others: its texts and times."""
    return json.dumps({name: value for name, value in row.items() if not isinstance(value, float | int)}, default=str)


def rounded(row: dict[str, Any]) -> dict[str, Any]:
    """The row without its number, and without what the order of a sum changes."""
    kept = {name: value for name, value in row.items() if name != "line_number" and not name.endswith("_details")}
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in kept.items()}


@pytest.mark.parametrize(("table", "slice_lines", "room"), [(DASHBOARD, 10_000, 88), (RECOMMENDATIONS, 4_000, 67)])
def test_memory_does_not_grow_with_the_organisation(
    table: str, slice_lines: int, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB may have so many megabytes: some more than slices of this size need, and less than all resources would."""
    monkeypatch.setattr(other_tables, "_SLICE_LINES", slice_lines)
    large = Organisation(7, PAYER, [MEMBER], 80_000)
    limits = {"threads": 1, "memory_limit": f"{room}MB", "temp_directory": ""}
    with duckdb.connect(config=limits) as connection:
        for _ in create_other(connection, large, query(table, {}), NOVEMBER, NOW):
            for _ in connection.sql("FROM export").to_arrow_reader(10_000):
                pass


@pytest.mark.parametrize("table", [DASHBOARD, RECOMMENDATIONS])
def test_a_member_sees_its_own(table: str) -> None:
    column = "linked_account_id" if table == DASHBOARD else "account_id"
    assert {row[column] for row in rows(table, viewer=MEMBER)} == {MEMBER}
    assert {row[column] for row in rows(table)} == {PAYER, MEMBER}


def test_the_dashboard_adds_up_to_the_bill() -> None:
    lines, summed = bill(NOW), rows(DASHBOARD, NOW)
    assert len(summed) <= len(lines)
    assert total(summed, "unblended_cost") == pytest.approx(total(lines, "line_item_unblended_cost"))
    focus = rows_of_focus(NOW)
    assert total(summed, "amortized_cost") == pytest.approx(total(focus, "EffectiveCost"))
    assert max(row["usage_date"] for row in summed) == datetime(2026, 11, 20)


def rows_of_focus(now: datetime) -> Rows:
    with duckdb.connect() as connection:
        found: Rows = []
        for _ in create_charges(connection, ORGANISATION, query("FOCUS_1_2_AWS", {}), NOVEMBER, now):
            found += [
                {"EffectiveCost": cost} for (cost,) in connection.sql("SELECT EffectiveCost FROM export").fetchall()
            ]
    return found


def test_the_dashboard_speaks_its_dictionarys_words() -> None:
    summed = rows(DASHBOARD)
    by_type = {row["charge_type"]: row["charge_category"] for row in summed}
    assert by_type["Usage"] == by_type["SavingsPlanCoveredUsage"] == "Running_usage"
    assert by_type["Tax"] == by_type["SavingsPlanRecurringFee"] == "Non_Usage"
    assert {row["purchase_option"] for row in summed} >= {"OnDemand", "SavingsPlan", "Spot"}


def test_recommendations_are_about_resources_that_live_and_cost_that_much() -> None:
    yesterday = datetime(2026, 11, 19)
    costs: dict[str, list[float]] = {}
    living = set()
    for line in bill(NOW):
        if line["line_item_resource_id"] and line["line_item_usage_start_date"] < datetime(2026, 11, 20):
            costs.setdefault(line["line_item_resource_id"], []).append(line["pricing_public_on_demand_cost"])
            if line["line_item_usage_start_date"] == yesterday:
                living.add(line["line_item_resource_id"])
    about = [row for row in rows(RECOMMENDATIONS, NOW, INCLUDE_ALL_RECOMMENDATIONS="TRUE") if row["resource_id"]]
    assert about
    for row in about:
        assert row["resource_id"] in living or row["current_resource_type"] == "LambdaFunction"  # it may rest for days
        assert row["resource_arn"].endswith(row["resource_id"])
        assert row["account_id"] in row["resource_arn"]
        dearest = max(costs[row["resource_id"]])
        assert 0 < row["estimated_monthly_cost_before_discount"] <= 31 * dearest


def test_savings_stay_below_the_cost() -> None:
    for row in rows(RECOMMENDATIONS, INCLUDE_ALL_RECOMMENDATIONS="TRUE"):
        for state in ("before", "after"):
            cost = row[f"estimated_monthly_cost_{state}_discount"]
            savings = row[f"estimated_monthly_savings_{state}_discount"]
            assert 0 < savings <= cost
            assert row[f"estimated_savings_percentage_{state}_discount"] == pytest.approx(100 * savings / cost)
        assert row["estimated_monthly_cost_after_discount"] <= row["estimated_monthly_cost_before_discount"] + 1e-9


def test_recommendations_speak_the_hubs_words() -> None:
    hub = boto3.client("cost-optimization-hub", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x").meta
    shapes = hub.service_model
    details = {name.lower() for name in shapes.shape_for("ResourceDetails").members}
    found = rows(RECOMMENDATIONS, INCLUDE_ALL_RECOMMENDATIONS="TRUE")
    assert len({(row["action_type"], row["current_resource_type"]) for row in found}) > 5
    for row in found:
        assert row["action_type"] in shapes.shape_for("ActionType").enum
        assert row["current_resource_type"] in shapes.shape_for("ResourceType").enum
        assert row["recommended_resource_type"] in shapes.shape_for("ResourceType").enum
        assert row["implementation_effort"] in shapes.shape_for("ImplementationEffort").enum
        assert row["recommendation_source"] in shapes.shape_for("Source").enum
        assert {name.lower() for name in json.loads(row["current_resource_details"])} <= details
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["last_refresh_timestamp"])
    assert len({row["recommendation_id"] for row in found}) == len(found)


def test_only_the_best_is_kept_of_recommendations_that_exclude_each_other() -> None:
    everything = rows(RECOMMENDATIONS, INCLUDE_ALL_RECOMMENDATIONS="TRUE")
    kept = rows(RECOMMENDATIONS)
    best: dict[str, float] = {}
    for row in everything:
        best[row["one_of"]] = max(best.get(row["one_of"], 0), row["estimated_monthly_savings_after_discount"])
    assert len(kept) < len(everything)
    assert {row["one_of"]: row["estimated_monthly_savings_after_discount"] for row in kept} == best
    assert len(kept) == len(best)


@pytest.mark.parametrize(
    ("wanted", "holds"),
    [
        ({"actionTypes": ["MigrateToGraviton"]}, lambda row: row["action_type"] == "MigrateToGraviton"),
        ({"resourceTypes": ["Ec2Instance"]}, lambda row: row["current_resource_type"] == "Ec2Instance"),
        (
            {"accountIds": [MEMBER], "restartNeeded": True},
            lambda row: row["account_id"] == MEMBER and row["restart_needed"],
        ),
        ({"regions": ["eu-west-1", "us-west-2"]}, lambda row: row["region"] in ("eu-west-1", "us-west-2")),
        ({"tags": [{"key": "environment", "value": "prod"}]}, lambda row: row["tags"].get("environment") == "prod"),
    ],
)
def test_the_filter_is_applied_before_the_best_are_chosen(wanted: dict[str, Any], holds: Any) -> None:
    expected = [row for row in rows(RECOMMENDATIONS, INCLUDE_ALL_RECOMMENDATIONS="TRUE") if holds(row)]
    assert expected
    found = rows(RECOMMENDATIONS, INCLUDE_ALL_RECOMMENDATIONS="TRUE", FILTER=json.dumps(wanted))
    assert {row["recommendation_id"] for row in found} == {row["recommendation_id"] for row in expected}
    best = rows(RECOMMENDATIONS, FILTER=json.dumps(wanted))
    assert {row["one_of"] for row in best} == {row["one_of"] for row in expected}


def test_a_recommendation_stays_the_same_while_its_resource_lives() -> None:
    today = {row["recommendation_id"] for row in rows(RECOMMENDATIONS, NOW) if row["resource_id"]}
    tomorrow = {
        row["recommendation_id"] for row in rows(RECOMMENDATIONS, NOW + timedelta(days=1)) if row["resource_id"]
    }
    assert len(today & tomorrow) > 0.7 * len(today)


def test_emissions_come_two_weeks_after_the_month() -> None:
    assert rows(CARBON, datetime(2026, 12, 14, 23, tzinfo=UTC)) == []
    assert rows(CARBON, datetime(2026, 12, 15, tzinfo=UTC))


def test_emissions_are_of_the_accounts_services_and_regions_of_the_bill() -> None:
    used = {(line["line_item_usage_account_id"], line["line_item_product_code"]) for line in bill()}
    found = rows(CARBON)
    sold = {line["line_item_product_code"] for line in bill() if line["bill_billing_entity"] == "AWS Marketplace"}
    assert sold
    assert not sold & {row["product_code"] for row in found}, "sellers' software has no emissions of AWS"
    assert {(row["usage_account_id"], row["product_code"]) for row in found} <= used
    places = [(row["usage_account_id"], row["product_code"], row["region_code"]) for row in found]
    assert len(places) == len(set(places))
    for row in found:
        scopes = row["total_scope_1_emissions_value"], row["total_scope_2_lbm_emissions_value"]
        assert row["total_lbm_emissions_value"] == pytest.approx(sum(scopes) + row["total_scope_3_lbm_emissions_value"])
        assert 0 < row["total_mbm_emissions_value"] < row["total_lbm_emissions_value"]
        assert row["usage_period_start"] == datetime(2026, 11, 1)
    assert {row["location"] for row in found if row["product_code"] == "AmazonCloudFront"} == {"Global"}
