"""`make screenshots`: an emulator and a stack are started, and Chromium takes the pictures in docs/images."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, expect
from tests.ui.airflow_ui import AirflowUi, chromium, find_chromium
from tests.ui.runs import DAY, advance, wait_deferred, wait_successful
from tests.ui.status_page import busy_emulator

from stack import reports
from stack.deployment import Options, Stack
from stack.layout import Layout
from stack.run import ESTIMATE, EXPORT, RESULT_TASK

IMAGES = Path(__file__).parent / "images"
LIMIT = 300_000
"""Bytes that a picture may have."""


def save(picture: bytes, name: str) -> None:
    """Write a picture with a palette of its own, which is a third of the size at the same look."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    path = IMAGES / f"{name}.png"
    image.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, optimize=True)
    if path.stat().st_size > LIMIT:
        raise SystemExit(f"{path} has {path.stat().st_size} bytes, more than {LIMIT}. Make the picture smaller.")


def open_page(browser: Browser, width: int, height: int) -> Page:
    """A page whose pictures are sharp on any screen."""
    context = browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=1.5)
    return context.new_page()


def of_airflow(ui: AirflowUi, stack: Stack) -> dict[str, Any]:
    """Take the form, and the graph of a run that waits; return what each run's reports came to."""
    form = ui.open_form(EXPORT)
    expect(form.get_by_text("Reports to run on the delivery")).to_be_visible()
    save(form.screenshot(), "trigger-form")
    runs = {"export-report": stack.airflow.trigger(EXPORT), "estimate-report": stack.airflow.trigger(ESTIMATE)}
    ui.page.set_viewport_size({"width": 1280, "height": 600})
    ui.open_run(runs["export-report"])
    graph = ui.show_graph()
    ui.page.get_by_role("button", name="Collapse Details Panel").click()
    expect(graph.get_by_text("deferred")).to_be_visible()
    ui.page.get_by_role("button", name="Fit View").click()
    save(ui.page.screenshot(animations="disabled"), "graph")
    wait_deferred(stack, *runs.values())
    advance(stack, DAY)
    wait_successful(stack, *runs.values())
    return {name: stack.airflow.results(run, RESULT_TASK)[0] for name, run in runs.items()}


def of_emulator(browser: Browser) -> None:
    """Take the emulator's status page from its top."""
    with busy_emulator() as emulator:
        opened = open_page(browser, 1200, 1340)
        opened.goto(emulator.url)
        save(opened.screenshot(), "emulator")


def of_report(browser: Browser, page: Path, name: str) -> None:
    """Take a report page from its top."""
    opened = open_page(browser, 1100, 1000)
    opened.goto(page.as_uri())
    save(opened.screenshot(), name)


def main() -> None:
    """Take all pictures."""
    path = find_chromium()
    if path is None:
        raise SystemExit("No chromium on this machine (Debian: apt-get install chromium).")
    IMAGES.mkdir(exist_ok=True)
    with chromium(path) as browser:
        of_emulator(browser)
    with (
        tempfile.TemporaryDirectory(prefix="screenshots-") as folder,
        chromium(path) as browser,
        # time stands nearly still until the graph of the waiting export has been taken
        Stack(Layout(Path(folder, "stack")), Options(speed=1)) as stack,
    ):
        stack.wait_for_dags(EXPORT, ESTIMATE)
        stack.wait_healthy()
        ui = AirflowUi(open_page(browser, 1280, 1000), stack.airflow)
        ui.log_in()
        for name, figures in of_airflow(ui, stack).items():
            fetched = reports.fetch(figures["reports"], stack.emulator_url, Path(folder, name))
            of_report(browser, next(page for page in fetched if page.name == "index.html"), name)


if __name__ == "__main__":
    main()
