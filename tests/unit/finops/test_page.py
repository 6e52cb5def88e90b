"""The page: nothing runs, nothing is fetched, and its numbers are those of the files."""

from __future__ import annotations

import base64
import csv
import hashlib
import re

import pytest
from lxml import html
from tests.unit.finops.report_data import charge, month, parquet_file, run_cur

HOSTILE = "<script>alert(1)</script>\"'&"


@pytest.fixture
def page(tmp_path):
    rows = [*month(), charge(5, 4.0, line_item_product_code=HOSTILE, line_item_usage_account_name=HOSTILE)]
    rows += [charge(6, 1 / number, line_item_product_code=f"Service{number}") for number in range(1, 20)]
    run_cur(tmp_path / "out", [parquet_file(tmp_path / "1.parquet", rows)])
    return tmp_path / "out"


def parsed(folder):
    return html.document_fromstring((folder / "index.html").read_bytes())


def test_nothing_runs_and_nothing_is_fetched(page):
    document = parsed(page)
    assert (
        document.xpath("//script|//link|//img|//iframe|//object|//form|//*[@style]|//@*[starts-with(name(), 'on')]")
        == []
    )
    (policy,) = document.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy.startswith("default-src 'none';")
    assert "script-src" not in policy
    assert all(re.fullmatch(r"[a-z_]+\.(csv|parquet)", href) for href in document.xpath("//a/@href"))


def test_the_policy_allows_exactly_the_pages_style_sheet(page):
    document = parsed(page)
    (style,) = document.xpath("//style/text()")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in document.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]


def test_names_from_the_data_are_text(page):
    assert "<script" not in (page / "index.html").read_text(encoding="utf-8").lower()
    assert HOSTILE in parsed(page).xpath("//section[h2 or .//h2[@id='cost_by_service']]//tbody/tr/th/text()")


@pytest.mark.parametrize("name", ["cost_by_service", "cost_by_account", "daily_trend"])
def test_numbers_on_the_page_equal_the_csv(page, name):
    (table,) = parsed(page).xpath(f"//section[.//h2[@id='{name}']]//table")
    with (page / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    shown = [[float(value) for value in row.xpath(".//data/@value")] for row in table.xpath("./tbody/tr")]
    numbers = [
        [float(row[key]) for key in row if key.endswith("cost") or key in ("accounts", "services")] for row in rows
    ]
    assert shown == numbers[: len(shown)]
    costs = [column for column, key in enumerate(key for key in rows[0] if key.endswith("cost")) if key]
    total = [float(value) for value in table.xpath("./tfoot/tr[last()]//data/@value")]
    assert total == pytest.approx([sum(row[column] for row in numbers) for column in costs])


def test_a_long_table_ends_in_what_the_rest_adds_up_to(page):
    (table,) = parsed(page).xpath("//section[.//h2[@id='cost_by_service']]//table")
    assert len(table.xpath("./tbody/tr")) == 12
    assert "the first 12 shown" in table.xpath("./caption")[0].text_content()
    assert table.xpath("./tfoot/tr[1]/th/text()") == ["Other (11 more)"]


def test_charts_and_tables_say_what_they_are(page):
    document = parsed(page)
    charts = document.xpath("//*[name()='svg']")
    assert len(charts) == 3
    for chart in charts:
        assert chart.get("role") == "img"
        assert chart.xpath("./*[name()='title']/text()")
        assert chart.xpath("./*[name()='desc']/text()")
    for table in document.xpath("//table"):
        assert table.xpath("./caption")
        assert all(cell.get("class") == "number" for cell in table.xpath(".//data/.."))
    assert document.get("lang") == "en"


def test_the_page_names_its_provenance(page):
    text = parsed(page).text_content()
    for fact in ("cur2-daily", "October 2026", "111122223333", "6b1f0a2e-88d4-4f0e-b6a5-2b0b5f2c9d31",
                 "2026-11-05 08:00 UTC", "cur2-daily-Manifest.json", "cur2-daily-00001.snappy.parquet"):  # fmt: skip
        assert fact in text


def test_the_same_delivery_gives_the_same_page(page, tmp_path):
    run_cur(tmp_path / "again", [tmp_path / "1.parquet"])
    assert (page / "index.html").read_bytes() == (tmp_path / "again" / "index.html").read_bytes()
