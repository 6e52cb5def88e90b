"""SQL that others publish, as their packages on the registry carry it: read at test time, never copied here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import sqlglot
from sqlglot import exp

from emulator.tables.catalog import TABLES


def for_duckdb(sql: str, now: str) -> Iterable[str]:
    """Athena's statements in DuckDB's dialect, with `now` as the current time."""
    for statement in sqlglot.parse(sql, read="athena"):
        if statement:
            yield statement.transform(_mend, now).sql("duckdb")


def _mend(node: exp.Expression, now: str) -> exp.Expression:
    if isinstance(node, exp.CurrentTimestamp | exp.CurrentDate):
        kind = "date" if isinstance(node, exp.CurrentDate) else "timestamp"
        return exp.cast(exp.Literal.string(now), kind)
    if isinstance(node, exp.Values):  # VALUES ROW(1, 2) of Athena; DuckDB's has no ROW
        for line in node.expressions:
            if isinstance(line, exp.Tuple) and isinstance(line.expressions[0], exp.Struct):
                line.set("expressions", line.expressions[0].expressions)
    return node


def filled(template: str, values: Mapping[str, str]) -> str:
    """A template with `${name}` in it, filled in."""
    return re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], template)


def without_comments(sql: str) -> str:
    """The statement without its lines of comment."""
    return "\n".join(line for line in sql.splitlines() if not line.startswith("--"))


def flat_columns(packages: Path) -> str:
    """The select list of an export that has the columns of cur-athena-lint's table, which is named as in legacy CUR.

    What CUR 2.0 keeps in maps comes out under its old name, as AWS's migration guide has it:
    https://docs.aws.amazon.com/cur/latest/userguide/dataexports-migrate.html
    """
    ddl = (packages / "cur_athena_lint" / "setup" / "create_table.sql").read_text()
    known = {column.name for column in TABLES["COST_AND_USAGE_REPORT"].all_columns}
    names = [name for name in re.findall(r"^ +`(\w+)`", ddl, re.MULTILINE) if name not in ("year", "month")]
    return ", ".join(name if name in known else _from_map(name) for name in names)


def _from_map(name: str) -> str:
    for column in ("resource_tags", "product"):
        if name.startswith(f"{column}_"):
            return f"{column}.{name.removeprefix(f'{column}_')} AS {name}"
    raise AssertionError(f"CUR 2.0 has no {name}")
