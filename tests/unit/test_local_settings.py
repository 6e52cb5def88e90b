"""The deployment's airflow_local_settings: rare full garbage collections for the triggerer, for nothing else."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

INCLUDE = Path(__file__).parents[2] / "include"
LOAD = "import airflow, gc; print(gc.get_threshold())"


@pytest.mark.parametrize(("command", "full"), [("triggerer", 100), ("scheduler", gc.get_threshold()[2])])
def test_the_triggerer_looks_through_all_objects_seldom(tmp_path: Path, command: str, full: int) -> None:
    env = {**os.environ, "PYTHONPATH": str(INCLUDE), "AIRFLOW_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", LOAD, command], capture_output=True, text=True, env=env, check=True)
    assert done.stdout.splitlines()[-1] == str((*gc.get_threshold()[:2], full))
