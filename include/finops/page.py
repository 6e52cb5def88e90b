"""The page of a delivery or an estimate: one HTML file that needs nothing else and runs nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from finops import charts, formats
from finops.report_files import Report, ReportError

TOP = 12
"""Rows of a report that the page shows; the rest is folded into one, and whole in the CSV."""
_MAX_DAYS = 62
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Tile:
    """A headline figure: its name, the figure as shown, the exact value if it is a number, a remark."""

    name: str
    text: str
    value: float | None = None
    remark: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Cell:
    """A table cell: `text` as shown, `value` exact if it is a number, else None."""

    text: str
    value: float | None
    number: bool


@dataclass(frozen=True)
class Section:
    """A report on the page: its table (head, body, folded, total rows) and its chart as SVG, if any."""

    report: Report
    head: list[tuple[str, bool]]
    body: list[list[Cell]]
    folded: list[Cell] | None
    total: list[Cell] | None
    rows: int
    chart: str

    @property
    def trend(self) -> bool:
        """Whether it draws a line over time, which the page shows first."""
        return bool(self.chart) and self.report.chart is not None and self.report.chart.kind == "line"

    @property
    def long(self) -> bool:
        """Whether the chart says it better: the table is folded up on the screen, and open on paper."""
        return bool(self.chart) and len(self.body) > TOP + 1


@dataclass(frozen=True)
class Page:
    """All that the template writes. `facts` and `sources` are (name, text) pairs for header and footer."""

    title: str
    kind: str
    lead: str
    facts: Sequence[tuple[str, str]]
    tiles: Sequence[Tile]
    notes: Sequence[str]
    sections: Sequence[Section]
    sources: Sequence[tuple[str, str]]
    files: Sequence[str] = ()


def section(report: Report, table: Any, *, unit: str, incomplete_day: date | None = None) -> Section:
    """Lay out a report's Arrow table. Raises ReportError if the chart names a column that is not there."""
    import pyarrow as pa

    columns = list(table.column_names)
    numeric = [pa.types.is_floating(field.type) or pa.types.is_integer(field.type) for field in table.schema]
    rows = table.to_pylist()
    _check(report, columns, numeric)
    limit = _MAX_DAYS if report.chart and report.chart.kind == "line" else TOP
    shown, rest = (rows, []) if len(rows) <= limit + 1 else (rows[:limit], rows[limit:])
    sums = [is_number and formats.sums(name) for name, is_number in zip(columns, numeric, strict=True)]
    return Section(
        report=report,
        head=[(formats.label(name), is_number) for name, is_number in zip(columns, numeric, strict=True)],
        body=[[_cell(name, row[name], is_number) for name, is_number in zip(columns, numeric, strict=True)]
              for row in shown],
        folded=_sum_row(f"Other ({len(rest):,} more)", rest, columns, sums) if rest else None,
        total=_sum_row("Total", rows, columns, sums) if rows and any(sums) else None,
        rows=len(rows),
        chart=_chart(report, shown, rest, unit, incomplete_day),
    )  # fmt: skip


def render(page: Page) -> str:
    """Write the page. Text from the data is escaped; the policy allows this one style sheet and nothing more."""
    import jinja2

    css = (_HERE / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(page=page, css=css, style_hash=digest)


def _check(report: Report, columns: Sequence[str], numeric: Sequence[bool]) -> None:
    if report.chart is None:
        return
    numbers = {name for name, is_number in zip(columns, numeric, strict=True) if is_number}
    for name, known in ((report.chart.x, set(columns)), *((y, numbers) for y in report.chart.y)):
        if name not in known:
            what = "number column" if known is numbers else "column"
            raise ReportError(
                f"{report.path.name}: its chart wants {what} {name}, which its SELECT does not give. "
                f"It gives: {', '.join(columns)}."
            )


def _cell(column: str, value: Any, is_number: bool) -> Cell:
    return Cell(formats.cell(column, value), value if is_number else None, is_number)


def _sum_row(title: str, rows: Sequence[dict[str, Any]], columns: Sequence[str], sums: Sequence[bool]) -> list[Cell]:
    cells = [Cell(title, None, False)]
    for name, adds_up in list(zip(columns, sums, strict=True))[1:]:
        value = sum(row[name] or 0 for row in rows) if adds_up else None
        cells.append(Cell("" if value is None else formats.cell(name, value), value, True))
    return cells


def _chart(
    report: Report,
    shown: Sequence[dict[str, Any]],
    rest: Sequence[dict[str, Any]],
    unit: str,
    incomplete_day: date | None,
) -> str:
    if report.chart is None or len(shown) < (2 if report.chart.kind == "line" else 1):
        return ""
    x, y = report.chart.x, report.chart.y
    points = [charts.Point(_axis(row[x]), tuple(float(row[name] or 0) for name in y)) for row in shown]
    if rest and report.chart.kind != "line":
        folded = tuple(float(sum(row[name] or 0 for row in rest)) for name in y)
        points.append(charts.Point(f"Other ({len(rest):,} more)", folded, folded=True))
    if report.chart.kind == "diverging":  # what does not change is in the table
        points = [point for point in points if any(abs(value) >= 0.005 for value in point.values)] or points[:1]
    names = [formats.label(name) for name in y]
    title = f"{report.title}: {' and '.join(names).lower()}"
    if report.chart.kind == "line":
        return charts.line(points, names, title=title, unit=unit, incomplete=points[-1].x == incomplete_day)
    return charts.bars(points, names, title=title, unit=unit, signed=report.chart.kind == "diverging")


def _axis(value: Any) -> str | date:
    return value if isinstance(value, date) else "\u2013" if value is None else str(value)
