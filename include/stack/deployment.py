"""The stack: the emulator and Airflow's four processes, up and down as one."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stack import environment, logs
from stack.database import Database
from stack.errors import StackError
from stack.guard import kill_part
from stack.interrupts import Interrupts
from stack.processes import Processes, Running, free_port, tail
from stack.rest import AirflowApi, ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stack.layout import Layout
    from stack.rest import Run

READY = re.compile(r"^emulator ready at (http://\S+)$", re.MULTILINE)
COMPONENTS = {
    "api-server": ("api-server", "--workers", "1"),
    "dag-processor": ("dag-processor",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
HEALTHY = ("metadatabase", "scheduler", "triggerer", "dag_processor")


def month_with_data() -> str:
    """The 20th of this month, 06:00 UTC: an emulated time at which the month has data to report on."""
    return datetime.now(UTC).replace(day=20, hour=6).strftime("%Y-%m-%dT%H:00:00Z")


@dataclass(frozen=True)
class Options:
    """How a stack differs from another.

    Args:
        speed: emulated seconds per second.
        start: the emulated time at the start, ISO 8601.
        rows: usage lines of one month of the simulated organisation, about; None for the emulator's default.
        estimate_hours: the shortest and longest emulated time of a bill estimate, `MIN-MAX`. At the default speed
            the emulator's own 20 minutes would be over before anybody waits.
        port: the API server's port; None for a free one.
        schedules: whether DAGs run by their schedules too, not only when triggered.
        settings: further environment variables of Airflow's processes, e.g. `AIRFLOW__SCHEDULER__...`.
        components: Airflow's processes: the command line after `airflow` by the name that is theirs here.
        database: SQLAlchemy's URL of Airflow's database, migrated already; None for an SQLite database of the stack's.
        patience: seconds to wait for a component before giving up.
    """

    speed: float = 1200
    start: str = field(default_factory=month_with_data)
    rows: int | None = None
    estimate_hours: str = "6-12"
    port: int | None = None
    schedules: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    components: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: COMPONENTS)
    database: str | None = None
    patience: float = 180


def emulator_command(options: Options, port: int) -> list[str]:
    """The emulator's command line after `python -m`, with the demonstration's buckets."""
    command = ["emulator", "--port", str(port), "--speed", f"{options.speed:g}", "--start", options.start]
    command += ["--estimate-hours", options.estimate_hours]
    if options.rows:
        command += ["--rows", str(options.rows)]
    for bucket in environment.BUCKETS:
        command += ["--bucket", bucket]
    return command


class Stack:
    """The emulator and Airflow as processes; a context manager that leaves nothing running.

    Entering starts everything and returns as soon as the API server answers; DAG processor, scheduler and
    triggerer may still be starting (`wait_healthy`).

    Args:
        layout: its folders, made anew.
        options: speed, ports and the like.
        interrupts: where waiting looks for a Ctrl-C.
        say: takes each line of progress.
    """

    airflow: AirflowApi
    emulator: Running
    emulator_url: str

    def __init__(
        self,
        layout: Layout,
        options: Options | None = None,
        *,
        interrupts: Interrupts | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.layout = layout
        self.options = options or Options()
        self.interrupts = interrupts or Interrupts()
        self.processes = Processes(layout.logs)
        self.keys = environment.Secrets()
        self.components: dict[str, Running] = {}
        self._say = say
        self._env: dict[str, str] = {}
        self._exit = ExitStack()

    def __enter__(self) -> Stack:
        with ExitStack() as started:
            started.enter_context(self.layout.locked())
            self.layout.prepare()
            started.enter_context(self.processes)
            self._start()
            self._exit = started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def log(self, run: Run, task_id: str, try_number: int = 1, map_index: int = -1) -> list[dict[str, Any]]:
        """The log of one try of a task, as events (`event`, `level`, `timestamp`, `logger`, ...)."""
        return logs.read(self.layout.task_logs, run, task_id, try_number, map_index)

    def _start(self) -> None:
        port = self.options.port or free_port()
        self.emulator = self._start_emulator()
        database = Database(self.layout)
        url = self.options.database or database.url
        self._env = environment.airflow(
            self.layout, self.keys, port=port, emulator_url="", database=url, schedules=self.options.schedules
        )
        self._env |= self.options.settings
        migration = None if self.options.database else database.begin(self.processes, self._env)
        self._say("emulator starting" + (", database being migrated (first time only)" if migration else ""))
        self.emulator_url = self._emulator_address(self.emulator)
        self._env["AIRFLOW_CONN_AWS_DEFAULT"] = environment.aws_connection(self.emulator_url)
        if migration:
            self.wait(migration.ended, "the migration of Airflow's database")
            database.finish()
        environment.write_passwords(self.layout.passwords, self.keys.password)
        for name in self.options.components:
            self.start_component(name)
        self._say(f"emulator at {self.emulator_url}, Airflow starting (logs in {self.layout.logs})")
        self.airflow = AirflowApi(f"http://127.0.0.1:{port}", "admin", self.keys.password, self.interrupts)
        self.wait(lambda: bool(self.airflow.health()), "the API server")
        self.wait(self.airflow.serves_tasks, "the API server's part for tasks")

    def start_component(self, name: str) -> Running:
        """Start one of the components; a test that has killed one starts it again with this."""
        running = self.processes.start(name, "airflow", *self.options.components[name], env=self._env)
        self.components[name] = running
        return running

    def kill_component(self, name: str) -> None:
        """SIGKILL one of the components with all that it has started, as a machine that is lost does."""
        running = self.forget_component(name)
        kill_part(self.processes.stack_id, name)
        running.popen.wait()

    def forget_component(self, name: str) -> Running:
        """Watch a component no longer: it is about to be killed, or has ended."""
        running = self.components.pop(name)
        self.processes.forget(running)
        return running

    def _start_emulator(self) -> Running:
        command = emulator_command(self.options, port=0)
        return self.processes.start("emulator", *command, env=environment.base())

    def _emulator_address(self, emulator: Running) -> str:
        addresses: list[str] = []

        def told() -> bool:
            addresses.extend(READY.findall(tail(emulator.log)))
            return bool(addresses)

        self.wait(told, "the emulator")
        return addresses[0]

    def wait(self, done: Callable[[], bool], what: str) -> None:
        """Wait until `done()`; raises `StackError` naming `what` when it takes too long or a process ends.

        An answer that Airflow's API owes, or a fault of its own that it answers with, is waited out too.
        """
        deadline = time.monotonic() + self.options.patience
        while not _without_passing_trouble(done):
            self.processes.check()
            if time.monotonic() > deadline:
                raise StackError(
                    f"{what} was not ready within {self.options.patience:.0f} s. See the logs in {self.layout.logs}."
                )
            self.interrupts.pause(0.2)

    def wait_healthy(self) -> None:
        """Wait until scheduler, triggerer and DAG processor report themselves healthy too."""
        self.wait(
            lambda: all(self.airflow.health().get(name) == "healthy" for name in HEALTHY),
            "one of scheduler, triggerer and DAG processor",
        )

    def wait_for_dags(self, *dag_ids: str) -> None:
        """Wait until the DAGs are known; raises `StackError` with the import errors if there are any."""

        def known() -> bool:
            errors = self.airflow.import_errors()
            if errors:
                texts = (f"{file} cannot be imported:\n{trace.strip()}" for file, trace in errors.items())
                raise StackError("\n".join(texts))
            return all(self.airflow.knows(dag_id) for dag_id in dag_ids)

        self.wait(known, f"the parsing of {', '.join(dag_ids)}")


def _without_passing_trouble(done: Callable[[], bool]) -> bool:
    try:
        return done()
    except ApiError as error:
        if error.passing:
            return False
        raise
