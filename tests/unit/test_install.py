"""`.ci/install` with interpreters that only pretend: which Python it takes, and what it says when there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

INSTALL = Path(__file__).parents[2] / ".ci" / "install"

INTERPRETER = """#!/bin/bash
# {name}, version {version}
case "$*" in
  *"sys.exit(not"*) exit {unsuitable} ;;
  *"import ensurepip"*) exit {without_venv} ;;
  *python_version*) echo "{version}" ;;
  "-m uv --version") echo "uv {uv}" ;;
  "-m venv .venv") mkdir -p .venv/bin; cp "$0" .venv/bin/python; echo "{name} made .venv" ;;
  "-m uv pip install"*) echo "installed" ;;
esac
"""


class Machine:
    """A folder with the script and a PATH on which only the interpreters made here are found."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.bin = folder / "bin"
        (self.folder / ".ci").mkdir(parents=True)
        self.bin.mkdir()
        shutil.copy(INSTALL, self.folder / ".ci" / "install")
        for tool in ("bash", "dirname", "cut", "rm", "touch", "cat", "cp", "mkdir"):
            (self.bin / tool).symlink_to(shutil.which(tool) or "")

    def python(self, name: str, version: str, *, venv: bool = True, uv: str = "", place: Path | None = None) -> None:
        """Put an interpreter on the PATH, or elsewhere."""
        suitable = version.startswith(("3.11", "3.12", "3.13"))
        path = (place or self.bin) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            INTERPRETER.format(
                name=name, version=version, unsuitable=int(not suitable), without_venv=int(not venv), uv=uv
            )
        )
        path.chmod(0o755)

    def install(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `.ci/install runtime`."""
        return subprocess.run(
            [self.folder / ".ci" / "install", "runtime"],
            env={"PATH": str(self.bin), "HOME": os.devnull, **environment},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_python3_is_taken_when_it_suits(machine: Machine) -> None:
    machine.python("python3", "3.12.1")
    machine.python("python3.13", "3.13.0")
    assert "python3 made .venv" in machine.install().stdout


def test_another_is_taken_when_python3_does_not_suit(machine: Machine) -> None:
    machine.python("python3", "3.10.13")
    machine.python("python3.12", "3.12.1")
    assert "python3.12 made .venv" in machine.install().stdout


def test_the_users_choice_is_taken(machine: Machine) -> None:
    machine.python("python3", "3.11.2")
    machine.python("mine", "3.13.0")
    assert "mine made .venv" in machine.install(PYTHON="mine").stdout


def test_without_a_suitable_python_it_says_what_it_found_and_the_remedy(machine: Machine) -> None:
    machine.python("python3", "3.10.13")
    machine.python("python3.11", "3.11.2", venv=False)
    result = machine.install()
    assert result.returncode == 1
    assert "python3: Python 3.10.13" in result.stderr
    assert "python3.11: Python 3.11.2 without venv (Debian: apt-get install python3.11-venv)" in result.stderr
    assert "python3.12: missing" in result.stderr
    assert "make install PYTHON=" in result.stderr


def test_an_interrupted_install_is_done_again_from_nothing(machine: Machine) -> None:
    machine.python("python3", "3.12.1", uv="0.13.9")
    machine.install()
    (machine.folder / ".venv" / ".installing").touch()
    (machine.folder / ".venv" / "half").touch()
    assert "python3 made .venv" in machine.install().stdout
    assert not (machine.folder / ".venv" / "half").exists()


def test_a_whole_venv_is_kept(machine: Machine) -> None:
    uv = (
        next(line for line in INSTALL.read_text().splitlines() if line.startswith("uv_version="))
        .split("=")[1]
        .split()[0]
    )
    machine.python("python3", "3.12.1")
    machine.python("python", "3.12.1", uv=uv, place=machine.folder / ".venv" / "bin")
    result = machine.install()
    assert "made .venv" not in result.stdout
    assert (machine.folder / ".venv" / ".runtime").exists()
