"""What the code imports is what `make install` installs: an old .venv must not hide a missing requirement."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPO = Path(__file__).parents[2]
OURS = {"bcm", "finops", "emulator", "stack", "tests", "docs"}
RUNTIME = ("dags", "plugins", "include")


def required(file: str) -> Iterator[Requirement]:
    """The direct requirements of a file and of those that it names."""
    for line in (REPO / file).read_text().splitlines():
        text = line.split("#")[0].strip()
        if text.startswith("-r "):
            yield from required(text.removeprefix("-r "))
        elif text:
            yield Requirement(text)


def installed_by(file: str) -> set[str]:
    """All that installing the file brings here: its requirements, theirs, and so on."""
    todo, done = list(required(file)), set[tuple[str, str]]()
    while todo:
        requirement = todo.pop()
        for extra in {"", *requirement.extras}:
            key = (canonicalize_name(requirement.name), extra)
            if key not in done:
                done.add(key)
                todo += needs(requirement.name, extra)
    return {name for name, _ in done}


def needs(name: str, extra: str) -> list[Requirement]:
    """What a distribution requires on this machine, with an extra or, for an empty one, without."""
    try:
        texts = requires(name) or []
    except PackageNotFoundError:
        return []
    found = [Requirement(text) for text in texts]
    return [one for one in found if one.marker is None or one.marker.evaluate({"extra": extra})]


def imported(*folders: str) -> dict[str, str]:
    """The top-level modules that are imported below the folders and are not ours: a file that does so by module."""
    found: dict[str, str] = {}
    for folder in folders:
        for file in (REPO / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
                found |= {name.split(".")[0]: str(file.relative_to(REPO)) for name in names}
    local = OURS | {file.stem for file in (REPO / "dags").glob("*.py")}
    return {name: file for name, file in found.items() if name not in sys.stdlib_module_names | local}


@pytest.mark.parametrize(
    ("requirements", "folders"), [("requirements.txt", RUNTIME), ("requirements-dev.txt", (*RUNTIME, "tests", "docs"))]
)
def test_every_import_is_required(requirements: str, folders: tuple[str, ...]) -> None:
    installed, providers = installed_by(requirements), packages_distributions()
    missing = {
        name: file
        for name, file in imported(*folders).items()
        if not {canonicalize_name(provider) for provider in providers.get(name, ())} & installed
    }
    assert not missing, f"imported, but not brought by {requirements}: add them there and run `make lock`: {missing}"


def test_every_requirement_is_pinned_in_the_resolution() -> None:
    pinned = set(re.findall(r"^([\w.-]+)==", (REPO / "constraints.txt").read_text(), re.MULTILINE))
    names = {canonicalize_name(requirement.name) for requirement in required("requirements-dev.txt")}
    assert names <= {canonicalize_name(name) for name in pinned}, "run `make lock`"
