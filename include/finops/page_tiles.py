"""The headline figures of the two kinds of page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from finops.estimates import EstimateFigures
from finops.formats import money, percent
from finops.headlines import Headlines
from finops.page import Tile


def export_tiles(totals: Headlines) -> list[Tile]:
    """Billed and effective cost, how many services and accounts, and the top mover."""
    saving = totals.effective_cost - totals.billed_cost
    span = f"{totals.first_day:%b} {totals.first_day.day}" if totals.first_day else ""
    if totals.first_day and totals.last_day and totals.last_day != totals.first_day:
        span += f" \u2013 {totals.last_day:%b} {totals.last_day.day}"
    if totals.incomplete_day:
        span += ", last day incomplete"
    return [
        Tile("Billed cost", _amount(totals.billed_cost, totals.currency), totals.billed_cost, span),
        Tile(
            "Effective cost",
            _amount(totals.effective_cost, totals.currency),
            totals.effective_cost,
            f"{money(abs(saving))} {'above' if saving > 0 else 'below'} billed" if saving else "the same as billed",
        ),
        Tile("Services", f"{totals.services:,}", totals.services, f"in {_count(totals.accounts, 'account')}"),
        _mover(totals),
    ]


def _mover(totals: Headlines) -> Tile:
    mover = totals.mover
    if mover is None:
        return Tile("Top mover", "None", remark="needs usage on two complete days", tone="text")
    change = mover.after - mover.before
    share = f" ({percent(100 * change / mover.before)})" if mover.before > 0 else ""
    span = "day" if mover.days == 1 else f"{mover.days} days"
    return Tile(
        "Top mover",
        mover.service_name,
        remark=f"{money(change, signed=True)}{share} a day, last {span} to the {span} before",
        tone="text",
    )


def estimate_tiles(figures: EstimateFigures, line_items: Sequence[Mapping[str, Any]]) -> list[Tile]:
    """The bill as it was, as estimated, and the change between them."""
    change = figures.estimated_cost - figures.historical_cost
    share = percent(100 * change / figures.historical_cost) if figures.historical_cost else ""
    new = sum(1 for item in line_items if not (item.get("historicalCost") or {}).get("amount"))
    return [
        Tile("Bill as it was", _amount(figures.historical_cost, figures.currency), figures.historical_cost),
        Tile("Estimated bill", _amount(figures.estimated_cost, figures.currency), figures.estimated_cost),
        Tile(
            "Difference",
            f"{money(change, signed=True)} {figures.currency}",
            change,
            share,
            tone="rise" if change > 0 else "fall" if change < 0 else "",
        ),
        Tile("Line items", f"{len(line_items):,}", len(line_items), f"{new:,} new in this estimate"),
    ]


def _amount(value: float, currency: str) -> str:
    return f"{money(value)} {'' if ', ' in currency else currency}".strip()


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
