"""The report pages, fetched from the bucket and opened from disk as a person would open them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.ui.conftest import Runs

from stack import reports
from stack.deployment import Stack

pytestmark = pytest.mark.timeout(300)


class Opened:
    """A report page in the browser, with what it asked for and complained about, and its run's own figures."""

    def __init__(self, page: Page, path: Path, figures: dict[str, Any]) -> None:
        self.page = page
        self.figures = figures
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(path.as_uri(), wait_until="load")


@pytest.fixture(params=["exported", "estimated"])
def opened(
    request: pytest.FixtureRequest, browser: Browser, stack: Stack, runs: Runs, tmp_path: Path
) -> Iterator[Opened]:
    figures = stack.airflow.results(getattr(runs, request.param), "run_reports")[0]
    fetched = reports.fetch(figures["reports"], stack.emulator_url, tmp_path)
    (path,) = [path for path in fetched if path.name == "index.html"]
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    yield Opened(context.new_page(), path, figures)
    context.close()


def test_a_page_needs_nothing_but_itself(opened: Opened) -> None:
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith(("file:", "data:"))] == []


def test_the_headline_figures_are_the_runs_own(opened: Opened) -> None:
    for name in ("rows", "cost", "historical_cost", "estimated_cost"):
        if name in opened.figures:
            value = opened.figures[name]
            shown = f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
            expect(opened.page.get_by_text(shown).first, f"{name} is not on the page").to_be_visible()


def test_every_chart_can_be_seen(opened: Opened) -> None:
    charts = opened.page.locator("svg").all()
    assert charts
    for chart in charts:
        expect(chart).to_be_visible()
        box = chart.bounding_box()
        assert box
        assert min(box["width"], box["height"]) > 50, box
