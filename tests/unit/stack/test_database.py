"""The migrated database that is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack import database
from stack.database import Database
from stack.layout import Layout
from stack.processes import Processes


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "run", cache=tmp_path / "cache")
    layout.prepare()
    return layout


@pytest.fixture
def no_processes(tmp_path: Path) -> Processes:
    return Processes(tmp_path)


def test_what_was_migrated_is_copied_the_next_time(layout: Layout, no_processes: Processes) -> None:
    layout.database.write_text("migrated")
    Database(layout).finish()
    layout.prepare()
    assert Database(layout).begin(no_processes, {}) is None
    assert layout.database.read_text() == "migrated"


def test_other_requirements_need_another_migration(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout.database.write_text("migrated")
    Database(layout).finish()
    (tmp_path / "constraints.txt").write_text("apache-airflow==99\n")
    monkeypatch.setattr(database, "REPO", tmp_path)
    layout.database.write_text("migrated for 99")
    Database(layout).finish()
    assert len(list(layout.cache.iterdir())) == 2
