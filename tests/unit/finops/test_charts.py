"""Charts are drawn to scale and are well-formed SVG."""

from __future__ import annotations

from datetime import date
from xml.etree import ElementTree

import pytest

from finops.charts import Point, bars, line, ticks

SVG = "{http://www.w3.org/2000/svg}"


def rects(svg: str, tone: str) -> list[ElementTree.Element]:
    return [rect for rect in ElementTree.fromstring(svg).iter(f"{SVG}rect") if rect.get("class") == tone]


def test_bars_are_as_long_as_their_values():
    svg = bars([Point("a", (40.0,)), Point("b", (10.0,))], ["Cost"], title="t", unit="USD")
    widths = [float(rect.get("width", 0)) for rect in rects(svg, "first")]
    assert widths[0] == pytest.approx(4 * widths[1], rel=0.01)


def test_negative_bars_grow_from_the_same_line_the_other_way():
    svg = bars([Point("up", (5.0,)), Point("down", (-5.0,))], ["Difference"], title="t", unit="USD", signed=True)
    (rise,), (fall,) = rects(svg, "rise"), rects(svg, "fall")
    assert float(fall.get("x", 0)) + float(fall.get("width", 0)) == pytest.approx(float(rise.get("x", 0)), abs=0.2)
    assert "+5.00" in svg
    assert "\u22125.00" in svg


def test_all_zero_values_still_draw():
    assert rects(bars([Point("a", (0.0,))], ["Cost"], title="t", unit=""), "first")


@pytest.mark.parametrize("days", [1, 2, 31])
@pytest.mark.parametrize("incomplete", [True, False])
def test_a_line_of_any_length_is_wellformed(days, incomplete):
    points = [Point(date(2026, 10, day + 1), (float(day), -1.0)) for day in range(days)]
    root = ElementTree.fromstring(line(points, ["Billed", "Effective"], title="t", unit="USD", incomplete=incomplete))
    hollow = [dot for dot in root.iter(f"{SVG}circle") if "hollow" in dot.get("class", "")]
    assert len(hollow) == (2 if incomplete else 0)


def test_a_day_without_charges_leaves_its_gap():
    days = [date(2026, 10, 1), date(2026, 10, 2), date(2026, 10, 11)]
    root = ElementTree.fromstring(line([Point(day, (1.0,)) for day in days], ["Cost"], title="t", unit=""))
    spots = [rect for rect in root.iter(f"{SVG}rect") if rect.get("class") == "hover"]
    x = [float(spot.get("x", 0)) for spot in spots]
    assert x[2] - x[1] == pytest.approx(9 * (x[1] - x[0]), rel=0.01)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 4321, [0, 1000, 2000, 3000, 4000, 5000]),
        (-0.3, 0.9, [-0.5, -0.25, 0, 0.25, 0.5, 0.75, 1]),
        (0, 0, [0, 0.2, 0.4, 0.6, 0.8, 1]),
    ],
)
def test_ticks_are_round_and_enclose_the_values(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


def test_hostile_names_are_escaped():
    svg = bars([Point("<script>&", (1.0,))], ["<b>"], title="<i>", unit="")
    assert "<script" not in svg
    ElementTree.fromstring(svg)
