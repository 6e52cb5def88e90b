"""What a report file may say, and how it is told when it says it wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from finops.charges import CHARGES, read_view
from finops.report_catalogue import load_reports
from finops.report_files import Chart, ReportError, read_report

REPORTS = CHARGES.parent


def written(tmp_path: Path, text: str, name: str = "mine.sql") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_repository_has_these_reports():
    reports = load_reports(REPORTS).reports
    assert set(reports) == {
        "cost_by_account", "cost_by_service", "daily_trend", "estimate_by_service", "estimate_drivers",
    }  # fmt: skip
    assert {name for name, report in reports.items() if report.for_export} == {
        "cost_by_account", "cost_by_service", "daily_trend",
    }  # fmt: skip


@pytest.mark.parametrize("table", ["COST_AND_USAGE_REPORT", "FOCUS_1_2_AWS", "FOCUS_1_0_AWS"])
def test_every_view_reads_and_each_note_belongs_to_a_group(table):
    view = read_view(table)
    assert view.required
    assert set(view.notes) <= set(view.optional)


def test_a_view_serves_every_table_that_it_names(tmp_path):
    written(tmp_path, "-- title: A\n-- tables: ONE, TWO\n-- requires: a\nSELECT 1", "a.sql")
    written(tmp_path, "-- title: B\n-- tables: THREE\n-- requires: b\nSELECT 1", "b.sql")
    found = [read_view(table, tmp_path) for table in ("ONE", "TWO", "THREE")]
    assert [(view.table, view.path.name, view.required) for view in found] == [
        ("ONE", "a.sql", ("a",)),
        ("TWO", "a.sql", ("a",)),
        ("THREE", "b.sql", ("b",)),
    ]


def test_a_header_is_read(tmp_path):
    report = read_report(
        written(
            tmp_path,
            "-- title: Mine\n-- description: first\n--   and second\n-- inputs: charges\n"
            "-- chart: line x=charge_date y=a,b\n-- tables: FOCUS_1_2_AWS\nSELECT 1",
        )
    )
    assert report.description == "first and second"
    assert report.chart == Chart("line", "charge_date", ("a", "b"))
    assert report.fits("FOCUS_1_2_AWS")
    assert not report.fits("COST_AND_USAGE_REPORT")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT 1", "mine.sql:1: header 'inputs' is missing"),
        ("-- inputs: charges\nSELECT 1", "mine.sql:1: header 'title' is missing"),
        ("-- title: a\n-- titel: b\n", "mine.sql:2: unknown header 'titel'"),
        ("-- title: a\nno comment -- inputs: b", "mine.sql:1: header 'inputs' is missing"),
        ("-- title: a\n-- just words\n", "mine.sql:2: '-- just words' is no header entry"),
        ("-- title: a\n-- inputs:\n", "mine.sql:2: header 'inputs' is empty"),
        ("-- title: a\n-- title: b\n-- inputs: charges\n", "mine.sql:2: header 'title' occurs twice"),
        ("-- title: a\n-- inputs: bills\n", "mine.sql:2: unknown input 'bills'"),
        ("-- title: a\n-- inputs: charges, services\n", "mine.sql:2: inputs of an export and of an estimate"),
        ("-- title: a\n-- inputs: charges\n-- chart: pie x=a y=b\n", "mine.sql:3: unknown chart 'pie'"),
        ("-- title: a\n-- inputs: charges\n-- chart: bar x=a\n", "mine.sql:3: chart 'bar x=a' does not name"),
        ("-- title: a\n-- inputs: charges\n-- chart: bar x=a y=1b\n", "mine.sql:3: chart"),
        ("-- title: a\n-- inputs: charges\n-- chart: bar x=a y=b,c,d\n", "mine.sql:3: a bar chart takes at most 2"),
    ],
)
def test_a_malformed_header_is_one_sentence_with_file_and_line(tmp_path, text, message):
    with pytest.raises(ReportError) as caught:
        read_report(written(tmp_path, text))
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text_is_a_sentence(tmp_path):
    path = tmp_path / "mine.sql"
    path.write_bytes(b"-- title: \xff\n")
    with pytest.raises(ReportError, match=r"mine\.sql: cannot be read as UTF-8 text"):
        read_report(path)


def test_a_report_name_must_do_as_a_file_name_in_a_link(tmp_path):
    written(tmp_path, "-- title: a\n-- inputs: charges\nSELECT 1", "a b.sql")
    (error,) = load_reports(tmp_path).errors
    assert str(error).startswith("a b.sql: a report's file name may hold")


def test_a_table_without_view_names_those_with_one():
    with pytest.raises(ReportError, match=r"No cost reports exist for table CARBON_EMISSIONS.*FOCUS_1_2_AWS"):
        read_view("CARBON_EMISSIONS")
