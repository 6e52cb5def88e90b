"""From delivered files to the relation `charges`, the same for CUR 2.0 and FOCUS."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from finops.engine import Engine, quoted, text_literal, translate
from finops.report_files import Header, ReportError, read_header, single, split

CHARGES = Path(__file__).resolve().parents[1] / "reports" / "charges"
"""The folder of the views; the header `tables` of each says for which of AWS's tables it is."""

_TYPES = {"double": "DOUBLE", "float": "DOUBLE", "decimal": "DOUBLE", "int": "BIGINT", "bigint": "BIGINT",
          "boolean": "BOOLEAN", "date": "DATE"}  # fmt: skip
_OPTIONAL = re.compile(r"(?P<group>[a-z_]+)\s*=\s*(?P<rest>\S.*)")


def duckdb_type(aws: str) -> str:
    """Map a manifest's column type to DuckDB's. A type we do not know is read as text."""
    name = aws.strip().lower()
    if name.startswith("timestamp"):
        return "TIMESTAMP"
    if name.startswith("map"):
        return "MAP(VARCHAR, DOUBLE)" if name.replace(" ", "").endswith(",double>") else "MAP(VARCHAR, VARCHAR)"
    return _TYPES.get(name, "VARCHAR")


@dataclass(frozen=True)
class ChargesView:
    """How AWS's `table` becomes `charges`: what the file of the view says.

    `required` columns must be delivered. `optional` holds groups of {column: type}: an absent column is NULL
    to the SQL, and `has_<group>` says whether the group is complete. `notes` tell the reader of the page
    what it means that a group is not.
    """

    table: str
    path: Path
    required: tuple[str, ...]
    optional: Mapping[str, Mapping[str, str]]
    notes: Mapping[str, str]

    def missing(self, delivered: Sequence[str]) -> list[str]:
        """Groups that `delivered`, the column names of an export, does not make complete."""
        return [group for group, columns in self.optional.items() if not set(columns) <= set(delivered)]


def read_view(table: str, folder: Path = CHARGES) -> ChargesView:
    """Read the view of AWS's table `table`. Raises ReportError if there is none or it is malformed."""
    found: dict[str, tuple[Path, Header]] = {}
    for path in sorted(folder.glob("*.sql")):
        header = read_header(path, ("title", "description", "tables", "requires", "optional", "note"))
        found |= dict.fromkeys(split(single(path, header, "tables")[1]), (path, header))
    if table not in found:
        raise ReportError(f"No cost reports exist for table {table}. Tables with reports: {', '.join(sorted(found))}.")
    path, header = found[table]
    optional = {}
    for line, text in header.get("optional", []):
        group, rest = _group(path, line, text)
        columns = {}
        for item in re.split(r",\s+", rest):
            name, _, kind = item.strip().partition(" ")
            columns[name] = kind.strip() or "string"
        optional[group] = columns
    notes = dict(_group(path, line, text) for line, text in header.get("note", []))
    return ChargesView(table, path, split(single(path, header, "requires")[1]), optional, notes)


def _group(path: Path, line: int, text: str) -> tuple[str, str]:
    found = _OPTIONAL.fullmatch(text)
    if found is None:
        raise ReportError(f"{path.name}:{line}: '{text}' names no group. Write 'group = ...'.")
    return found["group"], found["rest"]


def create_charges(
    engine: Engine,
    view: ChargesView,
    *,
    files: Sequence[Path],
    fmt: str,
    columns: Sequence[Mapping[str, str]],
    export: str,
) -> list[str]:
    """Create the relations `delivery` and `charges` and return notes on what the export lacks.

    `charges` is a table, so the files, at least one, are read once, however many reports there are. `fmt` is
    AWS's Format: PARQUET or TEXT_OR_CSV. `columns` are the manifest's: [{"name", "type"}].
    Raises ReportError for a missing required column or files that are not what the manifest says.
    """
    types = {column["name"]: duckdb_type(column["type"]) for column in columns}
    lacking = [name for name in view.required if name not in types]
    if lacking:
        raise ReportError(
            f"The reports on {view.table} need {' and '.join(lacking)}, which export {export} does not "
            "deliver: add it to `columns` of the export."
        )
    missing = view.missing(list(types))
    chosen = [quoted(name) for name in types]
    absent = {name: kind for group in view.optional.values() for name, kind in group.items()}
    chosen += [
        f"CAST(NULL AS {duckdb_type(kind)}) AS {quoted(name)}" for name, kind in absent.items() if name not in types
    ]
    chosen += [f"{str(group not in missing).lower()} AS has_{group}" for group in view.optional]
    source = _csv(files, types) if fmt == "TEXT_OR_CSV" else _parquet(files)
    engine.execute(export, f"CREATE VIEW delivery AS SELECT {', '.join(chosen)} FROM {source}")  # noqa: S608 (quoted)
    sql = translate(view.path.name, view.path.read_text(encoding="utf-8"), ["delivery"])
    engine.execute(f"{view.path.name} on {export}", f"CREATE TABLE charges AS {sql}")
    return [view.notes[group] for group in missing if group in view.notes]


def _parquet(files: Sequence[Path]) -> str:
    paths = ", ".join(text_literal(str(path)) for path in files)
    return f"read_parquet([{paths}], union_by_name = true, hive_partitioning = false)"


def _csv(files: Sequence[Path], types: Mapping[str, str]) -> str:
    """Read by the names in each file's own first line: read_csv's `columns` go by position alone."""
    by_header: dict[tuple[str, ...], list[Path]] = {}
    for path in files:
        by_header.setdefault(_first_line(path), []).append(path)
    parts = []
    for header, paths in by_header.items():
        if lacking := [name for name in types if name not in header]:
            raise ReportError(
                f"{paths[0].name}: column {lacking[0]} of the manifest is not in the file. "
                "Fetch the delivery again: it may have been replaced while it was read."
            )
        maps = {name for name in header if types.get(name, "").startswith("MAP")}
        kinds = {name: "VARCHAR" if name in maps else types.get(name, "VARCHAR") for name in header}
        struct = ", ".join(f"{text_literal(name)}: {text_literal(kind)}" for name, kind in kinds.items())
        # Maps come as JSON objects. What is absent is empty, and NULL in other publishers' files.
        chosen = ", ".join(_from_csv(name, types[name]) for name in types)
        options = ", ".join(
            (
                f"[{', '.join(text_literal(str(path)) for path in paths)}]",
                "header = true, auto_detect = false, hive_partitioning = false",
                "nullstr = ['', 'NULL'], allow_quoted_nulls = true, delim = ',', quote = '\"', escape = '\"'",
                f"compression = {text_literal('gzip' if paths[0].suffix == '.gz' else 'none')}",
                f"columns = {{{struct}}}",
            )
        )
        parts.append(f"SELECT {chosen} FROM read_csv({options})")  # noqa: S608 (quoted)
    return "(" + " UNION ALL BY NAME ".join(parts) + ")"


def _from_csv(name: str, kind: str) -> str:
    if kind.startswith("MAP"):
        return f"CAST(CAST({quoted(name)} AS JSON) AS {kind}) AS {quoted(name)}"
    return quoted(name)


def _first_line(path: Path) -> tuple[str, ...]:
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8-sig", newline="")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8-sig", newline="")
        ) as lines:
            return tuple(next(csv.reader(lines), ()))
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ReportError(f"{path.name}: is not a readable CSV file: {error}.") from error
