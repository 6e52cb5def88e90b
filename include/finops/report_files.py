"""Report files: SQL in Athena's dialect under a header of `-- key: value` comments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CHART_KINDS = ("bar", "line", "diverging")
INPUTS = ("charges", "delivery", "line_items", "services")
_ENTRY = re.compile(r"--\s?(?P<key>[a-z_]+):\s*(?P<value>.*)")
_CONTINUATION = re.compile(r"--\s{2,}(?P<value>\S.*)")
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Header = Mapping[str, list[tuple[int, str]]]
"""What a header says: for each key, the line number and the text of each of its entries."""


class ReportError(ValueError):
    """A report cannot be read or run. Its text is one sentence that names the file and the remedy."""


@dataclass(frozen=True)
class Chart:
    """The drawing of a report: `kind` (bar, line, diverging), `x` a column, `y` one or two number columns."""

    kind: str
    x: str
    y: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """One report file. `name` is its file name without `.sql`.

    `inputs` are the relations its SQL may read: `charges` (normalised) or `delivery` (the export's own
    columns), or for an estimate `line_items` and `services`. `tables` limits an export report to some of
    AWS's tables; empty means all.
    """

    name: str
    path: Path
    title: str
    description: str
    inputs: tuple[str, ...]
    chart: Chart | None
    tables: tuple[str, ...]

    @property
    def sql(self) -> str:
        """The file's text. Raises ReportError if the file has gone."""
        try:
            return self.path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ReportError(f"{self.path.name}: cannot be read as UTF-8 text: {error}.") from error

    @property
    def for_export(self) -> bool:
        """Whether this is a report on an export's delivery, and not on an estimate."""
        return set(self.inputs) <= {"charges", "delivery"}

    def fits(self, table: str) -> bool:
        """Whether the report can run on an export of AWS's table `table`."""
        return self.for_export and (not self.tables or table in self.tables)


def read_header(path: Path, keys: tuple[str, ...]) -> Header:
    """Read the comment block at the top of `path`; only `keys` may occur in it.

    An entry goes on in the next line if that line is indented by two spaces or more after `--`.
    Raises ReportError naming the file and the line.
    """
    found: dict[str, list[tuple[int, str]]] = {}
    current: list[tuple[int, str]] | None = None
    for number, text in enumerate(_comments(path), start=1):
        if (more := _CONTINUATION.fullmatch(text)) and current:
            start, value = current[-1]
            current[-1] = (start, f"{value} {more['value'].strip()}")
            continue
        entry = _ENTRY.fullmatch(text)
        if entry is None:
            raise ReportError(f"{path.name}:{number}: '{text}' is no header entry. Write '-- key: value'.")
        if entry["key"] not in keys:
            raise ReportError(f"{path.name}:{number}: unknown header '{entry['key']}'. Known: {', '.join(keys)}.")
        current = found.setdefault(entry["key"], [])
        current.append((number, entry["value"].strip()))
    return found


def _comments(path: Path) -> list[str]:
    """Return the comment lines that `path` begins with."""
    found = []
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for line in lines:
                if not line.startswith("--"):
                    break
                found.append(line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(f"{path.name}: cannot be read as UTF-8 text: {error}.") from error
    return found


def single(path: Path, header: Header, key: str, default: str | None = None) -> tuple[int, str]:
    """Return the line and text of the one entry `key`. Raises ReportError if absent or repeated."""
    entries = header.get(key, [])
    if len(entries) > 1:
        raise ReportError(f"{path.name}:{entries[1][0]}: header '{key}' occurs twice. Keep one of them.")
    if entries and entries[0][1]:
        return entries[0]
    if entries:
        raise ReportError(f"{path.name}:{entries[0][0]}: header '{key}' is empty. Write '-- {key}: ...'.")
    if default is None:
        raise ReportError(f"{path.name}:1: header '{key}' is missing. Add a line '-- {key}: ...' at the top.")
    return 0, default


def split(text: str) -> tuple[str, ...]:
    """Split a comma-separated list."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def read_report(path: Path) -> Report:
    """Read the header of the report file `path`. Raises ReportError for a malformed one."""
    header = read_header(path, ("title", "description", "inputs", "chart", "tables"))
    line, inputs = single(path, header, "inputs")
    for name in split(inputs):
        if name not in INPUTS:
            raise ReportError(f"{path.name}:{line}: unknown input '{name}'. Known inputs: {', '.join(INPUTS)}.")
    kinds = {name in ("charges", "delivery") for name in split(inputs)}
    if len(kinds) > 1:
        raise ReportError(
            f"{path.name}:{line}: inputs of an export and of an estimate do not go together. Write two reports instead."
        )
    return Report(
        name=path.stem,
        path=path,
        title=single(path, header, "title")[1],
        description=single(path, header, "description", "")[1],
        inputs=split(inputs),
        chart=_chart(path, header),
        tables=split(single(path, header, "tables", "")[1]),
    )


def _chart(path: Path, header: Header) -> Chart | None:
    line, text = single(path, header, "chart", "")
    if not text:
        return None
    remedy = f"Write '-- chart: {'|'.join(CHART_KINDS)} x=column y=column' (y: one column, or two with a comma)."
    kind, *words = text.split()
    if kind not in CHART_KINDS:
        raise ReportError(f"{path.name}:{line}: unknown chart '{kind}'. {remedy}")
    axes = dict(word.split("=", 1) for word in words if "=" in word)
    y = split(axes.get("y", ""))
    limit = 1 if kind == "diverging" else 2
    named = [axes.get("x", ""), *y]
    if len(words) != 2 or set(axes) != {"x", "y"} or not all(_COLUMN.fullmatch(name) for name in named):
        raise ReportError(f"{path.name}:{line}: chart '{text}' does not name its columns. {remedy}")
    if not 1 <= len(y) <= limit:
        raise ReportError(f"{path.name}:{line}: a {kind} chart takes at most {limit} y column(s). {remedy}")
    return Chart(kind, axes["x"], y)
