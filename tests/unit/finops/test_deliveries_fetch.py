"""Downloading a delivery: exactly what was verified, or nothing."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.finops.delivery_bucket import DATA, MANIFEST, Bucket, content

from finops.deliveries import (
    BucketAccessError,
    ColumnsDifferError,
    CorruptFileError,
    Delivery,
    DeliveryChangedError,
    DeliveryError,
    EmptyDeliveryError,
    MissingFileError,
    fetch_delivery,
    find_delivery,
)

FORMATS = ["PARQUET", "TEXT_OR_CSV"]
FIRST = {"PARQUET": f"{DATA}/focus-00001.snappy.parquet", "TEXT_OR_CSV": f"{DATA}/focus-00001.csv.gz"}


def found(bucket: Bucket, format_: str = "PARQUET", files: tuple[bytes, ...] | None = None) -> Delivery:
    bucket.deliver(format_, files)
    return find_delivery(bucket.s3, **bucket.where(format_))


@pytest.mark.parametrize("format_", FORMATS)
def test_files_come_as_they_are_in_the_order_of_the_manifest(bucket: Bucket, tmp_path: Path, format_: str) -> None:
    bodies = (content(format_, 3), content(format_, 4))
    paths = fetch_delivery(bucket.s3, found(bucket, format_, bodies), tmp_path / "new" / "folder").paths
    assert [path.read_bytes() for path in paths] == list(bodies)
    assert sorted(paths) == sorted((tmp_path / "new" / "folder").iterdir())


@pytest.mark.parametrize("format_", FORMATS)
def test_rows_are_counted(bucket: Bucket, tmp_path: Path, format_: str) -> None:
    unknown = replace(found(bucket, format_), rows=None)
    assert fetch_delivery(bucket.s3, unknown, tmp_path).delivery.rows == 7


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("BilledCost,ServiceName\n1,a\n2,b\n", 2),
        ("BilledCost,ServiceName\n1,a\n2,b", 2),
        ("BilledCost,ServiceName\r\n1,a\r\n2,b\r\n", 2),
        ('BilledCost,ServiceName\n1,"a\n""b""\n"\n', 1),
        ("\ufeffBilledCost,ServiceName\n1,a\n", 1),
    ],
    ids=["plain", "no last line end", "carriage returns", "line ends in quotes", "byte order mark"],
)
def test_csv_rows_are_counted_as_a_reader_counts_them(bucket: Bucket, tmp_path: Path, text: str, rows: int) -> None:
    delivery = found(bucket, "TEXT_OR_CSV", (gzip.compress(text.encode()),))
    assert delivery.rows == rows
    assert fetch_delivery(bucket.s3, delivery, tmp_path).delivery.rows == rows


def refused(place: Bucket, kind: type[DeliveryError], delivery: Delivery, folder: Path) -> str:
    (folder / "other.txt").write_text("not ours")
    with pytest.raises(kind) as caught:
        fetch_delivery(place.s3, delivery, folder)
    assert [path.name for path in folder.iterdir()] == ["other.txt"]
    return str(caught.value)


@pytest.mark.parametrize("format_", FORMATS)
def test_file_replaced_since(bucket: Bucket, tmp_path: Path, format_: str) -> None:
    delivery = found(bucket, format_)
    bucket.put(FIRST[format_], content(format_, 9))
    assert "was replaced while" in refused(bucket, DeliveryChangedError, delivery, tmp_path)


@pytest.mark.parametrize("format_", FORMATS)
def test_manifest_replaced_since_although_the_files_are_the_same(bucket: Bucket, tmp_path: Path, format_: str) -> None:
    bodies = (content(format_, 3), content(format_, 4))
    delivery = found(bucket, format_, bodies)
    bucket.deliver(format_, bodies, execution_id="run-2")
    assert "Manifest.json was replaced" in refused(bucket, DeliveryChangedError, delivery, tmp_path)


def test_manifest_gone_since(bucket: Bucket, tmp_path: Path) -> None:
    delivery = found(bucket)
    bucket.s3.delete_object(Bucket=delivery.manifest_uri.split("/")[2], Key=MANIFEST)
    assert "was replaced" in refused(bucket, DeliveryChangedError, delivery, tmp_path)


def test_file_gone_since(bucket: Bucket, tmp_path: Path) -> None:
    delivery = found(bucket)
    bucket.s3.delete_object(Bucket=delivery.manifest_uri.split("/")[2], Key=FIRST["PARQUET"])
    assert "is not there" in refused(bucket, MissingFileError, delivery, tmp_path)


def test_file_of_another_size(bucket: Bucket, tmp_path: Path) -> None:
    delivery = found(bucket)
    first, second = delivery.files
    wrong = replace(delivery, files=(first, replace(second, size=second.size + 1)))
    assert f"instead of {second.size + 1}" in refused(bucket, CorruptFileError, wrong, tmp_path)


def test_csv_damaged_beyond_the_first_part(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finops.delivery_files._HEAD", 60)
    body = content("TEXT_OR_CSV", 5000)
    delivery = found(bucket, "TEXT_OR_CSV", (body[:-20],))
    assert "does not decompress" in refused(bucket, CorruptFileError, delivery, tmp_path)


def test_csv_that_turns_out_to_have_no_rows(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finops.delivery_files._HEAD", 40)
    delivery = found(bucket, "TEXT_OR_CSV", (content("TEXT_OR_CSV", 0),))
    assert delivery.rows is None
    assert "have no rows" in refused(bucket, EmptyDeliveryError, delivery, tmp_path)


@pytest.mark.parametrize("format_", FORMATS)
def test_columns_are_compared_again(bucket: Bucket, tmp_path: Path, format_: str) -> None:
    delivery = replace(found(bucket, format_), columns=({"name": "BilledCost", "type": "double"},))
    assert "has ServiceName, which" in refused(bucket, ColumnsDifferError, delivery, tmp_path)


def test_bucket_that_changed_hands(bucket: Bucket, tmp_path: Path) -> None:
    delivery = replace(found(bucket), bucket_owner="111122223333")
    assert "belongs to account 111122223333" in refused(bucket, BucketAccessError, delivery, tmp_path)
