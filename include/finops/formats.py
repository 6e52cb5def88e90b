"""How values are written on a page. The exact values are in the CSV and Parquet files beside it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from finops.times import as_utc

MINUS = "\u2212"
"""The minus sign, as wide as a plus sign, which a hyphen is not."""


def money(value: float | None, *, signed: bool = False) -> str:
    """Write an amount with two decimals; what rounds to nothing but is not nothing says so."""
    if value is None:
        return "\u2013"
    if value and abs(value) < 0.005:
        return "<0.01" if value > 0 else f">{MINUS}0.01"
    return _sign(f"{value:{'+' if signed and value else ''},.2f}")


def percent(value: float | None) -> str:
    """Write a change in percent with its sign and one decimal."""
    if value is None:
        return "\u2013"
    rounded = round(value, 1) or 0.0  # no minus zero
    return _sign(f"{rounded:{'+' if rounded else ''},.1f}\u202f%")


def number(value: float | None) -> str:
    """Write a quantity: whole numbers without decimals, others with up to three."""
    if value is None:
        return "\u2013"
    return _sign(f"{value:,.3f}".rstrip("0").rstrip("."))


def cell(column: str, value: Any) -> str:
    """Write a value of the report column `column`, whose name tells cost, percent and quantity apart."""
    if value is None:
        return "\u2013"
    if isinstance(value, datetime):
        return f"{as_utc(value):%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if column.endswith("_percent"):
        return percent(value)
    if sums(column):
        return money(value, signed=column.endswith("difference"))
    return number(value)


def label(column: str) -> str:
    """Turn a column's name into words: `billed_cost` to `Billed cost`."""
    return column.replace("_percent", " %").replace("_", " ").strip().capitalize()


def sums(column: str) -> bool:
    """Whether the column holds amounts, which add up; percentages, counts and quantities of many units do not."""
    return column.endswith(("cost", "difference"))


def _sign(text: str) -> str:
    return text.replace("-", MINUS)
