"""What the emulator's work costs, side by side with what anybody would pay for the same.

`python tests/benchmarks/bench_emulator.py [SECTION ...]`. Prints figures and never fails.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

REPO = Path(__file__).parents[2]
show = sys.stdout.write

#: One export of all CUR 2.0 columns by the hour, from the jump of the clock to the manifest in S3; then DuckDB writes
#: the same finished table to one Parquet file. Both in one fresh process.
DELIVERED = """
import json, resource, sys, tempfile, time
import boto3, duckdb
from emulator.server import running
from emulator.tables import TABLES

peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
table, bucket = TABLES["COST_AND_USAGE_REPORT"], "exports-111122223333"
properties = {"TIME_GRANULARITY": "HOURLY", "INCLUDE_RESOURCES": "TRUE"}
columns = ", ".join(column.name for column in table.columns(properties))
query = dict(QueryStatement=f"SELECT {columns} FROM {table.name}", TableConfigurations={table.name: properties})
output = dict(OutputType="CUSTOM", Format="PARQUET", Compression="PARQUET", Overwrite="OVERWRITE_REPORT")
place = dict(S3Bucket=bucket, S3Prefix="", S3Region="us-east-1", S3OutputConfigurations=output)
export = dict(Name="cur", DataQuery=query, DestinationConfigurations=dict(S3Destination=place))
with running(start="2026-11-30T12:00:00Z", rows=int(sys.argv[1]), buckets=[f"111122223333/{bucket}"]) as emu:
    client = lambda name: boto3.Session("AKIADEMO111122223333", "x").client(
        name, endpoint_url=emu.url, region_name="us-east-1")
    client("bcm-data-exports").create_export(Export=dict(export, RefreshCadence=dict(Frequency="SYNCHRONOUS")))
    began = time.perf_counter()
    emu.clock.advance(7 * 3600)
    emu.settle()
    delivered, room = time.perf_counter() - began, peak()
    s3 = client("s3")
    manifest = s3.get_object(Bucket=bucket, Key="cur/metadata/BILLING_PERIOD=2026-11/cur-Manifest.json")["Body"]
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        files = json.load(manifest)["dataFiles"]
        for number, uri in enumerate(files):
            s3.download_file(bucket, uri.split("/", 3)[3], f"{folder}/{number}.parquet")
        connection.execute(f"CREATE TABLE finished AS FROM '{folder}/*.parquet'")
        [(lines,)] = connection.execute("SELECT count(*) FROM finished").fetchall()
        began = time.perf_counter()
        connection.execute(f"COPY finished TO '{folder}/all' (FORMAT parquet, COMPRESSION snappy)")
        written = time.perf_counter() - began
print(lines, len(files), delivered, room, written)
"""


def delivery(rounds: int) -> None:
    """A delivery of CUR 2.0 against DuckDB writing the same finished table to Parquet."""
    show(f"{'lines':>12}{'files':>7}{'delivered':>12}{'DuckDB writes it':>18}{'ratio':>8}{'peak memory':>14}\n")
    for rows in (11_000, 44_000, 176_000):
        measured = zip(*(_figures(DELIVERED, rows) for _ in range(rounds)), strict=True)
        lines, files, seconds, room, written = map(statistics.median, measured)
        sides = f"{seconds:>10.1f} s{written:>16.1f} s{seconds / written:>8.2f}"
        show(f"{lines:>12,.0f}{files:>7.0f}{sides}{room:>11.0f} MB\n")


SECTIONS: dict[str, Callable[[int], None]] = {"delivery": delivery}


def _figures(script: str, argument: object) -> list[float]:
    """The numbers that a script prints at last, in a fresh process."""
    command = [sys.executable, "-c", script, str(argument)]
    environment = {"PYTHONPATH": str(REPO / "include")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return [float(figure) for figure in done.stdout.splitlines()[-1].split()]


def main() -> None:
    """Measure the sections asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)} (default: all)")
    parser.add_argument("--rounds", type=int, default=3, help="fresh processes for each figure (default: 3)")
    asked = parser.parse_args()
    if unknown := set(asked.sections) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    for name in asked.sections or SECTIONS:
        show(f"{name}: {SECTIONS[name].__doc__}\n")
        SECTIONS[name](asked.rounds)


if __name__ == "__main__":
    main()
