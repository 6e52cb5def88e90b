"""The SQL subset of an export's query: what is accepted, what is refused, what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from emulator.sql.conditions import identifier
from emulator.sql.tokens import FOREIGN
from emulator.tables.query import QueryError, parse

CUR = "COST_AND_USAGE_REPORT"
COST = "line_item_unblended_cost"


def where(condition: str) -> str:
    return parse(f"SELECT {COST} FROM {CUR} WHERE {condition}", {}).where_sql()


@pytest.mark.parametrize(
    ("selected", "outputs"),
    [
        (COST, [(COST, "double")]),
        (f"{COST} AS cost", [("cost", "double")]),
        ("resource_tags.user_team", [("user_team", "string")]),
        ("resource_tags.user_team AS team, product.group", [("team", "string"), ("group", "string")]),
        ("discount.edp", [("edp", "double")]),
        (
            "product, line_item_usage_start_date",
            [("product", "map<string,string>"), ("line_item_usage_start_date", "timestamp")],
        ),
    ],
)
def test_select_lists(selected: str, outputs: list[tuple[str, str]]) -> None:
    query = parse(f"SELECT {selected} FROM {CUR}", {})
    assert [(column.name, column.type) for column in query.columns] == outputs


def test_keywords_in_any_case_and_a_limit() -> None:
    query = parse(f"sElEcT {COST} as c\n from {CUR}\t where {COST} > -1.5 limit 10", {})
    assert (query.columns[0].name, query.limit) == ("c", 10)


@pytest.mark.parametrize(
    "alias",
    ["2nd", "1", "_", "Cost_2026", "limit", "From", "end", *(word.lower() for word in sorted(FOREIGN))],
)
def test_an_alias_is_any_letters_digits_and_underscores(rows: duckdb.DuckDBPyConnection, alias: str) -> None:
    (column,) = parse(f"SELECT {COST} AS {alias} FROM {CUR}", {}).columns
    assert column.name == alias
    selected = rows.execute(f"SELECT {column.source.sql()} AS {identifier(column.name)} FROM export")
    assert selected.description[0][0] == alias, "the engine needs the name in quotes"


@pytest.mark.parametrize(
    ("condition", "sql"),
    [
        (f"{COST} != 0", f'("{COST}" <> 0)'),
        (f"{COST} = 1 OR {COST} = 2 AND {COST} = 3", f'(("{COST}" = 1) OR (("{COST}" = 2) AND ("{COST}" = 3)))'),
        (f"({COST} = 1 OR {COST} = 2) AND {COST} = 3", f'((("{COST}" = 1) OR ("{COST}" = 2)) AND ("{COST}" = 3))'),
        ("NOT line_item_operation = 'x'", "(NOT (\"line_item_operation\" = 'x'))"),
        ("NOT NOT line_item_operation = 'x'", "(\"line_item_operation\" = 'x')"),
        ("line_item_operation = 'it''s; --'", "(\"line_item_operation\" = 'it''s; --')"),
        ("resource_tags.user_team = 'web'", "(map_extract_value(\"resource_tags\", 'user_team') = 'web')"),
        (
            "line_item_usage_start_date >= '2026-11-01T02:00:00+02:00'",
            "(\"line_item_usage_start_date\" >= TIMESTAMP '2026-11-01 00:00:00')",
        ),
    ],
)
def test_where_becomes_quoted_sql(condition: str, sql: str) -> None:
    assert where(condition) == sql


OPERATION, TEAM, START = "line_item_operation", "resource_tags.user_team", "line_item_usage_start_date"


@pytest.fixture(scope="module")
def rows() -> Iterator[duckdb.DuckDBPyConnection]:
    """Four lines of a bill: id, cost, operation, tags, start."""
    with duckdb.connect() as connection:
        connection.execute(
            f"""CREATE TABLE export AS SELECT id, cost AS {COST}, op AS {OPERATION}, tags AS resource_tags,
                start AS {START} FROM (VALUES
                (1, -1.5::DOUBLE, 'Run', MAP {{'user_team': 'web'}}, TIMESTAMP '2026-11-01 00:00:00'),
                (2, 0.1, 'it''s', MAP {{'user_team': 'data', 'user_stage': 'live'}}, TIMESTAMP '2026-11-02 12:00:00'),
                (3, 2, '', MAP {{}}, TIMESTAMP '2026-12-01 00:00:00'),
                (4, NULL, NULL, NULL, NULL)) AS line(id, cost, op, tags, start)"""
        )
        yield connection


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        (f"{COST} = 0.1", [2]),
        (f"{COST} = 0.10000", [2]),
        (f"{COST} <> 2", [1, 2]),
        (f"{COST} != 2.0", [1, 2]),
        (f"{COST} < 0", [1]),
        (f"{COST} <= -1.5", [1]),
        (f"{COST}>-2", [1, 2, 3]),
        (f"{COST} >= 2", [3]),
        (f"{COST} > 123456789012345678901234567890123456789012", []),
        (f"{COST} IN (2, -1.5, 7)", [1, 3]),
        (f"{COST} NOT IN (2)", [1, 2]),
        (f"NOT {COST} IN (2)", [1, 2]),
        (f"NOT ({COST} < 0 OR {COST} = 2)", [2]),
        (f"not {COST} < 0 aNd {COST} < 1", [2]),
        (f"{COST} < 0 OR {COST} > 0 AND {COST} < 1", [1, 2]),
        (f"({COST} < 0 OR {COST} > 0) AND {COST} < 1", [1, 2]),
        (f"(({COST} = 2))", [3]),
        (f"{OPERATION} = 'it''s'", [2]),
        (f"{OPERATION} = ''", [3]),
        (f"{OPERATION} <> ''", [1, 2]),
        (f"{OPERATION} = 'run'", []),
        (f"{OPERATION} >= 'S'", [2]),
        (f"{OPERATION} IN ('Run', '')", [1, 3]),
        (f"{TEAM} = 'web'", [1]),
        (f"{TEAM} <> 'web'", [2]),
        (f"NOT {TEAM} = 'web'", [2]),
        (f"{TEAM} NOT IN ('data')", [1]),
        ("resource_tags.never_there = 'x'", []),
        ("NOT resource_tags.never_there = 'x'", []),
        (f"{START} >= '2026-11-02'", [2, 3]),
        (f"{START} = '2026-11-02T12:00:00Z'", [2]),
        (f"{START} = '2026-11-02 12:00:00.000'", [2]),
        (f"{START} < '2026-12-01T01:00:00+01:00'", [1, 2]),
        (f"{START} IN ('2026-11-01', '2026-12-01')", [1, 3]),
    ],
)
def test_what_a_condition_lets_through(rows: duckdb.DuckDBPyConnection, condition: str, ids: list[int]) -> None:
    found = rows.execute(f"SELECT id FROM export WHERE {where(condition)} ORDER BY id").fetchall()
    assert [row[0] for row in found] == ids


@pytest.mark.parametrize(
    ("selected", "values"),
    [(TEAM, ["web", "data", None, None]), ("resource_tags.user_stage", [None, "live", None, None])],
)
def test_a_key_that_a_map_lacks_gives_null(rows: duckdb.DuckDBPyConnection, selected: str, values: list[Any]) -> None:
    (column,) = parse(f"SELECT {selected} FROM {CUR}", {}).columns
    assert [
        row[0] for row in rows.execute(f"SELECT {column.source.sql()} FROM export ORDER BY id").fetchall()
    ] == values


@pytest.mark.parametrize("limit", [0, 1, 2**31, 2**63 - 1])
def test_limits(limit: int) -> None:
    assert parse(f"SELECT {COST} FROM {CUR} LIMIT {limit:03}", {}).limit == limit


def test_properties_decide_which_columns_there_are() -> None:
    query = parse(f"SELECT line_item_resource_id FROM {CUR}", {CUR: {"INCLUDE_RESOURCES": "TRUE"}})
    assert query.properties["TIME_GRANULARITY"] == "HOURLY"


@pytest.mark.parametrize(
    ("configurations", "message"),
    [
        ({CUR: {"TIME_GRANULARITY": "WEEKLY"}}, "cannot be 'WEEKLY'"),
        ({"FOCUS_1_2_AWS": {}}, "the statement queries COST_AND_USAGE_REPORT"),
    ],
)
def test_bad_table_configurations_are_refused(configurations: dict[str, dict[str, str]], message: str) -> None:
    with pytest.raises(QueryError) as refusal:
        parse(f"SELECT {COST} FROM {CUR}", configurations)
    assert message in str(refusal.value)
