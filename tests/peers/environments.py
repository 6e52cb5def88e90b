"""Programs of others that our work has to please, each in an environment of its own: `var/peers/<name>`.

They come from the registry, pinned in `tests/peers/requirements/<name>.txt`, and are installed once.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

REPO = Path(__file__).parents[2]
PEERS = REPO / "var" / "peers"
_making = threading.Lock()  # the validator runs in several threads, and each asks for it


def programs(name: str, python: str = sys.executable) -> Path:
    """Return the folder of the programs of the environment `name`; make it if it is not there or its pins changed."""
    return _environment(name, python) / "bin"


def packages(name: str, python: str = sys.executable) -> Path:
    """Return the folder of the packages of the environment `name`, made as `programs` does."""
    return next(_environment(name, python).glob("lib/python3.*/site-packages"))


def python312() -> str:
    """Return the command of a Python 3.12, or an empty text: PYTHON312 names one, else PATH or pyenv may have one."""
    pyenv = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/3.12*/bin/python"))
    for command in (os.environ.get("PYTHON312", ""), sys.executable, "python3.12", *map(str, pyenv)):
        answer = (
            subprocess.run(
                [command or "false", "-c", "import sys; print(sys.version_info[:2] == (3, 12))"],
                capture_output=True,
                text=True,
                check=False,
            )
            if shutil.which(command)
            else None
        )
        if answer and answer.stdout == "True\n":
            return command
    return ""


def _environment(name: str, python: str) -> Path:
    wanted = Path(__file__).parent / "requirements" / f"{name}.txt"
    home = PEERS / name
    installed = home / "installed.txt"
    with _making:
        if not installed.exists() or installed.read_text() != wanted.read_text():
            shutil.rmtree(home, ignore_errors=True)
            _uv("venv", "--python", python, home)
            # the pins are all that is installed: of some we only read files
            _uv("pip", "install", "--no-deps", "--python", home / "bin" / "python", "-r", wanted)
            shutil.copy(wanted, installed)  # the last step: an interrupted install is made anew
    return home


def _uv(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "uv", "--quiet", *map(str, arguments)]
    # the certificates of the system, as pip uses them
    done = subprocess.run(
        command, env={**os.environ, "UV_SYSTEM_CERTS": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
