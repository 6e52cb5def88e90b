"""Run report files on one verified delivery or one completed estimate: tables as files, and one page."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from finops.charges import CHARGES, create_charges, read_view
from finops.engine import Engine, translate
from finops.estimates import load_estimate
from finops.headlines import read_headlines
from finops.page import Page, Section, render, section
from finops.page_tiles import estimate_tiles, export_tiles
from finops.report_files import Report, ReportError
from finops.times import as_utc

PAGE = "index.html"


@dataclass(frozen=True)
class ExportMeta:
    """What the page says about a delivery.

    `delivered_at` (UTC, when the execution completed) decides whether the last day counts as complete;
    without it, a last day that does not end the month counts as incomplete. `files` are S3 URIs.
    """

    name: str
    account_id: str
    billing_period: str
    execution_id: str
    export_arn: str
    manifest_uri: str
    files: tuple[str, ...] = ()
    delivered_at: datetime | None = None


@dataclass(frozen=True)
class EstimateMeta:
    """What the page says about an estimate. `name` is the scenario's name in its file."""

    name: str
    account_id: str
    scenario_id: str
    estimate_id: str


@dataclass(frozen=True)
class ExportResult:
    """`rows` and costs of the whole delivery, unrounded, and the files written.

    `currency` is empty if the export does not deliver it; several are joined with commas.
    """

    rows: int
    billed_cost: float
    effective_cost: float
    currency: str
    files: list[Path]


@dataclass(frozen=True)
class EstimateResult:
    """AWS's totals of the estimate (USD, unrounded) and the files written."""

    historical_cost: float
    estimated_cost: float
    files: list[Path]


def run_export_reports(
    *,
    files: Sequence[Path],
    fmt: str,
    columns: Sequence[Mapping[str, str]],
    table: str,
    reports: Sequence[Report],
    meta: ExportMeta,
    folder: Path,
) -> ExportResult:
    """Run `reports` on the delivered `files` and write tables and page to `folder`, which is created.

    `fmt` is AWS's Format (PARQUET or TEXT_OR_CSV), `columns` the manifest's [{"name", "type"}], `table`
    AWS's table name. Costs are added as decimals with 15 places, so sums are exact and do not depend on
    the order of the rows. Raises ReportError with one sentence for whatever a user can mend.
    """
    for report in reports:
        if not report.fits(table):
            raise ReportError(
                f"{report.path.name}: does not fit export {meta.name} of table {table}. "
                f"Take {report.name} out of `reports` of the export."
            )
    view = read_view(table, CHARGES)
    with _scratch(folder) as scratch, Engine(Path(scratch), files) as engine:
        notes = create_charges(engine, view, files=files, fmt=fmt, columns=columns, export=meta.name)
        totals = read_headlines(engine, meta.delivered_at)
        if totals.first_day and totals.first_day == totals.last_day:
            notes.append(
                f"All charges bear one date, {totals.first_day}, as they do with monthly granularity: "
                "there is no daily trend."
            )
        if ", " in totals.currency:
            notes.append(f"Amounts are in several currencies ({totals.currency}) and are added as they are.")
        written, sections = _run(engine, reports, folder, unit=totals.currency, incomplete=totals.incomplete_day)
    page = Page(
        title=meta.name,
        kind="Cost and usage export",
        lead=_month(meta.billing_period),
        facts=(
            ("Billing period", meta.billing_period),
            ("Account", meta.account_id),
            ("Delivered", f"{as_utc(meta.delivered_at):%Y-%m-%d %H:%M} UTC" if meta.delivered_at else "not known"),
            ("Rows", f"{totals.rows:,}"),
            ("Execution", meta.execution_id),
        ),
        tiles=export_tiles(totals),
        notes=notes,
        sections=sections,
        sources=(("Export", meta.export_arn), ("Table", table), ("Manifest", meta.manifest_uri)),
        files=meta.files,
    )
    written.append(_write_page(page, folder))
    return ExportResult(totals.rows, totals.billed_cost, totals.effective_cost, totals.currency, written)


def run_estimate_reports(
    *,
    estimate: Mapping[str, Any],
    line_items: Sequence[Mapping[str, Any]],
    reports: Sequence[Report],
    meta: EstimateMeta,
    folder: Path,
) -> EstimateResult:
    """Run `reports` on a GetBillEstimate answer and its line items; write tables and page to `folder`.

    Raises ReportError with one sentence for whatever a user can mend.
    """
    for report in reports:
        if report.for_export:
            raise ReportError(f"{report.path.name}: is a report on an export, not on an estimate.")
    with _scratch(folder) as scratch, Engine(Path(scratch)) as engine:
        figures = load_estimate(engine, estimate, line_items)
        written, sections = _run(engine, reports, folder, unit=figures.currency)
    page = Page(
        title=meta.name,
        kind="Bill estimate",
        lead=str(estimate.get("name") or ""),
        facts=(
            ("Compared with the bill of", _span(estimate.get("billInterval") or {})),
            ("Account", meta.account_id),
            ("Estimated", _day(_moment(estimate.get("createdAt")))),
            ("Line items", f"{len(line_items):,}"),
            ("Status", str(estimate.get("status") or "not known")),
        ),
        tiles=estimate_tiles(figures, line_items),
        notes=figures.notes,
        sections=sections,
        sources=(("Bill estimate", meta.estimate_id), ("Bill scenario", meta.scenario_id)),
    )
    written.append(_write_page(page, folder))
    return EstimateResult(figures.historical_cost, figures.estimated_cost, written)


def _run(
    engine: Engine, reports: Sequence[Report], folder: Path, *, unit: str, incomplete: Any = None
) -> tuple[list[Path], list[Section]]:
    """Run each report, write its table as Parquet and CSV, and lay it out; lines over time come first."""
    from pyarrow import csv, parquet

    written, sections = [], []
    for report in reports:
        name = report.path.name
        table = engine.query(name, translate(name, report.sql, report.inputs))
        sections.append(section(report, table, unit=unit, incomplete_day=incomplete))
        parquet.write_table(table, folder / f"{report.name}.parquet")
        csv.write_csv(table, folder / f"{report.name}.csv")
        written += [folder / f"{report.name}.parquet", folder / f"{report.name}.csv"]
    return written, sorted(sections, key=lambda found: not found.trend)


def _scratch(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """Make a folder for what does not fit into memory: beside the results, where a worker has its room."""
    folder.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix=".engine-", dir=folder.parent)


def _write_page(page: Page, folder: Path) -> Path:
    path = folder / PAGE
    path.write_text(render(page), encoding="utf-8")
    return path


def _month(billing_period: str) -> str:
    """Write `2026-11` as `November 2026`; a partition that is no month stays as it is."""
    try:
        return f"{datetime.strptime(billing_period, '%Y-%m'):%B %Y}"
    except ValueError:
        return billing_period


def _span(interval: Mapping[str, Any]) -> str:
    """Write AWS's billInterval, whose end is exclusive: a whole month by its name, else the first and last day."""
    start, end = _moment(interval.get("start")), _moment(interval.get("end"))
    if start is None or end is None:
        return "not known"
    following = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
    if start.day == 1 and end == following:
        return f"{start:%B %Y}"
    return f"{_day(start)} to {_day(end - timedelta(microseconds=1))}"


def _moment(value: datetime | str | None) -> datetime | None:
    """Read a datetime as boto3 gives it, or the ISO string that it is stored as."""
    if value is None:
        return None
    return as_utc(datetime.fromisoformat(value) if isinstance(value, str) else value)


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else "not known"
