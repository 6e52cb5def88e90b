"""Which reports an export's DAG offers, and what a report that there is not gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.finops.conftest import EXPORT
from tests.unit.finops.report_data import REPORTS

from finops.definitions import ExportDefinition
from finops.report_catalogue import Catalogue, load_reports, reports_of

ON_EXPORTS = ["cost_by_account", "cost_by_service", "daily_trend"]


@pytest.fixture
def catalogue() -> Catalogue:
    """The project's own reports."""
    return load_reports(REPORTS)


def export(**changes: Any) -> ExportDefinition:
    return ExportDefinition(**EXPORT | changes)


def test_the_projects_reports_are_all_good(catalogue: Catalogue) -> None:
    assert catalogue.errors == ()
    assert sorted(name for name, report in catalogue.reports.items() if report.for_export) == ON_EXPORTS
    assert sorted(set(catalogue.reports) - set(ON_EXPORTS)) == ["estimate_by_service", "estimate_drivers"]


def test_an_export_may_run_all_reports_that_fit_and_none_on_estimates(catalogue: Catalogue) -> None:
    assert reports_of([export()], catalogue) == ([(export(), ON_EXPORTS)], [])


def test_a_report_on_other_tables_does_not_fit(tmp_path: Path) -> None:
    (tmp_path / "of_focus.sql").write_text(
        "-- title: A\n-- inputs: charges\n-- tables: FOCUS_1_2_AWS\nSELECT billed_cost FROM charges\n"
    )
    assert reports_of([export()], load_reports(tmp_path))[0] == [(export(), [])]


def test_a_report_that_there_is_not_is_an_error_and_takes_no_other_export_away(catalogue: Catalogue) -> None:
    wrong = export(name="wrong", reports=("cost_by_servce", "daily_trend"))
    pairs, errors = reports_of([wrong, export()], catalogue)
    assert [definition.name for definition, _ in pairs] == ["cur2-daily"]
    (error,) = errors
    assert str(error) == (
        "export wrong: reports: cost_by_servce: no report of include/reports that fits table COST_AND_USAGE_REPORT. "
        "Did you mean cost_by_service?"
    )


def test_a_report_on_estimates_is_none_for_an_export(catalogue: Catalogue) -> None:
    (error,) = reports_of([export(reports=("estimate_drivers",))], catalogue)[1]
    assert "estimate_drivers: no report" in str(error)


def test_a_bad_report_file_takes_no_other_away(tmp_path: Path) -> None:
    (tmp_path / "bad.sql").write_text("SELECT 1\n")
    (tmp_path / "good.sql").write_text("-- title: A\n-- inputs: charges\nSELECT billed_cost FROM charges\n")
    found = load_reports(tmp_path)
    assert list(found.reports) == ["good"]
    (error,) = found.errors
    assert str(error).startswith("bad.sql")
