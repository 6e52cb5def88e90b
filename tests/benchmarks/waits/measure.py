"""One measurement: a side waits in its runner, first in peace, then things change."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.benchmarks.waits.sides import TEN_SECONDS, Cadence, Side, connections
from tests.benchmarks.waits.supervisor import Runner, environment
from tests.benchmarks.waits.world import CHANGES, STEP, World

#: Longest time, in seconds, until a side has looked at everything once, beside its interval.
PATIENCE = 120.0
MINUTE = 60.0


@dataclass
class Figures:
    """What was measured.

    :param cpu: processor seconds a minute, in peace. :param idle_cpu: of the idle runner
    :param starting_cpu: processor seconds a minute while the waits started, over a minute at least
    :param memory: resident MB over the idle runner, which has waited and has nothing to wait for any more
    :param once: MB that it then takes more than before its first wait: once a process, for whichever AWS trigger
    :param calls: a minute, by operation. :param due: calls a minute that were due, if that is known
    :param delays: how many seconds the event loop was held up at most while the waits started, in peace, and while
        things changed; how many of these it worked itself; and its longest work without garbage collection
    :param changes: seconds from a change to its event, sorted. :param missed: changes without an event
    :param loading: seconds until everything was looked at once. :param load: the machine's load average meanwhile
    """

    cpu: float = 0.0
    idle_cpu: float = 0.0
    starting_cpu: float = 0.0
    memory: float = 0.0
    once: float = 0.0
    calls: dict[str, float] = field(default_factory=dict)
    due: float | None = None
    delays: dict[str, list[float]] = field(default_factory=dict)
    changes: list[float] = field(default_factory=list)
    missed: int = 0
    loading: float = 0.0
    log_lines: int = 0
    load: float = 0.0
    failures: list[str] = field(default_factory=list)

    @property
    def all_calls(self) -> float:
        """All calls a minute."""
        return sum(self.calls.values())

    @property
    def keeps_up(self) -> bool:
        """Whether at least nine of ten calls that were due were made."""
        return self.due is None or self.all_calls >= 0.9 * self.due

    def change(self, percent: int) -> float | None:
        """Return within how many seconds this share of the changes had their event."""
        if not self.changes:
            return None
        return self.changes[min(len(self.changes) - 1, len(self.changes) * percent // 100)]

    def document(self) -> dict[str, Any]:
        """Return everything for the JSON file."""
        shown = {name: value for name, value in vars(self).items() if name != "changes"}
        summary = {"number": len(self.changes), "median": self.change(50), "p99": self.change(99)}
        return {**shown, "all_calls": self.all_calls, "keeps_up": self.keeps_up, "change_to_event": summary}


def measure(world: World, side: Side, cadence: Cadence, seconds: float, folder: Path, profile: Path | None) -> Figures:
    """Measure one side.

    :param seconds: how long in peace
    :param profile: where the runner writes what takes its processor's time
    """
    figures = Figures(due=side.due_calls(world, cadence))
    given = {"AIRFLOW__BCM__CALLS_PER_SECOND": str(cadence.calls_per_second)}
    given["AIRFLOW__CORE__FERNET_KEY"] = os.environ["AIRFLOW__CORE__FERNET_KEY"]
    if profile:
        given["BENCH_WAITS_PROFILE"] = str(profile)
    runner = Runner(side.modules, environment(connections(world), folder, **given), folder / f"runner-{side.name}.log")
    try:
        idle = _idle(world, side, runner, figures)
        began, used = time.monotonic(), runner.cpu()
        _start(world, side, cadence, runner)
        loaded = time.monotonic()
        time.sleep(max(0.0, began + MINUTE - loaded))
        ready = time.monotonic()
        figures.starting_cpu = (runner.cpu() - used) * MINUTE / (ready - began)
        # several looks at everything: they are in step, and less would be any part of one
        _in_peace(world, runner, max(seconds, 3 * cadence.poke_interval), figures, sampled=bool(profile))
        figures.memory = runner.memory() - idle
        peace = time.monotonic()
        if side.subjects(world):
            _with_changes(world, cadence, runner, figures)
        ended = time.monotonic()
        spans = {"starting": (began, ready), "peace": (ready, peace), "changing": (peace, ended)}
        figures.delays = {name: runner.delays(*span) for name, span in spans.items()}
        figures.loading, figures.log_lines, figures.load = loaded - began, runner.log_lines, os.getloadavg()[1]
        figures.failures += runner.failures[:5]
    finally:
        runner.close()
    return figures


def _idle(world: World, side: Side, runner: Runner, figures: Figures) -> float:
    """Have the runner wait for one thing of each kind, so that it has loaded all it needs; return its memory then."""
    time.sleep(3)
    bare = runner.memory()
    kinds = {bool(one.estimate): one for one in world.awaited}
    numbers = {len(world.awaited) + place: one for place, one in enumerate(kinds.values(), 1)}
    world.control("DELETE", "requests")
    runner.run([side.workload(number, one, TEN_SECONDS) for number, one in numbers.items()])
    kinds_asked = len(kinds) if side.subjects(world) else 0
    _until(lambda: len(world.calls()) == kinds_asked, TEN_SECONDS.poke_interval + PATIENCE)
    time.sleep(1)
    runner.cancel(set(numbers))
    time.sleep(2)
    used = runner.cpu()
    time.sleep(10)
    figures.idle_cpu = (runner.cpu() - used) * 6
    figures.once = runner.memory() - bare
    return bare + figures.once


def _start(world: World, side: Side, cadence: Cadence, runner: Runner) -> None:
    """Start all waits, and give them the time to look once."""
    world.control("DELETE", "requests")
    runner.run([side.workload(number, one, cadence) for number, one in enumerate(world.awaited, 1)])
    _until(lambda: sum(world.calls().values()) >= side.subjects(world), cadence.poke_interval + PATIENCE)
    time.sleep(cadence.poke_interval)


def _until(so: Callable[[], bool], patience: float) -> None:
    until = time.monotonic() + patience
    while not so() and time.monotonic() < until:
        time.sleep(0.5)


def _in_peace(world: World, runner: Runner, seconds: float, figures: Figures, *, sampled: bool) -> None:
    if early := len(runner.events):
        figures.failures.append(f"{early} waits ended before anything had changed")
    world.control("DELETE", "requests")
    began, used = time.monotonic(), runner.cpu()
    if sampled:
        runner.process.send_signal(signal.SIGUSR1)
    time.sleep(seconds)
    used, lasted = runner.cpu() - used, time.monotonic() - began
    if sampled:
        runner.process.send_signal(signal.SIGUSR1)
    figures.cpu = used * MINUTE / lasted
    figures.calls = {operation: number * MINUTE / lasted for operation, number in world.calls().items()}


def _with_changes(world: World, cadence: Cadence, runner: Runner, figures: Figures) -> None:
    """Move the time so that waits end, and work out how long each event took from the move that caused it."""
    steps: list[tuple[float, datetime]] = []
    world.advance(timedelta(hours=1) - STEP / 2)
    for _ in range(CHANGES):
        moment = time.monotonic()
        steps.append((moment, world.advance(STEP)))
        time.sleep(cadence.between_changes)
    time.sleep(1.5 * cadence.poke_interval + 5)
    ends = world.ends()
    for number, one in enumerate(world.awaited, 1):
        event = runner.events.get(number)
        if one.estimate:
            changed = None if one.step is None else steps[one.step][0]
        else:
            assert one.export
            own = (event[1] if event else {}).get("execution_id")
            ended = ends[one.export].get(own) or min(ends[one.export].values(), default=None)
            changed = next((moment for moment, now in steps if ended and ended <= now), None)
        if event and changed:
            figures.changes.append(event[0] - changed)
        elif changed and one.estimate:
            figures.missed += 1
    figures.changes.sort()
