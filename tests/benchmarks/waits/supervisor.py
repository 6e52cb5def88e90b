"""The supervisor's side of a TriggerRunner that runs in a process of its own: it hands out triggers, takes events."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import psutil
from airflow.executors.workloads import RunTrigger
from airflow.jobs.triggerer_job_runner import messages
from airflow.sdk.execution_time.comms import _RequestFrame, _ResponseFrame
from tests.benchmarks.waits.world import REPO

#: Triggers handed out with one answer, as few as a scheduler's second may bring and a restart's first seconds.
BATCH = 250


class Runner:
    """A running TriggerRunner.

    What it logs comes as JSON over a socket, as to the real supervisor, and is read and counted. The real one also
    writes it into the tasks' files, in its own process, which is not measured.

    :param modules: what it imports before it is called idle
    :param env: its whole environment
    """

    def __init__(self, modules: Sequence[str], env: dict[str, str], output: Path) -> None:
        self.events: dict[int, tuple[float, Any]] = {}
        self.failures: list[str] = []
        self.log_lines = 0
        self.finished: set[int] = set()
        self._cancelled: set[int] = set()
        self.synced = threading.Event()
        self._output = output
        self._waiting: deque[RunTrigger] = deque()
        self._delays_path = output.with_suffix(".delays")
        self._socket, theirs = socket.socketpair()
        logs, their_logs = socket.socketpair()
        with output.open("wb") as file, self._delays_path.open("wb") as delays:
            fds = (their_logs.fileno(), delays.fileno())
            command = [sys.executable, "-m", f"{__package__}.runner", "triggerer", *map(str, fds), *modules]
            self._popen = subprocess.Popen(command, stdin=theirs, stdout=file, stderr=file, pass_fds=fds, env=env)
        theirs.close()
        their_logs.close()
        self.process = psutil.Process(self._popen.pid)
        for target, argument in ((self._drain, logs), (self._serve, self._socket)):
            threading.Thread(target=target, args=(argument,), daemon=True).start()
        self._socket.sendall(_ResponseFrame(id=0, body=messages.StartTriggerer().model_dump()).as_bytes())
        while not self.synced.wait(1):
            self._check()

    def run(self, workloads: list[RunTrigger]) -> None:
        """Hand out triggers, some with each sync, and return when the runner has been given the last."""
        self._waiting.extend(workloads)
        while self._waiting:
            time.sleep(0.1)
            self._check()

    def cancel(self, numbers: set[int]) -> None:
        """End triggers, as when a person marks their tasks, and return when they have ended."""
        self._cancelled = numbers
        while not numbers <= self.finished:
            time.sleep(0.1)
            self._check()
        self._cancelled = set()

    def _check(self) -> None:
        if self._popen.poll() is not None:
            raise RuntimeError(f"the runner has ended: {self.failures}, {self._output.read_text()}")

    def cpu(self) -> float:
        """Return the processor seconds that it has used."""
        times = self.process.cpu_times()
        return times.user + times.system

    def memory(self) -> float:
        """Return its resident megabytes."""
        return self.process.memory_info().rss / 2**20

    def delays(self, since: float, until: float) -> list[float]:
        """Return for how many seconds its event loop was held up at most between two monotonic times.

        That is the longest time; how much of it was own work; and the longest own work without garbage collection.
        """
        lines = [list(map(float, line.split())) for line in self._delays_path.read_text().splitlines()]
        meanwhile = [line[1:] for line in lines if since <= line[0] <= until + 1]
        if not meanwhile:
            return [0.0, 0.0, 0.0]
        return [*max(meanwhile)[:2], max(line[2] for line in meanwhile)]

    def close(self) -> None:
        """End it."""
        self._popen.terminate()
        try:
            self._popen.wait(10)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        self._socket.close()

    def _serve(self, connection: socket.socket) -> None:
        decoder = msgspec.msgpack.Decoder(_RequestFrame)
        with suppress(OSError), connection.makefile("rb") as stream:
            while length := stream.read(4):
                frame = decoder.decode(stream.read(int.from_bytes(length)))
                answer = self._answer(frame.body or {})
                connection.sendall(_ResponseFrame(id=frame.id, body=answer).as_bytes())

    def _answer(self, body: dict[str, Any]) -> dict[str, Any] | None:
        if body["type"] != "TriggerStateChanges":
            return None
        now, persisted = time.monotonic(), []
        for trigger_id, event, sequence in body["events"] or ():
            self.events[trigger_id] = (now, event["payload"])
            persisted.append(sequence)
        self.failures += [str((trigger_id, trace and trace[-1])) for trigger_id, trace in body["failures"] or ()]
        self.finished.update(body["finished"] or ())
        batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        self.synced.set()
        known = [sequence for sequence in persisted if sequence is not None]
        answer = messages.TriggerStateSync(to_create=batch, to_cancel=self._cancelled, events_persisted=known or None)
        return answer.model_dump()

    def _drain(self, logs: socket.socket) -> None:
        with logs.makefile("rb") as lines:
            for line in lines:
                self.log_lines += 1
                if b'"level":"error"' in line or b'"level":"critical"' in line:
                    self.failures.append(line.decode()[:1000])


def environment(connections: dict[str, str], home: Path, **more: str) -> dict[str, str]:
    """Return the environment of a runner.

    :param connections: Airflow's connections by name, as JSON
    """
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    paths = os.pathsep.join(map(str, (REPO / "plugins", REPO / "include", REPO)))
    named = {f"AIRFLOW_CONN_{name.upper()}": value for name, value in connections.items()}
    settings = {"AIRFLOW_HOME": str(home), "PYTHONPATH": paths, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    return {**kept, **settings, **named, **more}
