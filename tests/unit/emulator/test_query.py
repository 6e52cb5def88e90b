"""The SQL subset of an export's query: what is accepted, what is refused, what becomes of it."""

from __future__ import annotations

import pytest

from emulator.query import QueryError, parse

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
    ("condition", "sql"),
    [
        (f"{COST} != 0", f'("{COST}" <> 0)'),
        (f"{COST} >= 1.50 AND {COST} < 2", f'(("{COST}" >= 1.50) AND ("{COST}" < 2))'),
        (f"{COST} = 1 OR {COST} = 2 AND {COST} = 3", f'(("{COST}" = 1) OR (("{COST}" = 2) AND ("{COST}" = 3)))'),
        (f"({COST} = 1 OR {COST} = 2) AND {COST} = 3", f'((("{COST}" = 1) OR ("{COST}" = 2)) AND ("{COST}" = 3))'),
        ("NOT line_item_operation = 'x'", "(NOT (\"line_item_operation\" = 'x'))"),
        ("NOT NOT line_item_operation = 'x'", "(\"line_item_operation\" = 'x')"),
        ("line_item_operation NOT IN ('a', 'b')", "(\"line_item_operation\" NOT IN ('a', 'b'))"),
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


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (f"SELECT * FROM {CUR}", "SELECT * is not supported"),
        (f"SELECT FROM {CUR}", "Expected a column"),
        (f"SELECT sum({COST}) FROM {CUR}", "Expected FROM"),
        (f"SELECT DISTINCT {COST} FROM {CUR}", "DISTINCT is not supported"),
        (f"SELECT {COST} cost FROM {CUR}", "Expected FROM in the query, found cost"),
        (f"SELECT {COST} AS 'cost' FROM {CUR}", "Expected an alias"),
        (f"SELECT {COST} AS a/b FROM {CUR}", "Unexpected '/b"),
        (f'SELECT "{COST}" FROM {CUR}', "Unexpected"),
        (f"SELECT {COST} + 1 FROM {CUR}", "Unexpected '+"),
        (f"SELECT {COST}, {COST} FROM {CUR}", "give one of them an alias"),
        (f"SELECT {COST}, line_item_operation AS {COST.upper()} FROM {CUR}", "give one of them an alias"),
        (f"SELECT {COST.upper()} FROM {CUR}", f"did you mean {COST}?"),
        (f"SELECT nonsense FROM {CUR}", "has no column nonsense."),
        (f"SELECT line_item_resource_id FROM {CUR}", "set INCLUDE_RESOURCES to TRUE"),
        (f"SELECT {COST}.key FROM {CUR}", "not a map"),
        (f"SELECT {COST} FROM {CUR.lower()}", "case-sensitive"),
        (f"SELECT {COST} FROM {CUR}, FOCUS_1_2_AWS", "Expected the end of the query"),
        (f"SELECT {COST} FROM {CUR} JOIN FOCUS_1_2_AWS", "JOIN is not supported"),
        (f"SELECT {COST} FROM {CUR} GROUP BY {COST}", "GROUP is not supported"),
        (f"SELECT {COST} FROM {CUR} ORDER BY {COST}", "ORDER is not supported"),
        (f"SELECT {COST} FROM {CUR};", "Unexpected ';'"),
        (f"SELECT {COST} FROM {CUR} -- all", "Unexpected '-- all'"),
        (f"SELECT {COST} FROM {CUR} LIMIT -1", "LIMIT needs a whole number"),
        (f"SELECT {COST} FROM {CUR} LIMIT 1.5", "LIMIT needs a whole number"),
        (f"SELECT {COST} FROM {CUR} WHERE", "Expected a column in the query, found its end"),
        (f"SELECT {COST} FROM {CUR} WHERE {COST} LIKE '1'", "LIKE is not supported"),
        (f"SELECT {COST} FROM {CUR} WHERE {COST} IS NULL", "IS is not supported"),
        (f"SELECT {COST} FROM {CUR} WHERE {COST} = '1'", "Expected a number, because"),
        (f"SELECT {COST} FROM {CUR} WHERE line_item_operation = 1", "Expected text in single quotes"),
        (f"SELECT {COST} FROM {CUR} WHERE line_item_usage_start_date > 'now'", "is a timestamp"),
        (f"SELECT {COST} FROM {CUR} WHERE product = 'a'", "is a map"),
        (f"SELECT {COST} FROM {CUR} WHERE ({COST} = 1", "Expected ')'"),
        (f"SELECT {COST} FROM {CUR} WHERE {COST} IN ()", "Expected a number"),
        (f"SELECT {COST} FROM {CUR} WHERE {COST} NOT = 1", "Expected IN"),
        (f"SELECT {COST} FROM {CUR} WHERE line_item_operation = 'open", "Unexpected"),
        (f"SELECT {COST} FROM {CUR} WHERE " + "(" * 5000, "deeper than"),
    ],
)
def test_everything_else_is_refused(statement: str, message: str) -> None:
    with pytest.raises(QueryError) as refusal:
        parse(statement, {})
    assert message in str(refusal.value)


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
