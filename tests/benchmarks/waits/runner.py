"""The process that is measured: Airflow's own TriggerRunner, on an event loop that notes how long it is held up.

`python -m tests.benchmarks.waits.runner triggerer LOG_FD DELAYS_FD MODULE ...`, started by the supervisor with its
socket as the standard input. Like `airflow triggerer` it has the deployment's local settings.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import selectors
import sys
import threading
import time
from pathlib import Path

from airflow.jobs.triggerer_job_runner import TriggerRunner
from airflow.sdk.execution_time.supervisor import _configure_logs_over_json_channel
from tests.benchmarks.waits.profile import Profile

#: Seconds between two readings of the thread's clock, which is a system call; what is shorter is not noted.
READ_EVERY = 0.005


class WatchedSelector(selectors.DefaultSelector):
    """Notes the longest time in which the loop did not get round to looking for what has come in.

    Once a second it writes the monotonic time; that longest time; how much of it was this thread's own work, as for
    the rest another process had the processor; and the longest own work without what Python's garbage collector did.
    This costs less and misses less than a task that sleeps.
    """

    def __init__(self, delays: int) -> None:
        super().__init__()
        self._delays = delays
        self._came_back = self._read = self._line_due = time.monotonic()
        self._worked = time.thread_time()
        self._longest = self._own = self._else = 0.0
        self._collected = self._collecting = 0.0
        self._thread = threading.get_ident()
        gc.callbacks.append(self._on_collection)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        now = time.monotonic()
        if now - self._read > READ_EVERY:
            self._note(now)
        ready = super().select(timeout)
        self._came_back = time.monotonic()
        return ready

    def _note(self, now: float) -> None:
        held_up, worked = now - self._came_back, time.thread_time()
        own, self._read, self._worked = worked - self._worked, now, worked
        if held_up > self._longest:
            self._longest, self._own = held_up, min(own, held_up)
        self._else = max(self._else, own - self._collected)
        self._collected = 0.0
        if now >= self._line_due:
            os.write(self._delays, f"{now} {self._longest} {self._own} {self._else}\n".encode())
            self._longest, self._else, self._line_due = 0.0, 0.0, now + 1

    def _on_collection(self, phase: str, info: dict[str, int]) -> None:
        if threading.get_ident() != self._thread:
            return
        if phase == "start":
            self._collecting = time.thread_time()
        else:
            self._collected += time.thread_time() - self._collecting


class WatchedLoops(asyncio.DefaultEventLoopPolicy):
    """Has the runner's loop watched; loops of other threads, which come later, are as ever."""

    def __init__(self, delays: int) -> None:
        super().__init__()
        self._delays: int | None = delays

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        delays, self._delays = self._delays, None
        return super().new_event_loop() if delays is None else asyncio.SelectorEventLoop(WatchedSelector(delays))


def main() -> None:
    """Run until SIGTERM, as the fork of the triggerer does."""
    _, log, delays, *modules = sys.argv[1:]
    _configure_logs_over_json_channel(int(log))
    for module in modules:
        importlib.import_module(module)
    if path := os.environ.get("BENCH_WAITS_PROFILE"):
        Profile(Path(path))
    asyncio.set_event_loop_policy(WatchedLoops(int(delays)))
    TriggerRunner().run()


if __name__ == "__main__":
    main()
