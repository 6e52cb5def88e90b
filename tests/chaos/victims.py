"""Airflow's processes of a campaign: two of what there can be two of; killed by plan, and kept running otherwise."""

from __future__ import annotations

import contextlib
from collections import Counter

import psutil
from tests.chaos.schedule import Kill

from stack.deployment import Stack
from stack.guard import members

SCHEDULER = ("scheduler", "--skip-serve-logs")
TRIGGERER = ("triggerer", "--skip-serve-logs")
WORKER = ("celery", "worker", "--skip-serve-logs", "--concurrency", "2", "--celery-hostname")
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


class Victims:
    """Kills processes, and starts again what has ended, killed or not, as a container's restart policy does.

    Args:
        stack: where they run.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
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
        if children:
            child = children[int(kill.pick * len(children))]
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
            return f"a child of {kill.victim} ({child.pid}, one of {len(children)})"
        self._stack.forget_component(kill.victim)
        main.kill()
        main.wait()
        self._start(kill.victim)
        return f"{kill.victim} ({main.pid}) alone"

    def revive(self) -> list[str]:
        """Start again what has ended by itself; return its names."""
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
