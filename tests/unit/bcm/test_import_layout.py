"""Airflow's plugin loader executes files one by one under their bare names: it must not reach into the package."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[3] / "plugins"
MEND = "plugins/.airflowignore must name bcm/, so that the loader leaves the package alone"
#: What the loader does, in a process of its own: it leaves its traces in sys.modules.
LOAD = f"""
import json, sys
sys.path.insert(0, {str(PLUGINS)!r})
from airflow.sdk import plugins_manager
from airflow.sdk.module_loading import import_string
before = dict(sys.modules)
plugins, errors = plugins_manager._load_plugins_from_plugin_directory({str(PLUGINS)!r})
new = [name for name, module in sys.modules.items() if before.get(name) is not module]
ours = lambda name: str(getattr(sys.modules[name], "__file__", None) or "").startswith({str(PLUGINS)!r})
import bcm.exceptions
print(json.dumps({{
    "errors": errors,
    "executed": [name for name in new if ours(name)],
    "shadowed": [name for name in before if sys.modules.get(name) is not before[name]],
    "trigger": import_string("bcm.triggers.data_exports.BcmExportExecutionTrigger").__module__,
}}))
"""


@pytest.fixture(scope="module")
def loaded() -> dict[str, object]:
    """What the loader did."""
    done = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_loader_finds_no_error(loaded: dict[str, object]) -> None:
    assert loaded["errors"] == {}, MEND


def test_the_loader_executes_nothing_of_the_package(loaded: dict[str, object]) -> None:
    executed = [name for name in loaded["executed"] if not str(name).endswith("_plugin")]  # type: ignore[attr-defined]
    assert executed == [], MEND


def test_the_loader_replaces_no_module(loaded: dict[str, object]) -> None:
    assert loaded["shadowed"] == [], MEND


def test_a_triggers_class_path_can_be_imported(loaded: dict[str, object]) -> None:
    assert loaded["trigger"] == "bcm.triggers.data_exports"


def test_no_module_has_the_bare_name_of_a_standard_one_at_the_top() -> None:
    top = {path.stem for path in PLUGINS.iterdir()}
    assert not top & set(sys.stdlib_module_names), "plugins/ is on sys.path: rename what shadows the standard library"
