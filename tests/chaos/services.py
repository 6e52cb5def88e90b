"""PostgreSQL and Redis for one campaign: processes of its own in a temporary folder, reached by sockets alone.

Both come from Debian's packages, as the containers' come from images (docs/compose.md); the machine's own cluster and
its own Redis, if there are any, are not touched. The kernel ends both when this process dies.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.chaos.programs import missing, newest_postgres

from stack.errors import StackError

DATABASE_USER = "airflow"
PATIENCE = 60.0
STATEMENTS = ("max_connections=200", "fsync=off", "synchronous_commit=off", "full_page_writes=off")
"""Room for eight processes with their pools; nothing that costs a disk: this database is never to survive anything."""


class Services:
    """PostgreSQL with an empty database, and Redis; a context manager that leaves nothing of them.

    Args:
        logs: the folder of their logs.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._folder = Path()
        self._started: list[subprocess.Popen[bytes]] = []
        self._exit = ExitStack()

    @property
    def database(self) -> str:
        """SQLAlchemy's URL of the database."""
        return f"postgresql+psycopg2://{DATABASE_USER}@/{DATABASE_USER}?host={self._folder}"

    @property
    def settings(self) -> dict[str, str]:
        """What Airflow's processes are told of them."""
        return {
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CELERY__BROKER_URL": f"redis+socket://{self._folder}/redis.sock",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+postgresql://{DATABASE_USER}@/{DATABASE_USER}?host={self._folder}",
        }

    @property
    def pids(self) -> list[int]:
        """The two processes' ids."""
        return [popen.pid for popen in self._started]

    def check(self) -> None:
        """Raise `StackError` if one of the two has ended."""
        for popen in self._started:
            if popen.poll() is not None:
                raise StackError(f"PostgreSQL or Redis ended by itself. See the logs in {self._logs}.")

    def __enter__(self) -> Services:
        if lack := missing():
            raise StackError(f"{lack[:1].upper()}{lack[1:]}.")
        with ExitStack() as started:
            # /tmp: the path of a socket has room for about a hundred characters
            self._folder = Path(started.enter_context(tempfile.TemporaryDirectory(prefix="chaos-", dir="/tmp")))
            if os.geteuid() == 0:
                os.chown(self._folder, pwd.getpwnam("postgres").pw_uid, -1)
            started.callback(self._stop)
            self._start()
            self._exit = started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def _start(self) -> None:
        data, socket = self._folder / "data", self._folder / "redis.sock"
        self._run("initdb", "-D", str(data), "-U", DATABASE_USER, "--auth=trust", "-E", "UTF8", "--no-locale", "-N")
        settings = [word for statement in STATEMENTS for word in ("-c", statement)]
        place = ["-D", str(data), "-k", str(self._folder), "-c", "listen_addresses="]
        self._serve("postgres", "INT", str(_program("postgres")), *place, *settings)
        volatile = ["--save", "", "--appendonly", "no", "--dir", str(self._folder)]
        self._serve("redis", "KILL", "redis-server", "--port", "0", "--unixsocket", str(socket), *volatile)
        self._run("createdb", "-h", str(self._folder), "-U", DATABASE_USER, DATABASE_USER, retried=True)
        _until(socket.exists, "Redis")

    def _serve(self, name: str, at_our_end: str, *command: str) -> None:
        """Start a server that gets the signal `at_our_end` when this process dies, however it dies."""
        with (self._logs / f"{name}.log").open("ab") as output:
            popen = subprocess.Popen(
                [*_as_servant("--pdeathsig", at_our_end), *command],
                cwd=self._folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started.append(popen)

    def _run(self, program: str, *arguments: str, retried: bool = False) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            command = [*_as_servant(), str(_program(program)), *arguments]
            done = subprocess.run(
                command, cwd=self._folder, env=_environment(), capture_output=True, text=True, check=False
            )
            if done.returncode == 0:
                return
            if not retried or time.monotonic() > deadline:
                raise StackError(f"{program} failed: {done.stderr.strip()}. See the logs in {self._logs}.")
            time.sleep(0.1)

    def _stop(self) -> None:
        for popen in self._started:
            popen.send_signal(2)  # SIGINT: PostgreSQL drops its clients and ends in order, and so does Redis
        for popen in self._started:
            try:
                popen.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                popen.kill()
                popen.wait()


def _program(name: str) -> Path:
    folder = newest_postgres()
    assert folder, missing()
    return folder / name


def _as_servant(*options: str) -> list[str]:
    """PostgreSQL refuses to run as root; it then runs as the user whom Debian's package has made for it."""
    user = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *user, *options] if user or options else []


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _until(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > deadline:
            raise StackError(f"{what} was not ready within {PATIENCE:.0f} s.")
        time.sleep(0.05)
