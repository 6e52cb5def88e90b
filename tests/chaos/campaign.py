"""One campaign: a stack, its runs, the kills, the settling, the verdict."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil
from tests.chaos import check, trouble
from tests.chaos.launcher import Launcher, told
from tests.chaos.ledger import Outcome, read_airflow, read_aws
from tests.chaos.schedule import Kill, kills
from tests.chaos.services import Services
from tests.chaos.victims import COMPONENTS, Victims
from tests.chaos.workload import workload
from tests.system.support import Aws

from stack.deployment import Options, Stack
from stack.environment import REPORTS_URI, base
from stack.errors import StackError
from stack.guard import members
from stack.interrupts import Interrupts
from stack.layout import REPO, Layout
from stack.progress import Progress

SETTINGS = {
    # how soon a lost worker, scheduler or triggerer is noticed: minutes in a deployment, seconds here
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
    "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
    # A message that a killed worker had taken from the queue is lost; Airflow queues its task anew after this time,
    # as often as it takes.
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "45",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__NUM_STUCK_IN_QUEUED_RETRIES": "1000",
    # of each scheduler: as many as the workers have slots, for one of the two is often dead
    "AIRFLOW__CORE__PARALLELISM": "8",
    # A run that has begun goes before one that has not: else all of them would be at the same step all the time.
    "AIRFLOW__CORE__DEFAULT_TASK_WEIGHT_RULE": "upstream",
    # A helper of Celery's worker that looks for old DAG versions, of which there are none here; it outlives a worker
    # that is killed alone.
    "AIRFLOW__DAG_PROCESSOR__STALE_BUNDLE_CLEANUP_INTERVAL": "0",
}
COPIED = ("dags", "include", "plugins")
FASTEST = 600.0
MONTH_LEFT = 14 * 24 * 60.0
"""Emulated minutes from the start, the 15th, that no campaign may outlast: bill scenarios end with their month."""
SETTLING = 25.0
"""Minutes after the kills in which everything must have ended; they need a fifth of it on an idle machine."""
LAUNCHING = 0.6
"""The share of the kills' time over which the runs are launched."""
GRACE = 30.0
"""Seconds in which a process whose parent was killed may end by itself when all runs have ended."""
TRIGGER_FAILED = ("Trigger exited without sending an event", "the poll of this connection broke")
"""What is logged of a trigger that failed. Retries would hide it, and no kill and no fault of AWS may cause it."""


@dataclass(frozen=True)
class Order:
    """What a campaign is to be.

    Args:
        seed: what the kills are drawn from.
        minutes: for how long processes are killed.
        runs: how many runs, at least 2.
    """

    seed: int
    minutes: float
    runs: int


@dataclass
class Report:
    """What a campaign came to.

    Args:
        order: what was asked for.
        kills: each with the time at which it was carried out and what it struck.
        restarts: how often each component was started again.
        own_ends: how often each ended without being killed.
        runs: the runs as Airflow tells them.
        calls: AWS's calls and errors by operation.
        seconds: until everything had settled, the set-up included.
        settled_after: seconds from the last kill until the last run had ended.
        faults: a sentence for everything that was lost or doubled.
    """

    order: Order
    kills: list[dict[str, Any]] = field(default_factory=list)
    restarts: dict[str, int] = field(default_factory=dict)
    own_ends: dict[str, int] = field(default_factory=dict)
    runs: list[Outcome] = field(default_factory=list)
    calls: dict[str, dict[str, int]] = field(default_factory=dict)
    seconds: float = 0.0
    settled_after: float = 0.0
    faults: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return asdict(self)


class Campaign:
    """Carries out an order.

    Args:
        order: what to do.
        folder: for logs and everything else; made anew.
        interrupts: where waiting looks for a Ctrl-C.
        progress: prints, and counts the time.
    """

    def __init__(self, order: Order, folder: Path, interrupts: Interrupts, progress: Progress) -> None:
        self.report = Report(order)
        self._order = order
        # a copy, so that nobody's edit meanwhile meets processes that start at all times
        copies = {name: folder / name for name in COPIED}
        self._layout = Layout(folder / "stack", **copies)
        self._interrupts = interrupts
        self._progress = progress
        self._workload = workload(order.runs)

    def run(self) -> Report:
        """Do it all; raises `StackError` if the stack cannot even start."""
        self._prepare()
        logs = self._layout.folder.with_name("logs")
        logs.mkdir(exist_ok=True)
        with Services(logs) as services:
            migrate(services.database, logs)
            self._progress.say("PostgreSQL and Redis are up, Airflow's database is migrated")
            with Stack(self._layout, self._options(services), interrupts=self._interrupts) as stack:
                stack.wait_healthy()
                stack.wait_for_dags(*{launch.dag_id for launch in self._workload.launches})
                self._progress.say(f"up; logs in {self._layout.logs}")
                self._rage(stack, services)
            self._expect_none_of(stack.processes.stack_id)
            servers = services.pids
        self.report.faults += [f"process {pid} of the services is left." for pid in servers if psutil.pid_exists(pid)]
        self.report.seconds = round(self._progress.seconds, 1)
        return self.report

    def _prepare(self) -> None:
        self._layout.folder.parent.mkdir(parents=True, exist_ok=True)
        for name in COPIED:
            target = self._layout.folder.with_name(name)
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(REPO / name, target, ignore=shutil.ignore_patterns("__pycache__"))
        self._workload.write(self._layout.include)
        shutil.copy(Path(__file__).with_name("airflow_local_settings.py"), self._layout.include)

    def _options(self, services: Services) -> Options:
        start = Options().start.replace("-20T", "-15T")
        speed = min(FASTEST, MONTH_LEFT / (self._order.minutes + SETTLING + 5))
        return Options(
            speed=speed,
            start=start,
            rows=2000,
            estimate_hours="6-12",
            settings={**SETTINGS, **services.settings},
            components=COMPONENTS,
            database=services.database,
        )

    def _rage(self, stack: Stack, services: Services) -> None:
        """Launch, kill and revive; then let everything settle, and look at the ledger."""
        aws = Aws(stack.emulator_url)
        for rule in trouble.rules(self._workload.doomed):
            aws.fault(**rule)
        victims = Victims(stack, services)
        seconds = self._order.minutes * 60
        launcher = Launcher(stack.airflow, self._workload.launches, seconds * LAUNCHING, self._progress.say)
        launcher.start()
        try:
            self._kill(victims, kills(self._order.seed, seconds))
            self._progress.say("no more kills; waiting until all runs have ended")
            self._settle(victims, launcher)
        finally:
            launcher.stop()
        self.report.restarts = dict(sorted(victims.starts.items()))
        self.report.own_ends = dict(sorted(victims.own_ends.items()))
        self._judge(stack, aws)
        self._expect_no_orphan(victims)

    def _kill(self, victims: Victims, planned: list[Kill]) -> None:
        began = time.monotonic()
        for kill in planned:
            while (left := began + kill.at - time.monotonic()) > 0:
                self._revive(victims)
                self._interrupts.pause(min(left, 0.5))
            struck = victims.kill(kill)
            at = round(time.monotonic() - began, 2)
            self.report.kills.append({**asdict(kill), "struck": struck, "carried_out": at})
            self._progress.say(f"    killed {struck}")

    def _settle(self, victims: Victims, launcher: Launcher) -> None:
        began = time.monotonic()
        while not launcher.done:
            self._revive(victims)
            if time.monotonic() - began > SETTLING * 60:
                self._progress.say(f"given up after {SETTLING:.0f} min: {told(launcher.states)}")
                break
            self._interrupts.pause(0.5)
        self.report.settled_after = round(time.monotonic() - began, 1)

    def _revive(self, victims: Victims) -> None:
        for name in victims.revive():
            self._progress.say(f"    {name} has ended by itself and is started again")

    def _judge(self, stack: Stack, aws: Aws) -> None:
        aws.heal()
        self._progress.say("reading Airflow's and AWS's side")
        stack.wait(lambda: bool(stack.airflow.health()), "the API server")
        self.report.runs = read_airflow(stack.airflow, self._workload)
        self.report.calls = aws.counts()
        self.report.faults += failed_triggers(self._layout.logs)
        self.report.faults += check.faults(self._workload, self.report.runs, read_aws(aws, REPORTS_URI))

    def _expect_no_orphan(self, victims: Victims) -> None:
        deadline = time.monotonic() + GRACE
        while (left := victims.left_behind()) and time.monotonic() < deadline:
            self._interrupts.pause(0.5)
        for process in left:
            name = " ".join(process.cmdline())
            self.report.faults.append(f"Process {process.pid} outlived its killed parent and all runs: {name}")

    def _expect_none_of(self, stack_id: str) -> None:
        for process in members(stack_id):
            self.report.faults.append(f"Process {process.pid} is left of the stack: {' '.join(process.cmdline())}")


def failed_triggers(logs: Path) -> list[str]:
    """A sentence for each log of a triggerer, or of a task in it, that tells of a trigger that failed."""
    return [
        f"A trigger failed by itself: {path}"
        for path in sorted(logs.rglob("*trigger*.log"))
        if any(said in path.read_text(encoding="utf-8", errors="replace") for said in TRIGGER_FAILED)
    ]


def migrate(database: str, logs: Path) -> None:
    """Make Airflow's tables; raises `StackError` with the end of the log if that fails."""
    env = base() | {"AIRFLOW_HOME": str(logs), "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database}
    with (logs / "db-migrate.log").open("w+") as log:
        command = [sys.executable, "-m", "airflow", "db", "migrate"]
        code = subprocess.run(command, env=env, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
    if code:
        text = (logs / "db-migrate.log").read_text(encoding="utf-8")[-3000:]
        raise StackError(f"The migration of Airflow's database failed:\n{text}")
