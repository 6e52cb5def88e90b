"""What waiting costs: our triggers beside plain `AwsBaseWaiterTrigger`s of the amazon provider, against the emulator.

`make bench-waits`, or `make bench-waits CASES="--waits 400 --connections 1 --seconds 60"`. Each side runs in Airflow's
own TriggerRunner in a process of its own, one after the other, against one emulator that is set back to the same state.
Prints figures, writes them to var/bench/waits.json, and never fails for being slow. The bare side, triggers that do
nothing, is what Airflow itself costs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.waits import show
from tests.benchmarks.waits.show import Case
from tests.benchmarks.waits.world import REPO, World

if TYPE_CHECKING:
    from tests.benchmarks.waits.measure import Figures

RESULTS = REPO / "var" / "bench"
WAITS, CONNECTIONS = (100, 400, 1_000, 4_000, 10_000), (1, 10, 100)
#: What this project has set itself a mark for.
MARKED: list[Case] = [(400, 1, "10 s"), (10_000, 1, "default"), (10_000, 100, "default")]
ALL: list[Case] = [*((waits, few, "10 s") for few in CONNECTIONS for waits in WAITS), *MARKED[1:]]


def main() -> None:
    """Measure the cases asked for, print them and write them down."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--waits", type=int, metavar="N", help="one case: so many waits")
    add("--connections", type=int, default=1, metavar="C", help="over so many connections (default: 1)")
    add("--cadence", choices=("10 s", "default"), default="10 s", help="how often is looked (default: 10 s)")
    add("--side", choices=("ours", "plain", "bare"), action="append", help="one side only")
    add("--seconds", type=float, default=30, help="seconds in peace, three looks at least (default: 30)")
    add("--quick", action="store_true", help="only the cases that have a mark: half an hour")
    add("--profile", action="store_true", help="write what takes the processor's time to var/bench/profile-*.txt")
    asked = parser.parse_args()
    cases = [(asked.waits, asked.connections, asked.cadence)] if asked.waits else MARKED if asked.quick else ALL
    RESULTS.mkdir(parents=True, exist_ok=True)
    began, measured, documents = time.monotonic(), {}, []
    show.explanation()
    with tempfile.TemporaryDirectory() as folder:
        _prepare(folder)
        for case in cases:
            measured[case] = dict(_sides(case, asked, Path(folder), _overtaxed(measured, case)))
            show.ratios(measured[case])
            documents.append(_document(case, measured[case]))
            (RESULTS / "waits.json").write_text(
                json.dumps({"machine": _machine(), "cases": documents}, indent=1) + "\n"
            )
    show.targets(measured)
    sys.stdout.write(f"\n{(time.monotonic() - began) / 60:.0f} minutes; everything is in var/bench/waits.json\n")


def _prepare(folder: str) -> None:
    """Give this process, which makes what a supervisor would, an Airflow of its own."""
    from cryptography.fernet import Fernet

    os.environ["AIRFLOW_HOME"] = folder
    os.environ["AIRFLOW__CORE__FERNET_KEY"] = Fernet.generate_key().decode()


def _sides(case: Case, asked: argparse.Namespace, folder: Path, overtaxed: bool) -> Iterator[tuple[str, Figures]]:
    # Airflow reads its environment when it is imported
    from tests.benchmarks.waits.measure import measure
    from tests.benchmarks.waits.sides import CADENCES, Bare, Ours, Plain

    waits, few, name = case
    wanted: Sequence[str] = asked.side or ["ours", *["plain"] * (name == "10 s"), *["bare"] * (case in MARKED[:2])]
    sys.stdout.write(f"\n{waits:,} waits, {few} connection{'s' * (few > 1)}, looks every {CADENCES[name]}\n")
    world = World(waits, few)
    try:
        for side in (side for side in (Ours(), Plain(), Bare()) if side.name in wanted):
            if side.name == "plain" and overtaxed:
                sys.stdout.write("plain  left out: it did not keep up with fewer waits\n")
                continue
            world.begin_again()
            profile = RESULTS / f"profile-{side.name}-{waits}-{few}.txt" if asked.profile else None
            figures = measure(world, side, CADENCES[name], asked.seconds, folder, profile)
            show.side(side.name, figures)
            yield side.name, figures
    finally:
        world.close()


def _overtaxed(measured: show.Measured, case: Case) -> bool:
    """Tell whether the plain side did not keep up with fewer waits over as many connections."""
    return any(
        few == case[1] and waits < case[0] and "plain" in sides and not sides["plain"].keeps_up
        for (waits, few, _), sides in measured.items()
    )


def _document(case: Case, sides: dict[str, Figures]) -> dict[str, Any]:
    waits, few, name = case
    described = {side: figures.document() for side, figures in sides.items()}
    ratios = {}
    if {"ours", "plain"} <= sides.keys():
        ratios = {kind: of(sides["ours"]) / of(sides["plain"]) for kind, of in show.KINDS.items()}
    return {"waits": waits, "connections": few, "cadence": name, **described, "ours_by_plain": ratios}


def _machine() -> dict[str, Any]:
    return {"cpus": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()}


if __name__ == "__main__":
    main()
