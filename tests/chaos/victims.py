"""Airflow's processes of a campaign: two of what there can be two of; killed by plan, and kept running otherwise."""

from __future__ import annotations

import contextlib
from collections import Counter

import psutil
from tests.chaos.schedule import Kill
from tests.chaos.services import Services

from stack.deployment import Stack
from stack.errors import StackError
from stack.guard import members
from stack.processes import tail

SCHEDULER = ("scheduler", "--skip-serve-logs")
TRIGGERER = ("triggerer", "--skip-serve-logs")
WORKER = ("celery", "worker", "--skip-serve-logs", "--concurrency", "4", "--celery-hostname")
COMPONENTS = {
    "api-server": ("api-server", "--workers", "1"),
    "dag-processor": ("dag-processor",),
    "scheduler-1": SCHEDULER,
    "scheduler-2": SCHEDULER,
    "triggerer-1": TRIGGERER,
    "triggerer-2": TRIGGERER,
    "worker-1": (*WORKER, "worker-1@%h"),
    "worker-2": (*WORKER, "worker-2@%h"),
}
TASK_TITLES = ("airflow worker -- ", "airflow supervisor: ")


class Victims:
    """Kills processes, and starts again what has ended, killed or not, as a container's restart policy does.

    Args:
        stack: where they run.
        services: what must not end.
    """

    def __init__(self, stack: Stack, services: Services) -> None:
        self._stack = stack
        self._services = services
        self.starts: Counter[str] = Counter()
        """How often each was started again."""
        self.own_ends: Counter[str] = Counter()
        """How often each ended without being killed, e.g. because its child was."""

    def kill(self, kill: Kill) -> str:
        """Carry out one kill; say which processes it struck."""
        if kill.manner == "machine":
            struck = members(self._stack.processes.stack_id, kill.victim)
            self._stack.kill_component(kill.victim)
            self._start(kill.victim)
            return f"all {len(struck)} processes of {kill.victim}"
        main = self._stack.components[kill.victim].popen
        children = self._children(main.pid) if kill.manner == "child" else []
        children = [child for child in children if _runs_a_task(child)] or children
        if children:
            child = children[int(kill.pick * len(children))]
            what = "a task's process" if _runs_a_task(child) else "a child"
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
            return f"{what} of {kill.victim} ({child.pid}, one of {len(children)})"
        self._stack.forget_component(kill.victim)
        main.kill()
        main.wait()
        self._start(kill.victim)
        return f"{kill.victim} ({main.pid}) alone"

    def revive(self) -> list[str]:
        """Start again what has ended by itself; return its names.

        Raises `StackError` if something has ended that no campaign kills: AWS, the database, the broker.
        """
        self._services.check()
        if self._stack.emulator.popen.poll() is not None:
            raise StackError(f"The emulator has ended by itself. The end of its log:\n{tail(self._stack.emulator.log)}")
        ended = [name for name, running in self._stack.components.items() if running.popen.poll() is not None]
        for name in ended:
            self._stack.forget_component(name)
            self.own_ends[name] += 1
            self._start(name)
        return ended

    def _start(self, name: str) -> None:
        self.starts[name] += 1
        self._stack.start_component(name)

    def _children(self, pid: int) -> list[psutil.Process]:
        try:
            found = psutil.Process(pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        return sorted(found, key=lambda process: process.pid)

    def left_behind(self) -> list[psutil.Process]:
        """The processes of the stack that no living component has started: what outlived a killed parent."""
        known = {running.popen.pid for running in self._stack.components.values()}
        owned = known | {child.pid for pid in known for child in self._children(pid)}
        parts = (process for name in COMPONENTS for process in members(self._stack.processes.stack_id, name))
        return [process for process in parts if process.pid not in owned]


def _runs_a_task(process: psutil.Process) -> bool:
    """Whether it runs a task or supervises one that does, by the title that Airflow gives it."""
    with contextlib.suppress(psutil.Error):
        return process.cmdline()[:1] != [] and process.cmdline()[0].startswith(TASK_TITLES)
    return False
