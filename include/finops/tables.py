"""What AWS documents about the tables that a data export can select from.

The facts are in ``tables.json`` next to this file; AWS's own ``GetTable`` is the authority at run time, so a
column that AWS added since is reached with ``statement:`` in the export's definition.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

NOT_IN_BILLING_PERIODS = ("COST_OPTIMIZATION_RECOMMENDATIONS", "CARBON_EMISSIONS", "COST_AND_USAGE_DASHBOARD")
"""AWS's other tables: their deliveries lie in no ``BILLING_PERIOD=`` folders, by which deliveries are found here."""


@dataclass(frozen=True)
class Table:
    """One table of AWS Data Exports that is delivered by billing period.

    :param name: AWS's name, such as ``COST_AND_USAGE_REPORT``.
    :param properties: the table properties it knows, each with its allowed values; None: any text.
    :param columns: all columns under any properties. Empty where AWS publishes no list.
    :param maps: the columns of type map, of which one key can be selected (``resource_tags.user_team``).
    :param added_by: column -> the property that must be TRUE for the column to exist.
    :param removed_by: column -> the property that takes the column away when it is TRUE.

    https://docs.aws.amazon.com/cur/latest/userguide/dataexports-table-dictionary.html
    """

    name: str
    properties: dict[str, tuple[str, ...] | None]
    columns: frozenset[str]
    maps: frozenset[str]
    added_by: dict[str, str]
    removed_by: dict[str, str]


@functools.cache
def known_tables() -> dict[str, Table]:
    """Return the tables that an export can be declared on, by name.

    Reads ``tables.json`` once in a process, at the first call.
    """
    content = json.loads(Path(__file__).with_name("tables.json").read_text(encoding="utf-8"))
    return {
        name: Table(
            name=name,
            properties={key: values and tuple(values) for key, values in entry["properties"].items()},
            columns=frozenset(entry["columns"]),
            maps=frozenset(entry["maps"]),
            added_by=entry["added_by"],
            removed_by=entry["removed_by"],
        )
        for name, entry in content.items()
    }
