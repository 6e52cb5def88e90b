"""What parsing our DAG files costs on top of what every DAG with an AWS operator pays.

`python tests/benchmarks/bench_imports.py`. Each fresh process imports the base first and then runs one DAG file on
top, so that both figures of a row come from the same moment of the same machine. The median of several is shown.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

REPO = Path(__file__).parents[2]
#: Reads the processor's time: what else the machine does should not count.
TIMED = """
import resource, runpy, time
megabytes = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
began = time.process_time()
from airflow.sdk import DAG
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.sensors.base_aws import AwsBaseSensor
base, room = time.process_time(), megabytes()
runpy.run_path({path!r})
print(base - began, time.process_time() - base, room, megabytes() - room)
"""


def measure(path: Path, env: dict[str, str]) -> list[float]:
    """CPU seconds of base and file, and megabytes of both, in one fresh process."""
    command = [sys.executable, "-c", TIMED.format(path=str(path))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    return [float(figure) for figure in done.stdout.splitlines()[-1].split()]


def main() -> None:
    """Measure each DAG file and print base and file side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="fresh processes for each file (default: 5)")
    rounds = parser.parse_args().rounds
    show = sys.stdout.write
    show(f"{'':<28}{'base: airflow.sdk + amazon':>28}{'our file on top':>22}{'ratio':>8}\n")
    with tempfile.TemporaryDirectory() as home:
        paths = os.pathsep.join(str(REPO / name) for name in ("plugins", "include", "dags"))
        env = {**os.environ, "PYTHONPATH": paths, "AIRFLOW_HOME": home}
        for path in sorted((REPO / "dags").glob("*_lifecycle.py")):
            figures = zip(*(measure(path, env) for _ in range(rounds)), strict=True)
            base, top, room, more = map(statistics.median, figures)
            side = f"{base:.2f} s {room:>6.0f} MB", f"{top:.2f} s {more:>5.0f} MB"
            show(f"{path.name:<28}{side[0]:>28}{side[1]:>22}{(base + top) / base:>8.2f}\n")


if __name__ == "__main__":
    main()
