"""Airflow's database, migrated once for each resolution of the requirements and copied from then on."""

from __future__ import annotations

import hashlib
import shutil
import sys
from typing import TYPE_CHECKING

from stack.layout import REPO

if TYPE_CHECKING:
    from pathlib import Path

    from stack.layout import Layout
    from stack.processes import Processes, Running


class Database:
    """Puts a migrated SQLite database into the stack; `airflow db migrate` takes 12 s, a copy nothing.

    Args:
        layout: the stack's folders.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        resolution = (REPO / "constraints.txt").read_bytes() + sys.version.encode()
        self._template = layout.cache / f"airflow-{hashlib.sha256(resolution).hexdigest()[:16]}.db"
        self.url = f"sqlite:///{layout.database}"
        """SQLAlchemy's."""

    def begin(self, processes: Processes, env: dict[str, str]) -> Running | None:
        """Copy the kept database, or start its migration, which `finish` needs to have ended."""
        if self._template.exists():
            shutil.copyfile(self._template, self._layout.database)
            return None
        return processes.start("db-migrate", "airflow", "db", "migrate", env=env, serves=False)

    def finish(self) -> None:
        """Keep the database just migrated, for the next stack."""
        copy: Path = self._layout.airflow_home / "template.db"
        shutil.copyfile(self._layout.database, copy)
        copy.replace(self._template)
