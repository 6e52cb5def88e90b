"""What the benchmark prints."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.benchmarks.waits.measure import Figures

#: Waits, connections and cadence of a case.
Case = tuple[int, int, str]
Measured = Mapping[Case, Mapping[str, "Figures"]]
show = sys.stdout.write

KINDS: dict[str, Callable[[Figures], float]] = {
    "CPU": lambda one: one.cpu,
    "CPU over idle": lambda one: one.cpu - one.idle_cpu,
    "CPU while starting": lambda one: one.starting_cpu,
    "memory": lambda one: one.memory,
    "memory with what loads once": lambda one: one.memory + one.once,
    "calls": lambda one: one.all_calls,
}


def explanation() -> None:
    """Say what the figures are."""
    show(
        "CPU of the runner's process, in peace and from the hand-over of the triggers on. Memory over an idle runner:\n"
        "one that has waited and has nothing to wait for any more. Held up: the longest time in which the event loop\n"
        "did not look for what had come in (how much of it was own work and not other processes'; the longest own\n"
        "work without Python's garbage collector).\n"
    )


def side(name: str, one: Figures) -> None:
    """Show one side's figures."""
    event = "no change" if not one.changes else f"median {one.change(50):.1f} s, 99 % within {one.change(99):.1f} s"
    calls = ", ".join(f"{operation} {number:,.0f}" for operation, number in one.calls.items())
    due = ""
    if one.due is not None:
        due = f"; {one.due:,.0f} were due: " + ("it kept up" if one.keeps_up else "it did not keep up")
    spans = (f"{span} {longest:.2f} s ({own:.2f}, {rest:.2f})" for span, (longest, own, rest) in one.delays.items())
    lines = [
        f"CPU {one.cpu:.2f} s a minute, of it {one.idle_cpu:.2f} when idle; {one.starting_cpu:.2f} while starting",
        f"memory {one.memory:.1f} MB, and {one.once:.1f} MB once a process",
        f"calls {one.all_calls:,.0f} a minute: {calls}{due}",
        f"loop held up: {', '.join(spans)}",
        f"from a change to its event: {event}; {len(one.changes)} changes, {one.missed} without an event in time",
        f"started within {one.loading:.0f} s; {one.log_lines:,} lines of log; load average {one.load:.1f}",
        *one.failures,
    ]
    show("".join(f"{name if line is lines[0] else '':<7}{line}\n" for line in lines))


def ratios(sides: Mapping[str, Figures]) -> None:
    """Show what share of the plain side's cost is ours."""
    if {"ours", "plain"} <= sides.keys():
        ours, plain = sides["ours"], sides["plain"]
        parts = [f"{kind} 1/{of(plain) / max(of(ours), 0.01):.1f}" for kind, of in KINDS.items()]
        if plain.due:
            parts.append(f"calls that were due 1/{plain.due / ours.all_calls:.1f}")
        show(f"ours by plain: {', '.join(parts)}\n")


def targets(measured: Measured) -> None:
    """Compare with what this project wants, as far as the cases tell."""
    rows: list[tuple[str, float, float, str]] = []
    both = measured.get((400, 1, "10 s"), {})
    if {"ours", "plain"} <= both.keys():
        for (kind, of), wanted in zip(KINDS.items(), (25, 25, 25, 30, 30, 20), strict=True):
            share = of(both["plain"]) / max(of(both["ours"]), 0.01)
            rows.append((f"400 waits: {kind}, how many times less", share, wanted, "at least"))
    alone = measured.get((10_000, 1, "default"), {}).get("ours")
    many = measured.get((10_000, 100, "default"), {}).get("ours")
    if alone:
        rows.append(("10,000 waits: KB a wait", alone.memory * 1024 / 10_000, 40, "at most"))
    if alone and many:
        rows.append(("100 connections: MB a connection", (many.memory - alone.memory) / 99, 1, "at most"))
    if many:
        held_up = [max(column) for column in zip(*many.delays.values(), strict=True)]
        rows.append(("10,000 waits, 100 connections: CPU s a minute", many.cpu, 15, "at most"))
        rows.append(("... loop held up, s", held_up[0], 0.2, "at most"))
        rows.append(("... of it own work, s", held_up[1], 0.2, "at most"))
        rows.append(("... own work without garbage collection, s", held_up[2], 0.2, "at most"))
    if rows:
        show(f"\n{'wanted':<58}{'measured':>10}\n")
    for what, value, wanted, bound in rows:
        reached = value >= wanted if bound == "at least" else value <= wanted
        show(f"{what + ', ' + bound + f' {wanted:g}':<58}{value:>10.2f}  {'reached' if reached else 'NOT REACHED'}\n")
