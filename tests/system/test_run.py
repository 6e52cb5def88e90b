"""`make run`'s command: what it leaves when it succeeds, when a DAG is broken, and when it is interrupted."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest

from stack.deployment import Stack
from stack.errors import StackError, StoppedError
from stack.guard import MARK, members
from stack.interrupts import Interrupts
from stack.layout import REPO, Layout

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")
EXPORT_KEYS = {
    "name",
    "export_arn",
    "execution_id",
    "status",
    "billing_period",
    "manifest",
    "rows",
    "cost",
    "reports",
}
ESTIMATE_KEYS = {"name", "scenario_id", "estimate_id", "status", "historical_cost", "estimated_cost", "reports"}


class Command:
    """`python -m stack run` as a process of its own, with its output line by line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = ""
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "stack", "run", "--folder", str(folder)],
            env={**os.environ, "PYTHONPATH": str(REPO / "include"), "AWS_PROFILE": "none-of-the-stacks-business"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def read_until(self, text: str) -> None:
        """Read its output until a line contains `text`, or to its end if none does."""
        assert self.popen.stdout
        for line in self.popen.stdout:
            self.output += line
            if text in line:
                return

    def finish(self) -> int:
        """Read the rest of its output and return its exit code."""
        assert self.popen.stdout
        self.output += self.popen.stdout.read()
        return self.popen.wait()

    def ports(self) -> set[int]:
        """The ports that it said it uses."""
        return {int(port) for port in ADDRESS.findall(self.output)}


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    command = Command(tmp_path / "run")
    yield command
    command.popen.terminate()
    command.finish()


def using(folder: Path) -> list[str]:
    """The processes that have a file open below `folder` or work in it: another look than the stack's own."""
    found = []
    for process in psutil.process_iter():
        try:
            paths = [process.cwd(), *(file.path for file in process.open_files())]
        except (psutil.Error, OSError):
            continue
        if any(Path(path).is_relative_to(folder) for path in paths):
            found.append(f"{process.pid} {' '.join(process.cmdline())}")
    return found


def marked_in(folder: Path) -> list[psutil.Process]:
    """The stack's processes, found by the mark that those writing below `folder` carry."""
    ids = set()
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except (psutil.Error, OSError):
            continue
        if MARK in environment and environment.get("AIRFLOW_HOME", "").startswith(str(folder)):
            ids.add(environment[MARK])
    return [process for stack_id in ids for process in members(stack_id)]


def assert_nothing_left(command: Command) -> None:
    assert using(command.folder) == []
    assert marked_in(command.folder) == []
    for port in command.ports():
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0, f"something listens on port {port}"


@pytest.mark.timeout(400)
def test_an_export_and_an_estimate_go_through_their_whole_lives(command: Command) -> None:
    code = command.finish()
    assert code == 0, command.output
    summary = json.loads((command.folder / "summary.json").read_text())
    exports = summary["exports"]
    (estimate,) = summary["estimates"]
    assert {(*sorted(export), export["status"]) for export in exports} == {(*sorted(EXPORT_KEYS), "DELIVERY_SUCCESS")}
    assert set(estimate) == ESTIMATE_KEYS
    assert estimate["status"] == "COMPLETE"
    assert summary["seconds"] > 0
    for entry in (*exports, estimate):
        assert [path for path in entry["reports"] if not Path(path).is_file()] == []
        assert [path for path in entry["reports"] if path.endswith("index.html")]
    for export in exports:
        add_up(export, command.folder / "deliveries")
    items = json.loads(next((command.folder / "reports").rglob("line_items.json")).read_text())
    for which in ("historical", "estimated"):
        total = sum(item.get(f"{which}Cost", {}).get("amount", 0.0) for item in items)
        assert estimate[f"{which}_cost"] == pytest.approx(total, abs=0.005)
    for wait in ("await_execution", "await_estimate"):
        assert re.search(rf"{wait} +deferred", command.output), f"{wait} is to be seen waiting"
    assert_nothing_left(command)


def add_up(export: dict[str, Any], deliveries: Path) -> None:
    """Compare the summary with the delivered files, read without any of our own code."""
    manifest = json.loads((deliveries / export["manifest"].removeprefix("s3://")).read_text())
    assert (manifest["executionId"], manifest["exportArn"]) == (export["execution_id"], export["export_arn"])
    costs = [
        cost
        for uri in manifest["dataFiles"]
        for cost in pq.read_table(deliveries / uri.removeprefix("s3://"))["line_item_unblended_cost"].to_pylist()
    ]
    assert export["rows"] == len(costs)
    assert export["cost"] == pytest.approx(math.fsum(costs), abs=0.005)


@pytest.mark.timeout(200)
@pytest.mark.parametrize("moment", ["emulator starting", "Airflow starting", "waiting for the DAGs", " deferred"])
def test_ctrl_c_at_any_moment_leaves_nothing(command: Command, moment: str) -> None:
    command.read_until(moment)
    command.popen.send_signal(signal.SIGINT)
    assert command.finish() == 130, command.output
    assert_nothing_left(command)
    assert not (command.folder / "summary.json").exists()


@pytest.mark.timeout(200)
def test_more_ctrl_c_in_the_tear_down_do_not_break_it(command: Command) -> None:
    command.read_until(" running")
    while command.popen.poll() is None:
        command.popen.send_signal(signal.SIGINT)
        time.sleep(0.05)
    assert command.finish() == 130, command.output
    assert_nothing_left(command)


@pytest.mark.timeout(200)
def test_a_killed_runner_leaves_nothing(command: Command) -> None:
    command.read_until("triggered both")
    assert using(command.folder)
    command.popen.kill()
    command.finish()
    deadline = time.monotonic() + 30
    while using(command.folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert_nothing_left(command)


@pytest.mark.timeout(200)
def test_an_interrupted_migration_is_not_kept(tmp_path: Path) -> None:
    interrupts = Interrupts()

    def interrupt_the_migration(line: str) -> None:
        assert "being migrated" in line
        interrupts.came = signal.SIGINT

    layout = Layout(tmp_path / "run", cache=tmp_path / "cache")
    with pytest.raises(StoppedError), Stack(layout, interrupts=interrupts, say=interrupt_the_migration):
        pass
    assert list(layout.cache.iterdir()) == []
    assert using(layout.folder) == []


@pytest.mark.timeout(200)
def test_a_dag_that_cannot_be_imported_is_told_with_its_trace(tmp_path: Path) -> None:
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "broken.py").write_text("from airflow.sdk import dag\nraise ValueError('the reason')\n")
    story = r"(?s)broken\.py cannot be imported.*ValueError: the reason"
    with Stack(Layout(tmp_path / "run", dags=dags)) as stack, pytest.raises(StackError, match=story):
        stack.wait_for_dags("never")
