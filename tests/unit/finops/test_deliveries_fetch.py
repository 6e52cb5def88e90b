"""Downloading a delivery: exactly what was verified, or nothing."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

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
    fetch,
    fetch_delivery,
    find_delivery,
    read,
)

FORMATS = ["PARQUET", "TEXT_OR_CSV"]
FIRST = {"PARQUET": f"{DATA}/focus-00001.snappy.parquet", "TEXT_OR_CSV": f"{DATA}/focus-00001.csv.gz"}


def found(bucket: Bucket, format_: str = "PARQUET", files: tuple[bytes, ...] | None = None) -> Delivery:
    bucket.deliver(format_, files)
    return find_delivery(bucket.s3, **bucket.where(format_))


@pytest.mark.parametrize("format_", FORMATS)
def test_files_come_as_they_are_in_the_order_of_the_manifest(bucket: Bucket, tmp_path: Path, format_: str) -> None:
    bodies = (content(format_, 3), content(format_, 4))
    paths = fetch(bucket.s3, found(bucket, format_, bodies), tmp_path / "new" / "folder")
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
        fetch(place.s3, delivery, folder)
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


def deliver_before_each_download(bucket: Bucket, times: int) -> list[str]:
    """Let AWS deliver again right after each of the first verifications; return the executions as they come."""
    executions: list[str] = []

    def act(params: dict[str, Any], **_: Any) -> None:
        pinned_whole_read = "IfMatch" in params and "Range" not in params
        if pinned_whole_read and len(executions) < times:
            executions.append(f"run-{len(executions) + 2}")
            bucket.deliver(files=(content("PARQUET", 10 + len(executions)),), execution_id=executions[-1])

    bucket.listen("provide-client-params.s3.GetObject", act)
    return executions


def test_reading_begins_again_when_aws_delivers_meanwhile(bucket: Bucket, tmp_path: Path) -> None:
    bucket.deliver(files=(content("PARQUET", 3),))
    deliver_before_each_download(bucket, times=2)
    fetched = read(bucket.s3, tmp_path, attempts=3, pause_seconds=0, **bucket.where())
    assert (fetched.delivery.execution_id, fetched.delivery.rows) == ("run-3", 12)


def test_reading_gives_up_after_its_attempts(bucket: Bucket, tmp_path: Path) -> None:
    bucket.deliver(files=(content("PARQUET", 3),))
    executions = deliver_before_each_download(bucket, times=9)
    with pytest.raises(DeliveryChangedError):
        read(bucket.s3, tmp_path, attempts=2, pause_seconds=0, **bucket.where())
    assert executions == ["run-2", "run-3"]


def test_reading_does_not_repeat_what_cannot_get_better(bucket: Bucket, tmp_path: Path) -> None:
    bucket.deliver(files=())
    with pytest.raises(EmptyDeliveryError):
        read(bucket.s3, tmp_path, attempts=3, pause_seconds=3600, **bucket.where())
