"""The query of an export: what AWS's SQL subset allows, and nothing else.

`SELECT column | map.key [AS alias], ... FROM table [WHERE ...] [LIMIT n]`, with `= != <> < <= > >=`, AND, OR,
NOT, IN and parentheses. Keywords in any case; table and column names exactly as the table has them.
https://docs.aws.amazon.com/cur/latest/userguide/dataexports-data-query.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from emulator.sql.conditions import Condition, Reference, condition
from emulator.sql.tokens import QueryError, Tokens
from emulator.tables.catalog import TABLES, Column, Table

__all__ = ["OutputColumn", "Query", "QueryError", "parse"]


@dataclass(frozen=True)
class OutputColumn:
    """A column of the result: its name (alias, map key or column), AWS's type, and where it comes from."""

    name: str
    type: str
    source: Reference


@dataclass(frozen=True)
class Query:
    """A parsed and checked statement. `properties` are the table's effective ones, defaults filled in."""

    table: Table
    properties: Mapping[str, str]
    columns: list[OutputColumn]
    where: Condition | None = None
    limit: int | None = None

    def where_sql(self) -> str:
        """The WHERE condition as a DuckDB expression over the table's columns; `true` if there is none."""
        return self.where.sql() if self.where else "true"


def parse(statement: str, properties_by_table: Mapping[str, Mapping[str, str]]) -> Query:
    """Parse an export's QueryStatement.

    `properties_by_table` is the export's TableConfigurations: properties per table name. Raises QueryError,
    in one sentence for the user, for anything outside the subset, unknown names and bad properties.
    """
    tokens = Tokens(statement)
    tokens.expect_keyword("SELECT")
    selected = [_selected(tokens)]
    while tokens.take_symbol(","):
        selected.append(_selected(tokens))
    tokens.expect_keyword("FROM")
    table = _table(tokens.name("a table"), properties_by_table)
    properties = _properties(table, properties_by_table)
    columns = {column.name: column for column in table.columns(properties)}
    resolve = _resolver(table, columns)
    where = condition(tokens, resolve) if tokens.take_keyword("WHERE") else None
    limit = tokens.whole_number("LIMIT") if tokens.take_keyword("LIMIT") else None
    tokens.expect_end()
    return Query(table, properties, _outputs(selected, resolve), where, limit)


def _selected(tokens: Tokens) -> tuple[str, str | None, str]:
    """One item of the SELECT list as column, map key, output name."""
    if tokens.take_symbol("*"):
        raise QueryError("SELECT * is not supported: name the columns, as GetTable lists them.")
    column, key = tokens.reference()
    alias = tokens.alias() if tokens.take_keyword("AS") else None
    return column, key, alias or key or column


def _table(name: str, properties_by_table: Mapping[str, Mapping[str, str]]) -> Table:
    if name not in TABLES:
        raise QueryError(f"There is no table {name}. The tables are {', '.join(TABLES)} (names are case-sensitive).")
    for other in properties_by_table:
        if other != name:
            raise QueryError(f"The table configurations name {other}, but the statement queries {name}.")
    return TABLES[name]


def _properties(table: Table, properties_by_table: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    try:
        return table.effective_properties(properties_by_table.get(table.name, {}))
    except ValueError as error:
        raise QueryError(str(error)) from None


def _resolver(table: Table, columns: Mapping[str, Column]) -> Callable[[str, str | None], Reference]:
    def resolve(name: str, key: str | None) -> Reference:
        column = columns.get(name)
        if column is None:
            summary = f"The columns in the query provided are not a subset of the table {table.name}"
            raise QueryError(_unknown(table, columns, name), summary)
        if key is None:
            return Reference(name, None, column.type)
        if not column.type.startswith("map<"):
            raise QueryError(f"Column {name} is a {column.type}, not a map: {name}.{key} selects nothing.")
        return Reference(name, key, column.type.removeprefix("map<").removesuffix(">").split(",")[1])

    return resolve


def _unknown(table: Table, columns: Mapping[str, Column], name: str) -> str:
    for column in table.all_columns:
        if column.name == name:
            remedy = f"set {column.added_by} to TRUE" if column.added_by else f"{column.removed_by} takes it away"
            return f"Column {name} of table {table.name} is not there under these table properties: {remedy}."
    close = [each for each in columns if each.lower() == name.lower()]
    hint = f" Names are case-sensitive: did you mean {close[0]}?" if close else ""
    return f"Table {table.name} has no column {name}.{hint}"


def _outputs(
    selected: list[tuple[str, str | None, str]], resolve: Callable[[str, str | None], Reference]
) -> list[OutputColumn]:
    outputs: list[OutputColumn] = []
    for column, key, name in selected:
        if any(name.lower() == output.name.lower() for output in outputs):  # Parquet's readers ignore case
            raise QueryError(f"Two columns of the result are called {name}: give one of them an alias.")
        source = resolve(column, key)
        outputs.append(OutputColumn(name, source.type, source))
    return outputs
