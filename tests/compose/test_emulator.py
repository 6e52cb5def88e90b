"""The emulator of docker-compose.yaml on its own: no database, no Airflow."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from tests.compose.stack import Stack

pytestmark = pytest.mark.timeout(900)  # the image may have to be built


@pytest.fixture(scope="module")
def alone(project: Stack) -> Iterator[Stack]:
    """The project under another name, of which only the emulator is started."""
    stack = Stack(project.folder, f"{project.image.removesuffix(':test')}-emulator")
    try:
        stack.up("emulator")
        yield stack
    finally:
        stack.compose("down", "--volumes", "--remove-orphans", "--timeout", "20")
        stack.run("docker", "image", "rm", "--force", stack.image, check=False)


def ask(stack: Stack, path: str, document: Any = None) -> str:
    """Ask the published port as this machine's browser or shell does."""
    body = None if document is None else json.dumps(document).encode()
    with urllib.request.urlopen(f"http://{stack.compose('port', 'emulator', '5005').strip()}{path}", body) as answer:
        return str(answer.read().decode())


def test_nothing_else_is_started(alone: Stack) -> None:
    assert alone.compose("ps", "--services").split() == ["emulator"]


def test_the_status_page_is_at_the_published_port(alone: Stack) -> None:
    page = ask(alone, "/")
    assert "finops-exports-111122223333" in page
    assert "600 × the wall" in page  # noqa: RUF001  the page's own sign


def test_the_clock_can_be_moved_from_this_machine(alone: Stack) -> None:
    before = json.loads(ask(alone, "/_emulator/clock"))["now"]
    after = json.loads(ask(alone, "/_emulator/clock", {"advance_seconds": 86_400}))["now"]
    assert after[:10] > before[:10]
