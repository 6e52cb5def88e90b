"""The embedded engine: DuckDB in memory, fenced in, and the translation of Athena's SQL to its dialect."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from finops.report_files import ReportError

MEMORY_LIMIT = "1GB"
"""What DuckDB may hold in memory; what is more goes to the scratch folder."""


def reason(error: Exception) -> str:
    """Reduce DuckDB's many-line message to its one telling sentence."""
    lines: list[str] = []
    for line in str(error).splitlines():
        if line.startswith(("LINE ", "Column ", "\tCandidate", "  file")) or (lines and not line.strip()):
            break
        lines.append(line.strip())
    return " ".join(lines).rstrip(".")[:600]


def translate(name: str, sql: str, relations: Sequence[str]) -> str:
    """Translate one SELECT from Athena's dialect to DuckDB's.

    `name` is the file to blame, `relations` are the only tables the statement may read.
    Raises ReportError if it is not exactly one query or reads anything else.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        statements = [found for found in sqlglot.parse(sql, read="athena") if found is not None]
    except SqlglotError as error:
        detail = (getattr(error, "errors", None) or [{}])[0]
        where = f"line {detail['line']}: " if detail.get("line") else ""
        what = detail.get("description") or str(error).splitlines()[0]
        raise ReportError(f"{name}: {where}this is not valid Athena SQL: {what.rstrip('.')}.") from error
    statements = [found for found in statements if not isinstance(found, exp.Semicolon)]
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise ReportError(f"{name}: a report is exactly one SELECT. Remove every other statement.")
    statement = statements[0]
    own = {cte.alias_or_name.lower() for cte in statement.find_all(exp.CTE)}
    allowed = own | {relation.lower() for relation in relations}
    for table in statement.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier) or table.db or table.name.lower() not in allowed:
            raise ReportError(
                f"{name}: reads {table.sql(dialect='athena')}, which is none of its inputs "
                f"({', '.join(relations)}). Name only inputs in FROM and JOIN."
            )
    return statement.sql(dialect="duckdb", comments=False)


class Engine:
    """A DuckDB that reads the files it was given and nothing else, neither disk nor network.

    Use as a context manager. `files` are the only files it may open, `scratch` an existing folder for what
    does not fit into memory. No extension is ever fetched, and SQL cannot lift these limits.
    """

    def __init__(self, scratch: Path, files: Sequence[Path] = (), memory_limit: str = MEMORY_LIMIT) -> None:
        import duckdb

        self._error: type[Exception] = duckdb.Error
        self._connection = duckdb.connect(":memory:")
        for name, value in (
            ("autoinstall_known_extensions", False),
            ("autoload_known_extensions", False),
            ("memory_limit", memory_limit),
            ("temp_directory", str(scratch)),
            ("TimeZone", "UTC"),
            ("allowed_paths", [str(path) for path in files]),
            ("enable_external_access", False),
            ("lock_configuration", True),
        ):
            self._connection.execute(f"SET {name} = {_literal(value)}")

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def execute(self, name: str, sql: str) -> None:
        """Run a statement of ours in DuckDB's dialect; ReportError blames `name`."""
        try:
            self._connection.execute(sql)
        except self._error as error:
            raise ReportError(f"{name}: the engine refuses it: {reason(error)}.") from error

    def load(self, name: str, table: Any) -> None:
        """Make the Arrow table `table` the relation `name`."""
        self._connection.register(f"_{name}", table)
        self._connection.execute(f"CREATE TABLE {quoted(name)} AS FROM {quoted('_' + name)}")

    def query(self, name: str, sql: str) -> Any:
        """Run a query in DuckDB's dialect and return an Arrow table; ReportError blames `name`.

        Decimals, in which costs are added exactly, come back as doubles: tools expect them.
        """
        import pyarrow as pa

        try:
            table = self._connection.sql(sql).to_arrow_table()
        except self._error as error:
            raise ReportError(f"{name}: the engine refuses it: {reason(error)}.") from error
        for index, field in enumerate(table.schema):
            if pa.types.is_decimal(field.type):
                # Arrow's own cast is off in the last digit; Python's rounds correctly.
                values = [None if value is None else float(value) for value in table[index].to_pylist()]
                table = table.set_column(index, field.name, pa.array(values, pa.float64()))
        return table


def quoted(name: str) -> str:
    """Quote an identifier for DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(_literal(item) for item in value) + "]"
    return text_literal(str(value))


def text_literal(value: str) -> str:
    """Quote a string for SQL."""
    return "'" + value.replace("'", "''") + "'"
