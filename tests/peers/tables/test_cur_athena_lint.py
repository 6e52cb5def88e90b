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
def test_every_query_has_an_answer(legacy: duckdb.DuckDBPyConnection, number: int) -> None:
    assert answer(legacy, number)


@pytest.mark.parametrize("number", [1, 6])
def test_the_parts_of_a_month_add_up_to_it(legacy: duckdb.DuckDBPyConnection, number: int) -> None:
    assert sum(row["unblended_cost"] for row in answer(legacy, number)) == pytest.approx(total(legacy), abs=2)


def test_a_month_reconciles(legacy: duckdb.DuckDBPyConnection) -> None:
    [month] = answer(legacy, 15)
    assert month["unblended_all_types"] == pytest.approx(total(legacy), abs=0.01)
