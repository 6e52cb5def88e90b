"""Deliveries of an emulator that has lived from the end of March to the twentieth of June 2026."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
from tests.peers.environments import packages
from tests.peers.tables.published import flat_columns

from emulator.server import Emulator, running
from emulator.tables.catalog import TABLES

PAYER, BUCKET = "111122223333", "finops-exports-111122223333"
CUR, FOCUS = "COST_AND_USAGE_REPORT", "FOCUS_1_2_AWS"
START, DAYS = "2026-03-30T06:00:00Z", 82
ROWS = 5000  # enough that the organisation uses everything that the catalogue has
NOW = "2026-06-20 06:00:00"
"""What SQL takes for the current time: the end of the emulator's time."""

Deliveries = dict[str, dict[str, list[Path]]]
"""Data files by the export's name and the billing period, in order."""


def export(name: str, table: str, columns: str, properties: dict[str, str], output: str = "PARQUET") -> dict[str, Any]:
    outputs = {"OutputType": "CUSTOM", "Format": output, "Overwrite": "OVERWRITE_REPORT"}
    outputs["Compression"] = "PARQUET" if output == "PARQUET" else "GZIP"
    return {
        "Name": name,
        "DataQuery": {
            "QueryStatement": f"SELECT {columns} FROM {table}",
            "TableConfigurations": {table: properties},
        },
        "DestinationConfigurations": {
            "S3Destination": {
                "S3Bucket": BUCKET,
                "S3Prefix": "exports",
                "S3Region": "us-east-1",
                "S3OutputConfigurations": outputs,
            }
        },
        "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
    }


def all_columns(table: str, properties: dict[str, str]) -> str:
    return ", ".join(column.name for column in TABLES[table].columns(properties))


@pytest.fixture(scope="session")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> Deliveries:
    """What lies in S3: `cur` (hourly, with resources), `flat` (named as in legacy CUR), `focus` and `focus-csv`."""
    hourly = {"TIME_GRANULARITY": "HOURLY", "INCLUDE_RESOURCES": "TRUE"}
    daily = {"TIME_GRANULARITY": "DAILY", "INCLUDE_RESOURCES": "TRUE"}
    focus = {"TIME_GRANULARITY": "DAILY"}
    exports = [
        export("cur", CUR, all_columns(CUR, hourly), hourly),
        export("flat", CUR, flat_columns(packages("published-sql")), daily),
        export("focus", FOCUS, all_columns(FOCUS, focus), focus),
        export("focus-csv", FOCUS, all_columns(FOCUS, focus), focus, "TEXT_OR_CSV"),
    ]
    with running(start=START, rows=ROWS, buckets=[f"{PAYER}/{BUCKET}"]) as emulator:
        for each in exports:
            client(emulator, "bcm-data-exports").create_export(Export=each)
        emulator.clock.advance(DAYS * 24 * 3600)
        return fetch(client(emulator, "s3"), tmp_path_factory.mktemp("deliveries"))


def client(emulator: Emulator, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=emulator.url,
        region_name="us-east-1",
        aws_access_key_id=f"AKIADEMO{PAYER}",
        aws_secret_access_key="x",
    )


def fetch(s3: Any, folder: Path) -> Deliveries:
    """Copy what the manifests list into `folder`."""
    deliveries: Deliveries = defaultdict(dict)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    for key in [entry["Key"] for page in pages for entry in page.get("Contents", [])]:
        manifest = re.fullmatch(r"exports/([^/]+)/metadata/BILLING_PERIOD=([^/]+)/[^/]+-Manifest.json", key)
        if not manifest:
            continue
        name, period = manifest.groups()
        listed = json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())["dataFiles"]
        for number, uri in enumerate(listed):
            suffix = ".parquet" if uri.endswith(".parquet") else ".csv.gz"
            path = folder / name / f"billing_period={period}" / f"{number:05}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(BUCKET, uri.removeprefix(f"s3://{BUCKET}/"), str(path))
            deliveries[name].setdefault(period, []).append(path)
    return deliveries


@pytest.fixture(scope="module")
def lake(deliveries: Deliveries) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in UTC with a view of each export under `lake`, with the column `billing_period`."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA lake")
        for name, periods in deliveries.items():
            if name != "focus-csv":
                files = [str(path) for paths in periods.values() for path in paths]
                connection.execute(
                    f"CREATE VIEW lake.{name} AS FROM read_parquet({files}, hive_partitioning = true,"
                    " hive_types = {'billing_period': VARCHAR})"
                )
        yield connection
