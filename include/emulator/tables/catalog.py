"""The tables that an export can query, as `ListTables` and `GetTable` describe them.

The columns and properties are data (`tables.json`), taken from AWS's table dictionary:
https://docs.aws.amazon.com/cur/latest/userguide/dataexports-table-dictionary.html
COST_AND_USAGE_DASHBOARD: our source for its page breaks off after the ninth column. Those nine are, in the page's
alphabetical order, the first of the summary view that the Cloud Intelligence Dashboards publish, so the others are too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

from emulator.tables.recommendation_filter import filter_sql


@dataclass(frozen=True)
class Column:
    """A column of a table.

    `type` is AWS's: string, double, int, boolean, timestamp, timestamp_milliseconds,
    map<string,string> or map<string,double>. `description` is empty: AWS's texts are not in our sources.
    `nullable` says whether AWS documents that the column may be null (true where it documents nothing).
    """

    name: str
    type: str
    description: str = ""
    nullable: bool = True
    added_by: str | None = None
    removed_by: str | None = None


@dataclass(frozen=True)
class Property:
    """A table property ("table configuration"): `valid_values` is empty if any text is allowed.

    `default` is None where AWS shows none; the property is then in force only when it is given.
    """

    name: str
    valid_values: tuple[str, ...]
    default: str | None
    description: str

    def check(self, value: str) -> None:
        """Raise ValueError, in words for the user, if the property cannot have this value."""
        if self.valid_values and value not in self.valid_values:
            raise ValueError(f"cannot be {value!r}. Allowed: {_listed(self.valid_values)}.")
        if self.name == "FILTER":
            filter_sql(value)


@dataclass(frozen=True)
class Table:
    """A table of Data Exports. `export_quota` is how many exports of it an account may have."""

    name: str
    description: str
    properties: tuple[Property, ...]
    export_quota: int
    partition_format: str
    all_columns: tuple[Column, ...]

    def effective_properties(self, given: Mapping[str, str]) -> dict[str, str]:
        """`given` with the defaults filled in, in the table's own order.

        Raises ValueError for a property that the table does not have or a value that it does not allow.
        """
        known = {each.name: each for each in self.properties}
        for name, value in given.items():
            if name not in known:
                has = f"It has {_listed(list(known))}." if known else "It has none."
                raise ValueError(f"Table {self.name} has no property {name}. {has}")
            try:
                known[name].check(value)
            except ValueError as error:
                raise ValueError(f"Property {name} of table {self.name} {error}") from None
        filled = {name: given.get(name, each.default) for name, each in known.items()}
        return {name: value for name, value in filled.items() if value is not None}

    def columns(self, properties: Mapping[str, str]) -> list[Column]:
        """The columns that the table has under these properties. Raises ValueError as `effective_properties`."""
        effective = self.effective_properties(properties)

        def is_on(name: str | None) -> bool:
            return name is not None and effective.get(name) == "TRUE"

        return [
            column
            for column in self.all_columns
            if (column.added_by is None or is_on(column.added_by)) and not is_on(column.removed_by)
        ]

    def partition(self, period: date) -> str:
        """The folder of the partition that holds `period`, such as BILLING_PERIOD=2026-11."""
        return period.strftime(self.partition_format)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _table(name: str, entry: Mapping[str, Any]) -> Table:
    return Table(
        name=name,
        description=entry["description"],
        properties=tuple(
            Property(**{**each, "valid_values": tuple(each["valid_values"])}) for each in entry["properties"]
        ),
        export_quota=entry["export_quota"],
        partition_format=entry["partition"],
        all_columns=tuple(Column(**each) for each in entry["columns"]),
    )


TABLES: Mapping[str, Table] = MappingProxyType(
    {
        name: _table(name, entry)
        for name, entry in json.loads(Path(__file__).with_name("tables.json").read_text(encoding="utf-8")).items()
    }
)
