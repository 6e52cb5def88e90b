"""The processes of one stack: started, watched, and ended together."""

from __future__ import annotations

import contextlib
import secrets
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stack.errors import StackError
from stack.guard import MARK, PART, end_all
from stack.layout import REPO

if TYPE_CHECKING:
    from collections.abc import Mapping

TAIL_LINES = 40


def free_port() -> int:
    """A TCP port of the loopback address that nothing listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    """Whether `port` of the loopback address can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def tail(path: Path, lines: int = TAIL_LINES) -> str:
    """The last `lines` lines of a log file, or an empty text if there is none."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


@dataclass(frozen=True)
class Running:
    """One process that the stack started.

    Args:
        name: for people, and the log file's name.
        popen: the process.
        log: where its standard output and error go.
        serves: whether it is meant to stay; one that does a job may end, with exit code 0.
    """

    name: str
    popen: subprocess.Popen[bytes]
    log: Path
    serves: bool

    def ended(self) -> bool:
        """Whether it came to its end and with exit code 0; raises `StackError` after any other."""
        code = self.popen.poll()
        if code:
            raise StackError(f"{self.name} ended with code {code}. The end of {self.log}:\n{tail(self.log)}")
        return code == 0


class Processes:
    """Starts processes marked as one stack's, and ends all of them and of what they started.

    Each has its own session, so that a Ctrl-C at the terminal reaches this process alone, which then ends
    the others in order. A context manager: on leaving it nothing of the stack runs any more.

    Args:
        logs: the folder of their logs.
    """

    def __init__(self, logs: Path) -> None:
        self.stack_id = secrets.token_hex(8)
        self._logs = logs
        self._running: list[Running] = []
        self._guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Processes:
        self._guard = subprocess.Popen(
            [sys.executable, "-m", "stack.guard", self.stack_id],
            stdin=subprocess.PIPE,
            env={"PYTHONPATH": str(REPO / "include")},
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        end_all(self.stack_id)
        for running in self._running:
            running.popen.wait()
        if self._guard:
            with contextlib.suppress(OSError):
                self._guard.communicate()

    def start(self, name: str, *command: str, env: Mapping[str, str], serves: bool = True) -> Running:
        """Start `python -m <command>` with exactly the environment `env`; its output goes to `<name>.log`."""
        log = self._logs / f"{name}.log"
        with log.open("ab") as output:
            popen = subprocess.Popen(
                [sys.executable, "-m", *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**env, MARK: self.stack_id, PART: name},
                cwd=self._logs.parent,
                start_new_session=True,
            )
        running = Running(name, popen, log, serves)
        self._running.append(running)
        return running

    def forget(self, running: Running) -> None:
        """Watch it no longer: a test is about to kill it."""
        self._running.remove(running)

    def check(self) -> None:
        """Raise `StackError` with the end of its log if a process has failed, or one that serves has ended."""
        for running in self._running:
            if running.ended() and running.serves:
                raise StackError(f"{running.name} ended by itself. The end of {running.log}:\n{tail(running.log)}")
