"""Ends a stack's processes, however deep they are and however the stack itself ended.

Every process of a stack carries `STACK_ID` in its environment, and so does all that it starts: Airflow's
task processes leave their parent's group and session, but not their environment.
Run as `python -m stack.guard ID`, it waits until its standard input closes, that is until the stack's own
process is gone (SIGKILL included), and then ends what is left.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import time

import psutil

MARK = "STACK_ID"
PART = "STACK_PART"
"""In the environment of a process that the stack started by a name, and of all that it starts: that name."""


def members(stack_id: str, part: str | None = None) -> list[psutil.Process]:
    """Every living process of the stack `stack_id`, or of one part of it; this one excepted."""
    found = []
    me = psutil.Process().pid
    for process in psutil.process_iter():
        # gone meanwhile, a zombie, or another user's: not ours to end
        with contextlib.suppress(psutil.Error, OSError):
            marks = process.environ() if process.pid != me else {}
            if marks.get(MARK) == stack_id and part in (None, marks.get(PART)):
                found.append(process)
    return found


def kill_part(stack_id: str, part: str) -> None:
    """SIGKILL all processes of one part of a stack, until a look finds none."""
    while left := members(stack_id, part):
        _signal(left, signal.SIGKILL)
        psutil.wait_procs(left, timeout=1.0)


def end_all(stack_id: str, patience: float = 1.0) -> None:
    """End all processes of the stack: SIGTERM, and SIGKILL for those still there after `patience` seconds.

    It looks again until a look finds none, since a process may start another while it is being ended.
    """
    _signal(members(stack_id), signal.SIGTERM)
    deadline = time.monotonic() + patience
    while (left := members(stack_id)) and time.monotonic() < deadline:
        psutil.wait_procs(left, timeout=0.1)
    while left:
        _signal(left, signal.SIGKILL)
        psutil.wait_procs(left, timeout=1.0)
        left = members(stack_id)


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)


if __name__ == "__main__":
    sys.stdin.read()
    end_all(sys.argv[1])
