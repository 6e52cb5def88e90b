"""Charts as SVG text: no script, no style of their own; the page's style sheet colours their classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

from finops.formats import MINUS, money

WIDTH = 1000
_LABEL = 264  # room for a bar's name
_VALUE = 108  # room for a bar's value
_MAX_NAME = 34  # characters of a bar's name that fit


@dataclass(frozen=True)
class Point:
    """One bar or one place on the x axis: its name or date, one value for each series."""

    x: str | date
    values: tuple[float, ...]
    folded: bool = False


def bars(points: Sequence[Point], series: Sequence[str], *, title: str, unit: str, signed: bool = False) -> str:
    """Horizontal bars, one row a point; a second series is a thin bar beneath the first.

    `signed` colours increases and decreases apart and writes signs.
    """
    row, top = (30 if len(series) == 1 else 34), (34 if len(series) > 1 else 8)
    numbers = [value for point in points for value in point.values]
    low, high = min([0.0, *numbers]), max([0.0, *numbers])
    left = _LABEL + (_VALUE if low < 0 else 0)
    span = WIDTH - left - _VALUE
    scale = span / ((high - low) or 1)
    zero = left - low * scale
    height = top + row * len(points) + 8
    body = [_legend(series)] if len(series) > 1 else []
    for index, point in enumerate(points):
        y = top + index * row
        body.append(f"<g><title>{escape(_tooltip(point, series, unit))}</title>")
        body.append(f'<text class="name" x="0" y="{y + 17}">{escape(_short(str(point.x)))}</text>')
        for place, value in enumerate(point.values):
            width = abs(value) * scale
            x = zero if value >= 0 else zero - width
            thick, offset = ((14, 5) if len(series) == 1 else (12, 5)) if place == 0 else (5, 19)
            tone = _tone(place, value, signed=signed, folded=point.folded)
            body.append(
                f'<rect class="{tone}" x="{x:.1f}" y="{y + offset}" width="{max(width, 0.5):.1f}" '
                f'height="{thick}" rx="2"/>'
            )
        body.append(_bar_value(point.values, zero, scale, y + (17 if len(series) == 1 else 15), signed=signed))
        body.append("</g>")
    body.append(f'<line class="axis" x1="{zero:.1f}" y1="{top}" x2="{zero:.1f}" y2="{height - 8}"/>')
    return _svg(height, title, _description(points, series, unit), body)


def _bar_value(values: Sequence[float], zero: float, scale: float, y: float, *, signed: bool) -> str:
    first = values[0]
    x = zero + first * scale + (8 if first >= 0 else -8)
    anchor = "start" if first >= 0 else "end"
    return f'<text class="value" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{money(first, signed=signed)}</text>'


def _tone(place: int, value: float, *, signed: bool, folded: bool) -> str:
    if folded:
        return "folded" if place == 0 else "folded second"
    if signed:
        return "rise" if value >= 0 else "fall"
    return "first" if place == 0 else "second"


def line(points: Sequence[Point], series: Sequence[str], *, title: str, unit: str, incomplete: bool = False) -> str:
    """Draw lines over dates or names, the first with its area; `incomplete` marks the last point."""
    left, right, top, bottom, height = 78, 24, 40, 34, 300
    numbers = [value for point in points for value in point.values]
    steps = ticks(min([0.0, *numbers]), max([0.0, *numbers]))
    low, high = steps[0], steps[-1]
    places = _places(points)
    reach = (places[-1] if places else 0) or 1

    def at_x(index: int) -> float:
        share = places[index] / reach if len(places) > 1 else 0.5
        return left + share * (WIDTH - left - right)

    def at_y(value: float) -> float:
        return top + (high - value) / ((high - low) or 1) * (height - top - bottom)

    body = [_legend(series)]
    digits = max(0, -math.floor(math.log10(steps[1] - steps[0])))
    for step in steps:
        y = at_y(step)
        text = f"{step:,.{digits}f}".replace("-", MINUS)
        body.append(f'<line class="{"axis" if step == 0 else "grid"}" x1="{left}" y1="{y:.1f}" '
                    f'x2="{WIDTH - right}" y2="{y:.1f}"/>')  # fmt: skip
        body.append(f'<text class="tick" x="{left - 10}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    last = len(points) - 1
    if incomplete and points:
        start = at_x(last - 1) if last else left
        body.append(f'<rect class="open-day" x="{start:.1f}" y="{top}" width="{at_x(last) - start:.1f}" '
                    f'height="{height - top - bottom}"/>')  # fmt: skip
        body.append(f'<text class="tick" x="{at_x(last):.1f}" y="{top - 8}" text-anchor="end">incomplete day</text>')
    for place in reversed(range(len(series))):
        spots = [(at_x(index), at_y(point.values[place])) for index, point in enumerate(points)]
        body += _trace(spots, place, at_y(0), incomplete=incomplete)
    every = max(1, math.ceil(len(points) / 11))
    for index, point in enumerate(points):
        if index % every == 0:
            anchor = "middle" if 0 < index < last or not last else ("start" if index == 0 else "end")
            body.append(f'<text class="tick" x="{at_x(index):.1f}" y="{height - 12}" '
                        f'text-anchor="{anchor}">{escape(_day(point.x))}</text>')  # fmt: skip
        half = (WIDTH - left - right) / len(points) / 2
        body.append(f'<rect class="hover" x="{at_x(index) - half:.1f}" y="{top}" width="{2 * half:.1f}" '
                    f'height="{height - top - bottom}">')  # fmt: skip
        body.append(f"<title>{escape(_tooltip(point, series, unit))}</title></rect>")
    return _svg(height, title, _description(points, series, unit), body)


def _trace(spots: Sequence[tuple[float, float]], place: int, zero: float, *, incomplete: bool) -> list[str]:
    """One series: area (first only), line, and a dashed end to a hollow dot when the last day is incomplete."""
    if not spots:
        return []
    tone = "first" if place == 0 else "second"
    solid = spots[:-1] if incomplete else spots
    marks = []
    if place == 0 and len(solid) > 1:
        area = " ".join(f"L{x:.1f} {y:.1f}" for x, y in solid)
        marks.append(f'<path class="area" d="M{solid[0][0]:.1f} {zero:.1f} {area} L{solid[-1][0]:.1f} {zero:.1f}Z"/>')
    if len(solid) > 1:
        marks.append(f'<path class="line {tone}" d="M{" L".join(f"{x:.1f} {y:.1f}" for x, y in solid)}"/>')
    if incomplete and len(spots) > 1:
        (x1, y1), (x2, y2) = spots[-2:]
        marks.append(f'<path class="line {tone} preliminary" d="M{x1:.1f} {y1:.1f} L{x2:.1f} {y2:.1f}"/>')
    x, y = spots[-1]
    marks.append(f'<circle class="dot {tone}{" hollow" if incomplete else ""}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>')
    return marks


def ticks(low: float, high: float) -> list[float]:
    """Four to seven round numbers that enclose `low`, zero and `high`."""
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        high = 1.0
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first, final = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, final + 1)]


def _places(points: Sequence[Point]) -> list[int]:
    days = [point.x.toordinal() for point in points if isinstance(point.x, date)]
    if len(days) == len(points) and days:
        return [day - days[0] for day in days]  # a day without charges leaves its gap
    return list(range(len(points)))


def _day(x: str | date) -> str:
    return f"{x:%b} {x.day}" if isinstance(x, date) else _short(x)


def _short(text: str) -> str:
    return text if len(text) <= _MAX_NAME else text[: _MAX_NAME - 1].rstrip() + "\u2026"


def _tooltip(point: Point, series: Sequence[str], unit: str) -> str:
    values = ", ".join(
        f"{name} {money(value)} {unit}".strip() for name, value in zip(series, point.values, strict=True)
    )
    return f"{point.x}: {values}"


def _description(points: Sequence[Point], series: Sequence[str], unit: str) -> str:
    return ". ".join(_tooltip(point, series, unit) for point in points) + "."


def _legend(series: Sequence[str]) -> str:
    parts, x = [], 0
    for place, name in enumerate(series):
        parts.append(
            f'<rect class="{"first" if place == 0 else "second"}" x="{x}" y="6" width="14" height="10" rx="2"/>'
        )
        parts.append(f'<text class="tick" x="{x + 20}" y="15">{escape(name)}</text>')
        x += 44 + 7 * len(name)
    return "".join(parts)


def _svg(height: float, title: str, description: str, body: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>{''.join(body)}</svg>"
    )
