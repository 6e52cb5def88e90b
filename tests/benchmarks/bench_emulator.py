"""What the emulator's work costs, side by side with what anybody would pay for the same.

`.venv/bin/python tests/benchmarks/bench_emulator.py [SECTION ...]`: all sections take some minutes on a machine that
has nothing else to do. Prints figures, writes them to var/bench/emulator.json, and never fails for being slow.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psutil

REPO = Path(__file__).parents[2]
RESULTS = REPO / "var" / "bench" / "emulator.json"
PAYER = "111122223333"
ESTIMATES = 10_000
show = sys.stdout.write
Figures = dict[str, float | str]

#: What both of the following begin with: `table`, named by the first argument, with all columns, in its finest form.
TABLE = """
import sys
from emulator.tables.catalog import TABLES

def peak():
    with open("/proc/self/status") as status:
        return int(next(line.split()[1] for line in status if line.startswith("VmHWM"))) / 1024

table, rows = TABLES[sys.argv[1]], int(sys.argv[2])
finest = {"TIME_GRANULARITY": "HOURLY", "INCLUDE_RESOURCES": "TRUE", "INCLUDE_ALL_RECOMMENDATIONS": "TRUE"}
properties = {name: value for name, value in finest.items() if name in table.effective_properties({})}
columns = ", ".join(column.name for column in table.columns(table.effective_properties(properties)))
query = dict(QueryStatement=f"SELECT {columns} FROM {table.name}", TableConfigurations={table.name: properties})
"""

#: One export of the table, from the jump of the clock to the manifest in S3; then DuckDB writes the same finished table
#: to one Parquet file. Both in one fresh process.
DELIVERED = (
    TABLE
    + """
import json, tempfile, time
import boto3, duckdb
from emulator.server import running

bucket = "exports-111122223333"
output = dict(OutputType="CUSTOM", Format="PARQUET", Compression="PARQUET", Overwrite="OVERWRITE_REPORT")
place = dict(S3Bucket=bucket, S3Prefix="", S3Region="us-east-1", S3OutputConfigurations=output)
export = dict(Name="all", DataQuery=query, DestinationConfigurations=dict(S3Destination=place))
with running(start="2026-11-30T12:00:00Z", rows=rows, buckets=[f"111122223333/{bucket}"]) as emu:
    client = lambda name: boto3.Session("AKIADEMO111122223333", "x").client(
        name, endpoint_url=emu.url, region_name="us-east-1")
    client("bcm-data-exports").create_export(Export=dict(export, RefreshCadence=dict(Frequency="SYNCHRONOUS")))
    began = time.perf_counter()
    emu.clock.advance(7 * 3600)
    emu.settle()
    delivered, room = time.perf_counter() - began, peak()
    s3 = client("s3")
    manifest = s3.get_object(Bucket=bucket, Key="all/metadata/BILLING_PERIOD=2026-11/all-Manifest.json")["Body"]
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
)

#: One partition of the table, written to disk without a server, each file deleted when it is complete.
WRITTEN = (
    TABLE
    + """
import tempfile, time
from datetime import UTC, date, datetime
from pathlib import Path
from emulator.files.writer import Content, Form, render
from emulator.organisation import Organisation
from emulator.tables.query import parse

organisation = Organisation(7, "111122223333", ["444455556666"], rows)
query = parse(query["QueryStatement"], query["TableConfigurations"])
content = Content(organisation, query, date(2026, 11, 1), datetime(2027, 1, 15, tzinfo=UTC))
began, size = time.perf_counter(), 0
with tempfile.TemporaryDirectory() as folder:
    for file in render(content, Form("all", ".snappy.parquet", 1_000_000), Path(folder)):
        size += file.stat().st_size
        file.unlink()
print(time.perf_counter() - began, size / 1e6, peak())
"""
)


def delivery(rounds: int) -> list[Figures]:
    """A delivery of all columns by the hour against DuckDB writing the same finished table to Parquet."""
    kept: list[Figures] = []
    show(f"{'':<24}{'lines':>12}{'files':>7}{'delivered':>12}{'DuckDB writes it':>18}{'ratio':>8}{'peak memory':>14}\n")
    for table, rows in product(("COST_AND_USAGE_REPORT", "FOCUS_1_2_AWS"), (11_000, 44_000, 176_000)):
        measured = zip(*(_figures(DELIVERED, table, rows) for _ in range(rounds)), strict=True)
        lines, files, seconds, room, written = map(statistics.median, measured)
        sides = f"{seconds:>10.1f} s{written:>16.1f} s{seconds / written:>8.2f}"
        show(f"{table:<24}{lines:>12,.0f}{files:>7.0f}{sides}{room:>11.0f} MB\n")
        kept.append({"table": table, "lines": lines, "delivered": seconds, "duckdb": written, "megabytes": room})
    return kept


def memory(rounds: int) -> list[Figures]:
    """A month of each table, written at two sizes of the organisation: memory must not grow with it."""
    kept: list[Figures] = []
    show(f"{'':<34}{'rows a month':>14}{'written':>12}{'files':>11}{'peak memory':>14}\n")
    for table, rows in product(TABLES, (44_000, 176_000)):
        measured = zip(*(_figures(WRITTEN, table, rows) for _ in range(rounds)), strict=True)
        seconds, size, room = map(statistics.median, measured)
        show(f"{table:<34}{rows:>14,}{seconds:>10.1f} s{size:>8.0f} MB{room:>11.0f} MB\n")
        kept.append({"table": table, "rows": rows, "seconds": seconds, "megabytes": room})
    return kept


def requests(rounds: int) -> list[Figures]:
    """Requests to the billing services, among 10,000 estimates, against moto's own GetCallerIdentity, in turn."""
    with _emulator("--rows", "100", "--estimate-hours", "1-1", "--speed", "0.001", *BUCKET) as (url, _):
        wire = Wire(url)
        asked = _asked(wire, turns := 100 * rounds)
        times: dict[str, list[float]] = {name: [] for name in asked}
        for turn in range(turns):
            for name, request in asked.items():
                message = request(turn)
                began = time.perf_counter()
                wire.answer(message)
                times[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(taken) * 1000 for name, taken in times.items()}
    base = next(iter(medians.values()))
    show(f"{'':<44}{'median':>12}{'ratio':>8}\n")
    for name, median in medians.items():
        show(f"{name:<44}{median:>9.3f} ms{median / base:>8.2f}\n")
    return [{"request": name, "median_ms": median, "ratio": median / base} for name, median in medians.items()]


def start(rounds: int) -> list[Figures]:
    """From the command to the ready line, and the memory at that time."""
    taken, rooms = [], []
    for _ in range(2 * rounds):
        began = time.perf_counter()
        with _emulator() as (_, process):
            taken.append(time.perf_counter() - began)
            rooms.append(_megabytes(process.pid))
    seconds, room = statistics.median(taken), statistics.median(rooms)
    show(f"{seconds:.2f} s, {room:.0f} MB\n")
    return [{"ready_seconds": seconds, "megabytes": room}]


SECTIONS: dict[str, Callable[[int], list[Figures]]] = {
    "start": start,
    "requests": requests,
    "delivery": delivery,
    "memory": memory,
}
TABLES = (
    "COST_AND_USAGE_REPORT",
    "FOCUS_1_2_AWS",
    "COST_AND_USAGE_DASHBOARD",
    "COST_OPTIMIZATION_RECOMMENDATIONS",
    "CARBON_EMISSIONS",
)
BUCKET = ("--bucket", f"{PAYER}/exports-{PAYER}", "--start", "2026-11-05T12:00:00Z")


class Wire:
    """The leanest client that there can be: what it costs must not hide what the server costs."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url)
        self._socket = socket.create_connection((self._address.hostname, self._address.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def message(self, service: str, body: bytes, path: str = "/", **headers: str) -> bytes:
        """A whole request, signed as far as the emulator looks."""
        credential = f"AKIADEMO{PAYER}/20261120/us-east-1/{service}/aws4_request"
        headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=x"
        head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        length = f"Host: {self._address.netloc}\r\nContent-Length: {len(body)}\r\n"
        return f"POST {path} HTTP/1.1\r\n{length}{head}\r\n".encode() + body

    def billing(self, service: str, operation: str, **params: Any) -> bytes:
        """A request to one of the two billing services."""
        prefix, version = TARGETS[service]
        type_ = f"application/x-amz-json-{version}"
        body = json.dumps(params).encode()
        return self.message(service, body, X_Amz_Target=f"{prefix}.{operation}", Content_Type=type_)

    def answer(self, message: bytes) -> bytes:
        """Send a request and take the body of its answer."""
        self._socket.sendall(message)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._socket.recv(65536)
        head, _, body = received.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])  # type: ignore[index]  # all answers have one
        while len(body) < length:
            body += self._socket.recv(65536)
        if b" 200 " not in head[:15]:
            raise RuntimeError(f"{head!r} {body!r}")
        return body

    def json(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """Call a billing service and read its answer."""
        return dict(json.loads(self.answer(self.billing(service, operation, **params))))

    def advance(self, hours: float) -> None:
        """Move the emulator's clock on."""
        body = json.dumps({"advance_seconds": hours * 3600}).encode()
        self.answer(self.message("", body, "/_emulator/clock"))


EXPORTS, CALCULATOR = "bcm-data-exports", "bcm-pricing-calculator"
TARGETS = {EXPORTS: ("AWSBillingAndCostManagementDataExports", "1.1"), CALCULATOR: ("AWSBCMPricingCalculator", "1.0")}


def _asked(wire: Wire, turns: int) -> dict[str, Callable[[int], bytes]]:
    """Fill the emulator, and give what is asked for in each turn; the first is what the others are compared with."""
    arn = _export(wire)
    scenarios = [_scenario(wire, number) for number in range(ESTIMATES + turns)]
    for number, scenario in enumerate(scenarios[:ESTIMATES]):
        made = wire.json(CALCULATOR, "CreateBillEstimate", name=f"estimate-{number}", billScenarioId=scenario)
        if number == ESTIMATES - 21:
            wire.advance(1.1)
            complete = made["id"]
    page = wire.json(CALCULATOR, "ListBillEstimates", maxResults=25)
    for _ in range(ESTIMATES // 50):
        token = page["nextToken"]
        page = wire.json(CALCULATOR, "ListBillEstimates", maxResults=25, nextToken=token)
    in_progress = [{"name": "STATUS", "values": ["IN_PROGRESS"]}]
    identity = urlencode({"Action": "GetCallerIdentity", "Version": "2011-06-15"}).encode()
    form = "application/x-www-form-urlencoded"
    fixed = {
        "GetCallerIdentity (moto)": wire.message("sts", identity, Content_Type=form),
        "GetBillEstimate": wire.billing(CALCULATOR, "GetBillEstimate", identifier=complete),
        "ListBillEstimates, first page of 400": wire.billing(CALCULATOR, "ListBillEstimates", maxResults=25),
        "ListBillEstimates, a page in the middle": wire.billing(
            CALCULATOR, "ListBillEstimates", maxResults=25, nextToken=token
        ),
        "ListBillEstimates, the 20 in progress": wire.billing(CALCULATOR, "ListBillEstimates", filters=in_progress),
        "GetExport": wire.billing(EXPORTS, "GetExport", ExportArn=arn),
        "ListExecutions, 25 of some 70": wire.billing(EXPORTS, "ListExecutions", ExportArn=arn, MaxResults=25),
    }
    asked: dict[str, Callable[[int], bytes]] = {
        name: lambda _, message=message: message for name, message in fixed.items()
    }
    asked["CreateBillEstimate"] = lambda turn: wire.billing(
        CALCULATOR, "CreateBillEstimate", name=f"more-{turn}", billScenarioId=scenarios[ESTIMATES + turn]
    )
    return asked


def _scenario(wire: Wire, number: int) -> str:
    return str(wire.json(CALCULATOR, "CreateBillScenario", name=f"scenario-{number}")["id"])


def _export(wire: Wire) -> str:
    """An export with the executions of two weeks."""
    output = {"OutputType": "CUSTOM", "Format": "PARQUET", "Compression": "PARQUET", "Overwrite": "OVERWRITE_REPORT"}
    to = {"S3Bucket": f"exports-{PAYER}", "S3Prefix": "", "S3Region": "us-east-1", "S3OutputConfigurations": output}
    made = wire.json(
        EXPORTS,
        "CreateExport",
        Export={
            "Name": "daily",
            "DataQuery": {"QueryStatement": "SELECT line_item_unblended_cost FROM COST_AND_USAGE_REPORT"},
            "DestinationConfigurations": {"S3Destination": to},
            "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
        },
    )
    wire.advance(20 * 24)
    return str(made["ExportArn"])


@contextmanager
def _emulator(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """An emulator in a process of its own, as soon as it says that it is ready: its address and the process."""
    command = [sys.executable, "-m", "emulator", "--port", "0", *options]
    environment = {**os.environ, "PYTHONPATH": str(REPO / "include")}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout
        yield next(line.split()[-1] for line in process.stdout if "ready at" in line), process
    finally:
        process.terminate()
        process.wait()


def _megabytes(pid: int) -> float:
    return psutil.Process(pid).memory_info().rss / 2**20


def _figures(script: str, *arguments: object) -> list[float]:
    """The numbers that a script prints at last, in a fresh process."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
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
        _keep(name, SECTIONS[name](asked.rounds))


def _keep(name: str, figures: list[Figures]) -> None:
    """Put a section's figures into the file of all, with the time at which they were measured."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    kept[name] = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "figures": figures}
    RESULTS.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main()
