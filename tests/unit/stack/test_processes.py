"""Processes that end with the stack, however deep they are and however it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from stack.environment import base
from stack.errors import StackError
from stack.guard import end_all, kill_part, members
from stack.processes import Processes, free_port, port_is_free, tail

DEEP = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
time.sleep(600)
"""
"""A process that ignores SIGTERM, with a child in a session of its own that does so too."""

RUNNER = """
import sys, time
from pathlib import Path
from stack.environment import base
from stack.processes import Processes
folder = Path(sys.argv[1])
with Processes(folder) as processes:
    processes.start("deep", "deep", env=base() | {"PYTHONPATH": str(folder)})
    (folder / "id").write_text(processes.stack_id)
    time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "deep.py").write_text(DEEP)
    return logs


def wait_until(condition: object, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def test_leaving_ends_grandchildren_of_other_sessions_that_ignore_sigterm(folder: Path) -> None:
    with Processes(folder) as processes:
        running = processes.start("deep", "deep", env=base() | {"PYTHONPATH": str(folder)})
        wait_until(lambda: "up" in tail(running.log))
        started = members(processes.stack_id)
        assert len(started) == 2
    assert not [process for process in started if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def test_one_part_is_killed_with_what_outlived_its_parent_and_no_other(folder: Path) -> None:
    with Processes(folder) as processes:
        parts = [processes.start(name, "deep", env=base() | {"PYTHONPATH": str(folder)}) for name in ("a", "b")]
        wait_until(lambda: all("up" in tail(part.log) for part in parts))
        parts[0].popen.kill()
        parts[0].popen.wait()
        assert len(members(processes.stack_id, "a")) == 1, "the grandchild, which is nobody's child now"
        kill_part(processes.stack_id, "a")
        assert not members(processes.stack_id, "a")
        assert len(members(processes.stack_id, "b")) == 2
        processes.forget(parts[0])


def test_a_killed_runner_leaves_nothing(folder: Path) -> None:
    runner = subprocess.Popen([sys.executable, "-c", RUNNER, str(folder)], env=base())
    wait_until(lambda: "up" in tail(folder / "deep.log") and (folder / "id").exists())
    stack_id = (folder / "id").read_text()
    try:
        assert len(members(stack_id)) == 2
        runner.send_signal(signal.SIGKILL)
        runner.wait()
        wait_until(lambda: not members(stack_id))
    finally:
        end_all(stack_id)


def test_a_process_that_fails_is_named_with_the_end_of_its_log(folder: Path) -> None:
    (folder / "broken.py").write_text("print('the reason'); raise SystemExit(3)")
    with Processes(folder) as processes:
        running = processes.start("broken", "broken", env=base() | {"PYTHONPATH": str(folder)})
        running.popen.wait()
        with pytest.raises(StackError, match=r"(?s)broken ended with code 3.*the reason"):
            processes.check()


@pytest.mark.parametrize("serves", [True, False])
def test_only_a_job_may_end(folder: Path, serves: bool) -> None:
    (folder / "short.py").write_text("")
    with Processes(folder) as processes:
        processes.start("short", "short", env=base() | {"PYTHONPATH": str(folder)}, serves=serves).popen.wait()
        if serves:
            with pytest.raises(StackError, match="short ended by itself"):
                processes.check()
        else:
            processes.check()


def test_a_free_port_is_free() -> None:
    assert port_is_free(free_port())


def test_the_tail_of_no_log_is_empty(tmp_path: Path) -> None:
    assert tail(tmp_path / "none.log") == ""
