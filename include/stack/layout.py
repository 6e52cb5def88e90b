"""Where a stack keeps its things."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterator

REPO = Path(__file__).parents[2]
VAR = REPO / "var"
MARKER = ".stack"
"""The file that says that a folder is a stack's, to be emptied by the next one."""


@dataclass(frozen=True)
class Layout:
    """The folders and files of one stack; all of it is made anew at each start.

    Args:
        folder: the stack's own folder, e.g. `var/run`.
        dags: the folder that the DAG processor reads.
        include: the folder of definitions, reports and `finops` that the DAGs see.
        plugins: Airflow's plugins folder.
        cache: what may be kept between two stacks (the migrated database).
    """

    folder: Path
    dags: Path = REPO / "dags"
    include: Path = REPO / "include"
    plugins: Path = REPO / "plugins"
    cache: Path = VAR / "cache"

    @property
    def airflow_home(self) -> Path:
        """AIRFLOW_HOME."""
        return self.folder / "airflow"

    @property
    def database(self) -> Path:
        """Airflow's SQLite database."""
        return self.airflow_home / "airflow.db"

    @property
    def passwords(self) -> Path:
        """The simple auth manager's password file."""
        return self.airflow_home / "passwords.json"

    @property
    def logs(self) -> Path:
        """One log for each process."""
        return self.folder / "logs"

    @property
    def task_logs(self) -> Path:
        """Airflow's own logs: of the tasks, and of the DAG files."""
        return self.logs / "airflow"

    @property
    def reports(self) -> Path:
        """The reports fetched from S3."""
        return self.folder / "reports"

    @property
    def deliveries(self) -> Path:
        """The delivered files that the reports were made of, below the name of their bucket."""
        return self.folder / "deliveries"

    @property
    def summary(self) -> Path:
        """What the run came to, as JSON."""
        return self.folder / "summary.json"

    def prepare(self) -> None:
        """Remove what an earlier stack left, and make the folders, readable by this user alone.

        Raises `StackError` if the folder holds something and no stack made it.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise StackError(f"{self.folder} is a file. Name a folder that is new or empty.")
        self.folder.mkdir(parents=True, exist_ok=True)
        marker = self.folder / MARKER
        if not marker.exists() and any(self.folder.iterdir()):
            raise StackError(
                f"{self.folder} holds files that no stack made, and all of it would be deleted. "
                "Empty it yourself, or name a folder that is new or empty."
            )
        marker.touch()
        self.folder.chmod(0o700)
        for entry in self.folder.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry != marker:
                entry.unlink()
        for folder in (self.airflow_home, self.logs, self.cache):
            folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one stack at a time; raises `StackError` naming the process that has it."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        path = self.folder.with_name(f"{self.folder.name}.lock")
        with path.open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.seek(0)
                raise StackError(
                    f"{self.folder} is in use by another stack (process {lock.read().strip() or 'unknown'}). "
                    "Wait until it ends, or stop it with Ctrl-C."
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield
