"""The emulator's status page in a browser: it fits, it is quiet, and it stays up to date by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.ui.status_page import busy_emulator

from emulator.server import Emulator


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with busy_emulator() as emulator:
        yield emulator


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page in a window of `width` pixels; it must not complain."""
    context = browser.new_context(viewport={"width": getattr(request, "param", 1280), "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
    yield page
    context.close()
    assert complaints == []


@pytest.mark.parametrize("page", [1280, 390], indirect=True)
def test_it_fits_into_the_window(page: Page, emulator: Emulator) -> None:
    page.goto(emulator.url)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    for heading in ("Exports", "Bill estimates", "Bill scenarios", "Buckets", "Faults in force", "Last requests"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()


def test_no_table_is_cut_off_on_a_desk(page: Page, emulator: Emulator) -> None:
    page.goto(emulator.url)
    cut = "boxes => boxes.filter(box => box.scrollWidth > box.clientWidth).map(box => box.innerText)"
    assert page.locator(".scroll").evaluate_all(cut) == []


@pytest.mark.parametrize("page", [390], indirect=True)
def test_the_outcome_of_a_request_can_be_seen_on_a_telephone(page: Page, emulator: Emulator) -> None:
    page.goto(emulator.url)
    box = page.get_by_text("ValidationException").bounding_box()
    assert box
    assert box["x"] + box["width"] < 390, "a person has to scroll to the side to see that a request failed"


def test_the_progress_of_an_estimate_can_be_seen(page: Page, emulator: Emulator) -> None:
    page.goto(emulator.url)
    bar = page.get_by_role("img", name="of at most 12 h").bounding_box()
    assert bar
    assert bar["width"] > 100


@pytest.mark.parametrize(("scheme", "lightness"), [("light", 200), ("dark", 60)])
def test_it_follows_the_colours_of_the_desk(page: Page, emulator: Emulator, scheme: str, lightness: int) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(emulator.url)
    red = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
    assert (int(red) > lightness) == (scheme == "light")


def test_it_comes_anew_by_itself(page: Page, emulator: Emulator) -> None:
    page.goto(emulator.url)
    seen = page.get_by_role("heading", level=1).inner_text()
    expect(page.get_by_role("heading", level=1)).not_to_have_text(seen, timeout=15_000)


def test_a_tile_leads_to_its_section(page: Page, emulator: Emulator) -> None:
    page.goto(f"{emulator.url}/?still")
    page.get_by_role("link", name="Requests").first.click()
    expect(page.get_by_role("heading", name="Last requests")).to_be_in_viewport()
