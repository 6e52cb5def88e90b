"""How values are written on a page."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from finops import formats


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("billed_cost", 1234567.891, "1,234,567.89"),
        ("billed_cost", -0.5, "\u22120.50"),
        ("billed_cost", 0.0000008, "<0.01"),
        ("billed_cost", -0.0000008, ">\u22120.01"),
        ("billed_cost", 0.0, "0.00"),
        ("billed_cost", None, "\u2013"),
        ("difference", 3.0, "+3.00"),
        ("difference", 0.0, "0.00"),
        ("difference_percent", 12.34, "+12.3\u202f%"),
        ("difference_percent", -0.04, "0.0\u202f%"),
        ("estimated_quantity", 1460.0, "1,460"),
        ("estimated_quantity", 0.1234, "0.123"),
        ("accounts", 12345, "12,345"),
        ("charge_date", date(2026, 10, 1), "2026-10-01"),
        ("hour", datetime(2026, 9, 30, 17, tzinfo=timezone(timedelta(hours=-7))), "2026-10-01 00:00"),
        ("service_name", "AmazonEC2", "AmazonEC2"),
    ],
)
def test_a_cell_is_written_by_the_name_of_its_column(column, value, text):
    assert formats.cell(column, value) == text


def test_a_label_is_words():
    assert [formats.label(name) for name in ("billed_cost", "difference_percent")] == ["Billed cost", "Difference %"]
