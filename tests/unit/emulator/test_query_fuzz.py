"""Whatever is accepted runs on DuckDB, and nothing of the user's text gets there unquoted.

The statements are made from the grammar, for all tables and columns, and then spoilt in small ways; with one seed, so
that each run makes the same ones.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from emulator.sql.conditions import identifier
from emulator.tables.catalog import TABLES, Column, Table
from emulator.tables.query import Query, QueryError, parse

DUCKDB_TYPES = {"string": "VARCHAR", "int": "BIGINT", "timestamp_milliseconds": "TIMESTAMP"}
WORDS = "(?:AND|OR|NOT|IN|TIMESTAMP|TRUE|FALSE|map_extract_value|true)"
QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
CLEAN = re.compile(rf"(?:\s|{WORDS}\b|-?[0-9]+(?:\.[0-9]+)?|<>|<=|>=|[=<>(),]|Q)*")
TEXTS = (
    "",
    "a",
    "it's",
    "'",
    "''",
    "' OR TRUE --",
    "\\",
    "%",
    "\n",
    "\x00b",
    "\u00e9\U0001f4b8",
    "{}",
    "$1",
    "?",
    '"',
    ";",
)
SPOILS = (
    *(
        "'",
        '"',
        "''",
        "(",
        ")",
        ",",
        ".",
        "*",
        ";",
        "--",
        "/*",
        "*/",
        "\\",
        "\x00",
        "\n",
        "$$",
        "?",
        "%",
        "||",
        "::",
        "=",
    ),
    *(" OR TRUE", " OR 1=1", " UNION SELECT 1", "; DROP TABLE export", " IS NULL", " LIKE 'a'", " NOT", " IN ()", "e5"),
    *(
        "0x10",
        "-",
        "+1",
        "\u00a0",
        "\u0661",
        "read_csv('/etc/passwd')",
        "NULL",
        "LIMIT 1",
        "WHERE",
        "AS x",
        "1.",
        "[1]",
    ),
)


def every_property(table: Table) -> dict[str, dict[str, str]]:
    """Properties under which the table has the most columns."""
    return {
        table.name: {
            each.name: "TRUE"
            for each in table.properties
            if each.valid_values == ("TRUE", "FALSE") and each.name != "INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY"
        }
    }


class Maker:
    """Makes statements on one table from a source of chance."""

    def __init__(self, table: Table, draw: random.Random) -> None:
        self.table, self.draw = table, draw
        self.columns = table.columns(every_property(table)[table.name])

    def statement(self) -> str:
        selected = [
            f"{self.reference(column)} {self.keyword('AS')} out_{place}"
            for place, column in enumerate(self.draw.sample(self.columns, self.draw.randint(1, 4)))
        ]
        parts = [self.keyword("SELECT"), ", ".join(selected), self.keyword("FROM"), self.table.name]
        if self.draw.random() < 0.9:
            parts += [self.keyword("WHERE"), self.condition(3)]
        if self.draw.random() < 0.3:
            parts += [self.keyword("LIMIT"), str(self.draw.choice((0, 1, 10, 2**40)))]
        return self.draw.choice((" ", "\n", "\t ")).join(parts)

    def condition(self, depth: int) -> str:
        kind = self.draw.randrange(5) if depth else 0
        if kind == 1:
            return f"{self.keyword('NOT')} {self.condition(depth - 1)}"
        if kind == 2:
            return f"({self.condition(depth - 1)})"
        if kind in (3, 4):
            operator = self.keyword(self.draw.choice(("AND", "OR")))
            return f"{self.condition(depth - 1)} {operator} {self.condition(depth - 1)}"
        return self.predicate()

    def predicate(self) -> str:
        column = self.draw.choice(self.columns)
        reference = self.reference(column, always_key=True)
        if self.draw.random() < 0.3:
            negated = self.draw.choice(("", f"{self.keyword('NOT')} "))
            literals = ", ".join(self.literal(column) for _ in range(self.draw.randint(1, 3)))
            return f"{reference} {negated}{self.keyword('IN')} ({literals})"
        return f"{reference}{self.draw.choice(('=', ' != ', ' <> ', '<', ' <=', '> ', ' >= '))}{self.literal(column)}"

    def reference(self, column: Column, always_key: bool = False) -> str:
        is_map = column.type.startswith("map<")
        return f"{column.name}.user_key" if is_map and (always_key or self.draw.random() < 0.5) else column.name

    def literal(self, column: Column) -> str:
        kind = column.type.removesuffix(">").rpartition(",")[2]
        if kind in ("double", "int"):
            return self.draw.choice(("0", "-1", "1.50", "-0.000001", "9" * 30, "00"))
        if kind == "boolean":
            return self.draw.choice(("TRUE", "false"))
        if kind.startswith("timestamp"):
            return self.draw.choice(("'2026-11-01'", "'2026-11-01T00:00:00.5Z'", "'2026-11-01 01:00:00+05:30'"))
        return "'" + self.draw.choice(TEXTS).replace("'", "''") + "'"

    def keyword(self, word: str) -> str:
        return self.draw.choice((word, word.lower(), word.title()))

    def spoilt(self) -> str:
        """A statement with one or two small changes, half of them right behind a quote."""
        statement = self.statement()
        for _ in range(self.draw.randint(1, 2)):
            quotes = [place + 1 for place, character in enumerate(statement) if character == "'"]
            places = quotes if quotes and self.draw.random() < 0.5 else range(len(statement) + 1)
            at = self.draw.choice(places)
            until = at + self.draw.choice((0, 0, 1, 5))
            statement = statement[:at] + self.draw.choice((*SPOILS, "", " ")) + statement[until:]
        return statement


@pytest.fixture(scope="module")
def connections() -> Iterator[dict[str, duckdb.DuckDBPyConnection]]:
    """For each table a connection that has it, as `export`, with one row."""
    opened = {}
    for table in TABLES.values():
        opened[table.name] = duckdb.connect()
        columns = table.columns(every_property(table)[table.name])
        listed = ", ".join(f"{identifier(column.name)} {_duckdb_type(column.type)}" for column in columns)
        opened[table.name].execute(f"CREATE TABLE export ({listed})")
        opened[table.name].execute(
            f"INSERT INTO export VALUES ({', '.join(_value(column.type) for column in columns)})"
        )
    yield opened
    for connection in opened.values():
        connection.close()


def _duckdb_type(kind: str) -> str:
    if kind.startswith("map<"):
        return f"MAP(VARCHAR, {_duckdb_type(kind.removesuffix('>').rpartition(',')[2])})"
    return DUCKDB_TYPES.get(kind, kind.upper())


def _value(kind: str) -> str:
    value = {"string": "'a'", "boolean": "TRUE", "double": "1.5", "int": "1"}.get(kind, "TIMESTAMP '2026-11-01'")
    return (
        f"MAP {{'user_key': {_value(kind.removesuffix('>').rpartition(',')[2])}}}" if kind.startswith("map") else value
    )


def run(connection: duckdb.DuckDBPyConnection, query: Query) -> list[Any]:
    """Run a query as the writer does, but for its chunks."""
    columns = ", ".join(f"{column.source.sql()} AS {identifier(column.name)}" for column in query.columns)
    return connection.execute(f"SELECT {columns} FROM export WHERE {query.where_sql()} LIMIT 5").fetchall()


def assert_clean(sql: str) -> None:
    assert CLEAN.fullmatch(QUOTED.sub("Q", sql)), sql


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_what_the_grammar_makes_is_accepted_and_runs(table: Table, connections: Any) -> None:
    maker = Maker(table, random.Random(7))
    for _ in range(120):
        statement = maker.statement()
        query = parse(statement, every_property(table))
        assert_clean(query.where_sql())
        run(connections[table.name], query)


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_what_is_spoilt_is_refused_or_still_clean(table: Table, connections: Any) -> None:
    maker, outcomes = Maker(table, random.Random(8)), Counter[str]()
    for _ in range(400):
        statement = maker.spoilt()
        try:
            query = parse(statement, every_property(table))
        except QueryError:
            outcomes["refused"] += 1
            continue
        outcomes["accepted"] += 1
        assert_clean(query.where_sql())
        run(connections[table.name], query)
    assert min(outcomes["refused"], outcomes["accepted"]) > 20, outcomes


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_column_can_be_selected_and_compared(table: Table, connections: Any) -> None:
    maker = Maker(table, random.Random(9))
    for column in maker.columns:
        condition = f"{maker.reference(column, always_key=True)} >= {maker.literal(column)}"
        statement = f"SELECT {column.name} FROM {table.name} WHERE {condition}"
        run(connections[table.name], parse(statement, every_property(table)))


@pytest.mark.parametrize("value", TEXTS)
def test_a_text_means_itself(value: str) -> None:
    quoted = value.replace("'", "''")
    query = parse(f"SELECT BillingAccountId FROM FOCUS_1_2_AWS WHERE BillingAccountId = '{quoted}'", {})
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE export (BillingAccountId VARCHAR)")
        connection.executemany("INSERT INTO export VALUES (?)", [[each] for each in TEXTS])
        assert run(connection, query) == [(value,)]


@pytest.mark.parametrize("joint", ["OR", "AND"])
def test_the_longest_statement_runs(joint: str, connections: Any) -> None:
    start, predicate = "SELECT BilledCost FROM FOCUS_1_2_AWS WHERE BilledCost=1", f" {joint} BilledCost=1"
    statement = start + predicate * ((36_000 - len(start)) // len(predicate))
    run(connections["FOCUS_1_2_AWS"], parse(statement, {}))


@pytest.mark.parametrize("opening", ["(", "NOT (", "NOT ((NOT "])
def test_the_deepest_condition_runs(opening: str, connections: Any) -> None:
    deepest = None
    for depth in range(1, 110):
        closing = ")" * opening.count("(") * depth
        try:
            deepest = parse(f"SELECT BilledCost FROM FOCUS_1_2_AWS WHERE {opening * depth}BilledCost=1{closing}", {})
        except QueryError:
            break
    assert deepest is not None
    run(connections["FOCUS_1_2_AWS"], deepest)
