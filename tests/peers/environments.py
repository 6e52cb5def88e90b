"""Programs of others that our work has to please, each in an environment of its own: `var/peers/<name>`.

They come from the registry, pinned in `tests/peers/requirements/<name>.txt`, and are installed once.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).parents[2]
PEERS = REPO / "var" / "peers"


def programs(name: str) -> Path:
    """Return the folder of the programs of the environment `name`; make it if it is not there or its pins changed."""
    wanted = Path(__file__).parent / "requirements" / f"{name}.txt"
    home = PEERS / name
    installed = home / "installed.txt"
    if not installed.exists() or installed.read_text() != wanted.read_text():
        shutil.rmtree(home, ignore_errors=True)
        _uv("venv", "--python", sys.executable, home)
        _uv("pip", "install", "--python", home / "bin" / "python", "-r", wanted)
        shutil.copy(wanted, installed)  # the last step: an interrupted install is made anew
    return home / "bin"


def _uv(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "uv", "--quiet", *map(str, arguments)]
    # the certificates of the system, as pip uses them
    done = subprocess.run(
        command, env={**os.environ, "UV_SYSTEM_CERTS": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
