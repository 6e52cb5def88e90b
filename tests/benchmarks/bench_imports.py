"""What parsing our DAG files costs on top of what every DAG with an AWS operator pays.

`python tests/benchmarks/bench_imports.py`; each figure is the best of several fresh processes of one run, so that both sides see the same machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

REPO = Path(__file__).parents[2]
#: Reads the processor's time: what else the machine does must not count.
TIMED = """
import resource, time
began = time.process_time()
{body}
print(time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
BASE = """
from airflow.sdk import DAG
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.sensors.base_aws import AwsBaseSensor
"""


def cases() -> dict[str, str]:
    """Name and code of each side."""
    files = sorted((REPO / "dags").glob("*_lifecycle.py"))
    run = {path.name: f"{BASE}\nimport runpy; runpy.run_path({str(path)!r})" for path in files}
    return {"airflow.sdk + amazon base classes": BASE, **run}


def measure(code: str, env: dict[str, str]) -> tuple[float, float]:
    """CPU seconds and megabytes of one fresh process."""
    command = [sys.executable, "-c", TIMED.format(body=code)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    seconds, megabytes = done.stdout.splitlines()[-1].split()
    return float(seconds), float(megabytes)


def main() -> None:
    """Measure the sides in turns, and print them side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="fresh processes of each side (default: 5)")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as home:
        paths = os.pathsep.join(str(REPO / name) for name in ("plugins", "include", "dags"))
        env = {**os.environ, "PYTHONPATH": paths, "AIRFLOW_HOME": home}
        best: dict[str, tuple[float, float]] = {}
        for _ in range(rounds):
            for name, code in cases().items():
                best[name] = min(best.get(name, (float("inf"), 0.0)), measure(code, env))
    base = next(iter(best.values()))
    sys.stdout.write(f"{'':<36}{'CPU s':>8}{'MB':>8}{'ratio':>8}{'on top':>10}\n")
    for name, (seconds, megabytes) in best.items():
        on_top = f"{(seconds - base[0]) * 1000:.0f} ms"
        sys.stdout.write(f"{name:<36}{seconds:>8.2f}{megabytes:>8.0f}{seconds / base[0]:>8.2f}{on_top:>10}\n")


if __name__ == "__main__":
    main()
