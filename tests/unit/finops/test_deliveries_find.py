"""Finding and verifying a delivery where it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.finops.delivery_bucket import ARN, DATA, MANIFEST, NAME, SUFFIX, Bucket, content

from finops.deliveries import (
    BucketAccessError,
    ColumnsDifferError,
    CorruptFileError,
    Delivery,
    DeliveryChangedError,
    DeliveryError,
    EmptyDeliveryError,
    ForeignFileError,
    ManifestInvalidError,
    ManifestMissingError,
    MissingFileError,
    OtherExportError,
    find_delivery,
)

FORMATS = ["PARQUET", "TEXT_OR_CSV"]
FILE = f"s3://{NAME}/{DATA}/focus-00001"


@pytest.mark.parametrize("run", ["", "2026-10-25T13:15:05.826Z-run-1"], ids=["overwrite", "create new"])
@pytest.mark.parametrize("format_", FORMATS)
def test_delivery_is_found_with_its_files_and_rows(bucket: Bucket, format_: str, run: str) -> None:
    bucket.deliver(format_, run=run)
    delivery = find_delivery(bucket.s3, **bucket.where(format_))
    assert (delivery.execution_id, delivery.billing_period, delivery.rows) == ("run-1", "2026-10", 7)
    folder = f"{DATA}/{run}" if run else DATA
    assert [file.uri for file in delivery.files] == [
        f"s3://{NAME}/{folder}/focus-{number:05d}.{SUFFIX[format_]}" for number in (1, 2)
    ]
    assert delivery.bytes == sum(file.size for file in delivery.files) > 0


def test_delivery_survives_json(bucket: Bucket) -> None:
    bucket.deliver()
    delivery = find_delivery(bucket.s3, **bucket.where())
    assert Delivery.from_dict(json.loads(json.dumps(delivery.to_dict()))) == delivery


def test_every_request_expects_the_owner(bucket: Bucket) -> None:
    bucket.deliver()
    bucket.requests.clear()
    find_delivery(bucket.s3, **bucket.where())
    assert {request.headers.get("x-amz-expected-bucket-owner") for request in bucket.requests} <= {
        "444455556666",
        b"444455556666",
    }


def test_larger_csv_is_verified_by_its_first_part_and_not_counted(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("finops.delivery_files._HEAD", 60)
    bucket.deliver("TEXT_OR_CSV", (content("TEXT_OR_CSV", 5000),))
    assert find_delivery(bucket.s3, **bucket.where("TEXT_OR_CSV")).rows is None


def test_footer_that_is_longer_than_the_first_look_is_read_whole(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("finops.delivery_files._TAIL", 20)
    bucket.deliver()
    assert find_delivery(bucket.s3, **bucket.where()).rows == 7


def test_bare_keys_and_unknown_keys_are_accepted(bucket: Bucket) -> None:
    bucket.put(f"{DATA}/focus-00001.snappy.parquet", content("PARQUET", 3))
    bucket.deliver(files=(), dataFiles=[f"{DATA}/focus-00001.snappy.parquet"], billingPeriod={"start": "x"})
    assert find_delivery(bucket.s3, **bucket.where()).rows == 3


def test_surplus_chunks_that_the_manifest_omits_are_not_read(bucket: Bucket) -> None:
    bucket.put(f"{DATA}/focus-00003.snappy.parquet", b"")
    bucket.deliver()
    assert len(find_delivery(bucket.s3, **bucket.where()).files) == 2


def test_the_delivery_says_which_execution_wrote_it(bucket: Bucket) -> None:
    bucket.deliver(execution_id="run-2")
    assert find_delivery(bucket.s3, **bucket.where()).execution_id == "run-2"


def test_each_period_has_its_own_delivery(bucket: Bucket) -> None:
    bucket.deliver(period="2026-10", execution_id="run-1")
    bucket.deliver(period="2026-11", execution_id="run-2")
    found = [find_delivery(bucket.s3, **bucket.where(period=period)) for period in ("2026-10", "2026-11")]
    assert [(each.billing_period, each.execution_id) for each in found] == [("2026-10", "run-1"), ("2026-11", "run-2")]


def age(bucket: Bucket, prefix: str, seconds: int) -> None:
    """Make objects look as old as they would be in S3."""
    from moto.s3.models import s3_backends

    for key, stored in s3_backends["123456789012"]["aws"].buckets[NAME].keys.items():
        if key.startswith(prefix):
            stored.last_modified = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=seconds)


def refused(place: Bucket, kind: type[DeliveryError], **where: Any) -> str:
    with pytest.raises(kind) as caught:
        find_delivery(place.s3, **place.where(**where))
    assert type(caught.value) is kind
    return str(caught.value)


def test_no_manifest(bucket: Bucket) -> None:
    sentence = refused(bucket, ManifestMissingError)
    assert f"s3://{NAME}/{MANIFEST}" in sentence
    assert "destination.prefix" in sentence


@pytest.mark.parametrize(
    ("body", "says"),
    [(b"{", "is not valid JSON"), (b"\xff", "is not valid JSON"), (b"[]", "holds a list"), (b"", "is not valid JSON")],
)
def test_manifest_that_is_not_a_json_object(bucket: Bucket, body: bytes, says: str) -> None:
    bucket.put(MANIFEST, body)
    assert says in refused(bucket, ManifestInvalidError)


@pytest.mark.parametrize("key", ["exportArn", "executionId", "columns", "dataFiles"])
def test_manifest_without_a_key(bucket: Bucket, key: str) -> None:
    bucket.deliver(**{key: ...})
    assert f"has no key {key}" in refused(bucket, ManifestInvalidError)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"executionId": 5}, "executionId is not a str"),
        ({"executionId": ""}, "executionId is not a str"),
        ({"columns": {}}, "columns is not a list"),
        ({"columns": []}, "lists no columns"),
        ({"columns": [{"name": "a"}]}, "without name and type"),
        ({"dataFiles": [5]}, "which is not a text"),
        ({"dataFiles": [f"{DATA}/focus-00001.csv.gz"]}, "focus-00001.csv.gz is not a PARQUET file"),
        ({"dataFiles": [f"{DATA}/a/f.parquet", f"{DATA}/b/f.parquet"]}, "lists the file f.parquet twice"),
    ],
)
def test_manifest_that_contradicts_itself(bucket: Bucket, changes: dict[str, Any], says: str) -> None:
    bucket.deliver(**changes)
    assert says in refused(bucket, ManifestInvalidError)


def test_manifest_of_another_export(bucket: Bucket) -> None:
    bucket.deliver(exportArn=ARN[:-1] + "d")
    assert f"not by {ARN}" in refused(bucket, OtherExportError)


@pytest.mark.parametrize(
    "file",
    [
        f"s3://elsewhere/{DATA}/focus-00001.snappy.parquet",
        f"s3://{NAME}/exports/other/data/BILLING_PERIOD=2026-10/focus-00001.snappy.parquet",
        f"s3://{NAME}/{DATA}/../../../other/f.parquet",
        f"{DATA.replace('10', '09')}/focus-00001.snappy.parquet",
    ],
    ids=["bucket", "export", "way up", "period"],
)
def test_manifest_names_a_file_elsewhere(bucket: Bucket, file: str) -> None:
    bucket.deliver(dataFiles=[file])
    assert file in refused(bucket, ForeignFileError)


def test_manifest_names_a_missing_file(bucket: Bucket) -> None:
    bucket.deliver(dataFiles=[f"{DATA}/focus-00009.snappy.parquet"])
    assert "focus-00009.snappy.parquet, which is not there" in refused(bucket, MissingFileError)


def test_no_files(bucket: Bucket) -> None:
    bucket.deliver(files=())
    assert "lists no files" in refused(bucket, EmptyDeliveryError)


@pytest.mark.parametrize("format_", FORMATS)
def test_no_rows(bucket: Bucket, format_: str) -> None:
    bucket.deliver(format_, (content(format_, 0),))
    assert "have no rows" in refused(bucket, EmptyDeliveryError, format_=format_)


@pytest.mark.parametrize("format_", FORMATS)
def test_file_without_content(bucket: Bucket, format_: str) -> None:
    bucket.deliver(format_, (b"",))
    assert "has no content" in refused(bucket, CorruptFileError, format_=format_)


GOOD = content("PARQUET", 3)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"PAR1", "is too short for Parquet: 4 bytes"),
        (GOOD[:-10], "does not begin and end with PAR1"),
        (b"X" + GOOD[1:], "does not begin and end with PAR1"),
        (GOOD[:-8] + b"\xff\xff\xff\x00PAR1", "says that its footer has 16777215 bytes"),
        (GOOD[:-8] + b"\x05\x00\x00\x00PAR1", "has no readable Parquet footer"),
        (GOOD[:-100] + b"\xaa" * 92 + GOOD[-8:], "has no readable Parquet footer"),
    ],
    ids=["short", "cut", "other magic", "footer too long", "footer too short", "footer damaged"],
)
def test_corrupt_parquet(bucket: Bucket, body: bytes, says: str) -> None:
    bucket.deliver(files=(body,))
    sentence = refused(bucket, CorruptFileError)
    assert sentence.startswith(f"{FILE}.snappy.parquet")
    assert says in sentence


@pytest.mark.parametrize(
    ("body", "says"),
    [(b"BilledCost,ServiceName\n", "incorrect header check"), (content("TEXT_OR_CSV", 9)[:-12], "ends too early")],
    ids=["not compressed", "cut"],
)
def test_corrupt_csv(bucket: Bucket, body: bytes, says: str) -> None:
    bucket.deliver("TEXT_OR_CSV", (body,))
    assert says in refused(bucket, CorruptFileError, format_="TEXT_OR_CSV")


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (["BilledCost"], "lacks ServiceName."),
        (["BilledCost", "ServiceName", "Tags"], "has Tags, which the manifest does not list."),
        (["BilledCost", "Service"], "lacks ServiceName and has Service, which the manifest does not list."),
    ],
)
def test_columns_differ(bucket: Bucket, format_: str, columns: list[str], says: str) -> None:
    bucket.deliver(format_, (content(format_, 3, columns),))
    assert says in refused(bucket, ColumnsDifferError, format_=format_)


def test_order_of_columns_does_not_matter(bucket: Bucket) -> None:
    bucket.deliver(files=(content("PARQUET", 3, ["ServiceName", "BilledCost"]),))
    assert find_delivery(bucket.s3, **bucket.where()).rows == 3


def test_bucket_of_an_unexpected_owner(bucket: Bucket) -> None:
    bucket.deliver()
    sentence = refused(bucket, BucketAccessError, bucket_owner="111122223333")
    assert "belongs to account 111122223333" in sentence


def test_no_such_bucket(bucket: Bucket) -> None:
    assert "there is no bucket nowhere" in refused(bucket, BucketAccessError, bucket="nowhere")


def test_file_newer_than_its_manifest_means_that_aws_is_writing(bucket: Bucket) -> None:
    bucket.deliver()
    age(bucket, MANIFEST, 60)
    assert "is newer than its manifest" in refused(bucket, DeliveryChangedError)


def test_manifest_replaced_while_it_is_verified(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.deliver()
    after(bucket, monkeypatch, "HeadObject", lambda: bucket.put(MANIFEST, b"{}"))
    assert "was replaced while the delivery was read" in refused(bucket, DeliveryChangedError)


def test_file_replaced_while_it_is_verified(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.deliver()
    key = f"{DATA}/focus-00001.snappy.parquet"
    after(bucket, monkeypatch, "HeadObject", lambda: bucket.put(key, content("PARQUET", 9)))
    assert f"{FILE}.snappy.parquet was replaced" in refused(bucket, DeliveryChangedError)


def after(bucket: Bucket, monkeypatch: pytest.MonkeyPatch, operation: str, act: Any) -> None:
    """Do something once, right after the first answer to an operation."""
    monkeypatch.setattr("finops.delivery_search.THREADS", 1)
    done = []

    def handler(**_: Any) -> None:
        if not done:
            done.append(True)
            act()

    bucket.listen(f"after-call.s3.{operation}", handler)
