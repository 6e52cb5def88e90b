"""The columns that an export selects, and the check of them against what AWS documents."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from pydantic import field_validator, model_validator
from pydantic_core import PydanticCustomError

from finops.definition_errors import mistake, nearest, shown
from finops.definition_fields import StrictModel
from finops.tables import Table


class Column(StrictModel):
    """One selected column; in the file just its name, or ``{column: …, alias: …}``.

    :param column: a column of the table, or one key of a map column: ``resource_tags.user_team``.
    :param alias: name in the delivered files; letters, digits and '_'. None: the column's name or the map's key.

    https://docs.aws.amazon.com/cur/latest/userguide/dataexports-data-query.html
    """

    column: str
    alias: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: object) -> object:
        if isinstance(value, str):
            return {"column": value}
        if not isinstance(value, dict | Column):
            raise mistake(f"{shown(value)} is not a column", "Write the column's name, or column: and alias:")
        return value

    @field_validator("column")
    @classmethod
    def _check_column(cls, column: str) -> str:
        if not re.fullmatch(r"\w+(\.\w+)?", column, re.ASCII):
            remedy = "Write a column or map.key, of letters, digits and '_'; anything else needs statement:"
            raise mistake(f"{shown(column)} is not a column", remedy)
        return column

    @field_validator("alias")
    @classmethod
    def _check_alias(cls, alias: str | None) -> str | None:
        if alias is not None and not re.fullmatch(r"\w+", alias, re.ASCII):
            raise mistake(f"{shown(alias)} is not an alias that AWS takes", "Use letters, digits and '_'")
        return alias

    @property
    def base(self) -> str:
        """The table's column, without the key of a map."""
        return self.column.partition(".")[0]

    @property
    def output(self) -> str:
        """The column's name in the delivered files."""
        return self.alias or self.column.rpartition(".")[2]

    @property
    def sql(self) -> str:
        """The column as an item of SELECT."""
        return f"{self.column} AS {self.alias}" if self.alias else self.column


def check_columns(
    columns: Sequence[Column], table: Table, properties: Mapping[str, str]
) -> Iterator[tuple[tuple[int, ...], PydanticCustomError]]:
    """Yield the mistakes of the columns, each with its index, under these table properties."""
    if not columns:
        yield (), mistake("is an empty list", "Name at least one column")
    taken: dict[str, str] = {}
    for index, column in enumerate(columns):
        if error := _unknown(column, table) or _unavailable(column, table, properties):
            yield (index,), error
        elif column.output in taken:
            problem = f"{column.column} gives a second column named {column.output} ({taken[column.output]})"
            yield (index,), mistake(problem, "Delete one or give it another alias")
        taken.setdefault(column.output, column.column)


def _unknown(column: Column, table: Table) -> PydanticCustomError | None:
    if not table.columns:  # AWS publishes no list for this table
        return None
    if column.base not in table.columns:
        likely = nearest(column.base, table.columns)
        hint = f"Did you mean {likely}? " if likely else ""
        remedy = f"{hint}If AWS added it lately, select it with statement: instead of columns:"
        return mistake(f"{column.base} is not a column of {table.name}", remedy)
    if "." in column.column and column.base not in table.maps:
        return mistake(f"{column.base} is not a map, so it has no key to select", f"Write {column.base}")
    return None


def _unavailable(column: Column, table: Table, properties: Mapping[str, str]) -> PydanticCustomError | None:
    adder, remover = table.added_by.get(column.base), table.removed_by.get(column.base)
    if adder and properties.get(adder) != "TRUE":
        problem = f"{column.base} exists only with the table property {adder}"
        return mistake(problem, f'Add {adder}: "TRUE" to table_properties, or drop the column')
    if remover and properties.get(remover) == "TRUE":
        problem = f"{column.base} does not exist with the table property {remover}"
        return mistake(problem, "Drop the column or the property")
    return None
