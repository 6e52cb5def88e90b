"""The queries that `cur-athena-lint` ships run on an export that is named as in legacy CUR."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from tests.peers.environments import packages
from tests.peers.tables.conftest import NOW
from tests.peers.tables.published import for_duckdb, without_comments

pytestmark = pytest.mark.timeout(300)  # the first test makes the environments and the deliveries

NUMBERS = tuple(range(1, 16))
MONTH = "2026-05"


def statement(number: int) -> str:
    """One of the queries, filled in for May and, where it compares two months, April."""
    [path] = (packages("published-sql") / "cur_athena_lint" / "queries").glob(f"{number:02}-*.sql")
    sql = without_comments(path.read_text()).replace("REPLACE_ME_DATABASE.REPLACE_ME_TABLE", "table_of_legacy_cur")
    compares = sql.count("'REPLACE_ME_MONTH'") == 2
    for mark, values in {
        "REPLACE_ME_YYYY-MM": ["2026-04", "2026-05"],
        "REPLACE_ME_MONTH": ["04", "05"] if compares else ["05"] * 4,
        "<YYYY-MM-DDT00:00:00Z": ["2026-04-01 00:00:00", "2026-06-01 00:00:00"] * 4,
        "REPLACE_ME_YYYY": ["2026"] * 4,
        "REPLACE_ME_PRODUCT_CODE": ["AmazonEC2"],
    }.items():
        for value in values:
            sql = sql.replace(f"'{mark}'", f"'{value}'", 1)
    return sql


NOTHING = {
    2: {
        "ri_discounted_usage": "what a reservation covers costs nothing more",
        "discounts": "AWS's discounts are lines of the type PrivateRateDiscount here, which the query does not know",
    },
    10: {"discounted_usage_cost": "what a reservation covers costs nothing more"},
}
"""Columns of answers that have nothing, or zero, in every row, each with its reason."""


@pytest.fixture(scope="module")
def legacy(lake: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    lake.execute(
        "CREATE VIEW table_of_legacy_cur AS"
        " SELECT *, billing_period[:4] AS year, billing_period[6:] AS month FROM lake.flat"
    )
    return lake


def answer(legacy: duckdb.DuckDBPyConnection, number: int) -> list[dict[str, Any]]:
    [sql] = for_duckdb(statement(number), NOW)
    found = legacy.execute(sql)
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def total(legacy: duckdb.DuckDBPyConnection, where: str = "true") -> float:
    select = f"SELECT sum(line_item_unblended_cost) FROM lake.cur WHERE billing_period = '{MONTH}' AND {where}"
    return float(legacy.execute(select).fetchall()[0][0])


@pytest.mark.parametrize("number", NUMBERS)
def test_every_column_of_an_answer_has_something_but_the_known(legacy: duckdb.DuckDBPyConnection, number: int) -> None:
    rows = answer(legacy, number)
    assert rows
    assert {column for column in rows[0] if not any(row[column] for row in rows)} == NOTHING.get(number, {}).keys()


def test_what_s3_stores_has_a_storage_class_and_what_it_does_has_none(legacy: duckdb.DuckDBPyConnection) -> None:
    classes: dict[str, set[str]] = {}
    for row in answer(legacy, 13):
        classes.setdefault(row["cost_category"], set()).add(row["storage_class"])
    assert classes["Storage"] > {"General Purpose", "Infrequent Access"}
    assert "(none)" not in classes["Storage"]
    assert classes["Requests"] == classes["Transfer"] == {"(none)"}


def test_what_commitments_cover_costs_less_than_on_demand(legacy: duckdb.DuckDBPyConnection) -> None:
    covered = [row for row in answer(legacy, 10) if row["sp_effective_cost"] or row["ri_effective_cost"]]
    assert covered
    for row in covered:
        paid = sum(row[f"{part}_cost"] or 0 for part in ("sp_effective", "ri_effective", "on_demand"))
        assert 0 < paid < row["public_on_demand_cost"]


@pytest.mark.parametrize("number", [1, 6])
def test_the_parts_of_a_month_add_up_to_it(legacy: duckdb.DuckDBPyConnection, number: int) -> None:
    assert sum(row["unblended_cost"] for row in answer(legacy, number)) == pytest.approx(total(legacy), abs=2)


def test_a_month_reconciles(legacy: duckdb.DuckDBPyConnection) -> None:
    [month] = answer(legacy, 15)
    assert month["unblended_all_types"] == pytest.approx(total(legacy), abs=0.01)
