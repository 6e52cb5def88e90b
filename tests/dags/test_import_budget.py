"""Parsing a DAG file loads no library that only its tasks use."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from tests.dags.conftest import DAGS, REPO

BANNED = ["aiobotocore", "duckdb", "pyarrow", "sqlglot", "matplotlib", "pandas", "moto", "emulator"]
PARSE = f"""
import importlib, json, runpy, sys
sys.path.insert(0, {str(DAGS)!r})
loaded = {{}}
for name in sys.argv[1:]:
    runpy.run_path({str(DAGS)!r} + "/" + name) if name.endswith(".py") else importlib.import_module(name)
    loaded[name] = [banned for banned in {BANNED!r} if banned in sys.modules]
print(json.dumps(loaded))
"""
FILES = sorted(path.name for path in DAGS.glob("*.py"))
WATCHER = "bcm.triggers.delivered"
"""What a DAG file imports besides that watches an asset: a trigger, of which the triggerer alone runs anything."""


@pytest.fixture(scope="module")
def loaded() -> dict[str, list[str]]:
    """The banned modules that were there after each file was run, in a process of its own."""
    path = os.pathsep.join(str(REPO / name) for name in ("plugins", "include"))
    env = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, "-c", PARSE, *FILES, WATCHER]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, f"a DAG file cannot be run: {done.stderr}"
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("file", FILES)
def test_a_dag_file_imports_nothing_heavy(loaded: dict[str, list[str]], file: str) -> None:
    assert loaded[file] == [], (
        f"after dags/{file}, {loaded[file]} are imported: python -X importtime dags/{file} shows who does it; "
        "import it inside the function that uses it"
    )


def test_a_watcher_imports_nothing_heavy(loaded: dict[str, list[str]]) -> None:
    assert loaded[WATCHER] == [], f"python -X importtime -c 'import {WATCHER}' shows who does it"
