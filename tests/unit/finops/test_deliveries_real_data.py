"""Real billing data, delivered in both formats: what comes out is what went in."""

from __future__ import annotations

import csv
import gzip
import io
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.unit.finops.delivery_bucket import Bucket

from finops.deliveries import Delivery, fetch_delivery, find_delivery

SAMPLE = Path(__file__).resolve().parents[4] / "shared" / "data" / "focus-1.0-sample.csv"

pytestmark = pytest.mark.skipif(not SAMPLE.is_file(), reason=f"the FOCUS sample is not at {SAMPLE}")


@pytest.fixture
def header() -> list[str]:
    with SAMPLE.open(encoding="utf-8", newline="") as lines:
        return next(csv.reader(lines))


def delivered(bucket: Bucket, format_: str, body: bytes, header: list[str]) -> Delivery:
    bucket.deliver(format_, (body,), columns=[{"name": name, "type": "string"} for name in header])
    return find_delivery(bucket.s3, **bucket.where(format_))


def test_csv(bucket: Bucket, tmp_path: Path, header: list[str]) -> None:
    delivery = delivered(bucket, "TEXT_OR_CSV", gzip.compress(SAMPLE.read_bytes()), header)
    fetched = fetch_delivery(bucket.s3, delivery, tmp_path)
    assert fetched.delivery.rows == 1000
    with gzip.open(fetched.paths[0], "rt", encoding="utf-8", newline="") as lines:
        total = sum(Decimal(row["BilledCost"]) for row in csv.DictReader(lines))
    assert float(total) == pytest.approx(20.52022672899003)


def test_parquet(bucket: Bucket, tmp_path: Path, header: list[str]) -> None:
    with SAMPLE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    table = pa.table({name: [row[name] for row in rows] for name in header})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="snappy")
    delivery = delivered(bucket, "PARQUET", buffer.getvalue(), header)
    assert delivery.rows == 1000
    fetched = fetch_delivery(bucket.s3, delivery, tmp_path)
    assert pq.read_table(fetched.paths[0]).equals(table)
