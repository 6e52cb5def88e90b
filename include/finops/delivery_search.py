"""Finding the delivery of an execution, and verifying it where it is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from finops.delivery import DeliveredFile, Delivery
from finops.delivery_bucket import DeliveryBucket, S3Object
from finops.delivery_errors import DeliveryChangedError, ManifestMissingError, MissingFileError, OtherExportError
from finops.delivery_files import check_remote, refuse_no_rows
from finops.manifest import Manifest, PeriodPlace, parse_manifest

THREADS = 4
"""Requests to S3 at a time."""


def find_delivery(
    s3: Any,
    *,
    bucket: str,
    bucket_owner: str,
    prefix: str,
    export_name: str,
    export_arn: str,
    format: str,
    period: str,
) -> Delivery:
    """Find what an export delivered last for a billing period and verify it without downloading it.

    The delivery's ``execution_id`` says which execution wrote it; AWS may have refreshed the period since the one
    that was awaited. The period's manifest is the latest run's in create-new mode as well.

    Parquet is verified by the footers, which also give the rows. Of CSV only the first part is read, so ``rows``
    of a larger delivery is None until ``fetch_delivery`` has counted them.

    :param s3: boto3 S3 client for the bucket.
    :param bucket_owner: account that owns the bucket, 12 digits.
    :param prefix: ``destination.prefix`` of the export.
    :param export_arn: ARN of the export; a manifest of an earlier export of the same name is not taken.
    :param format: ``PARQUET`` or ``TEXT_OR_CSV``.
    :param period: billing period, ``YYYY-MM``.
    :raises DeliveryError: one of its subclasses; DeliveryChangedError when AWS is just writing a newer one.
    """
    place = PeriodPlace(bucket, prefix, export_name, period)
    objects = DeliveryBucket(s3, bucket, bucket_owner)
    manifest, found = _read_manifest(objects, place, export_arn, format)
    checked = _verify(objects, place, manifest, found, format)
    check_unchanged(objects, place.manifest_key, found.etag)
    uri = objects.uri(place.manifest_key)
    counts = [count for _, count in checked if count is not None]
    rows = sum(counts) if len(counts) == len(checked) else None
    refuse_no_rows(rows, uri)
    return Delivery(
        export_name=export_name,
        export_arn=manifest.export_arn,
        execution_id=manifest.execution_id,
        billing_period=period,
        bucket_owner=bucket_owner,
        manifest_uri=uri,
        manifest_etag=found.etag,
        files=tuple(file for file, _ in checked),
        columns=manifest.columns,
        format=format,
        rows=rows,
        bytes=sum(file.size for file, _ in checked),
    )


def check_unchanged(bucket: DeliveryBucket, manifest_key: str, etag: str) -> None:
    """Raise DeliveryChangedError if the manifest is no longer the one that was read."""
    try:
        same = bucket.head(manifest_key).etag == etag
    except MissingFileError:
        same = False
    if not same:
        uri = bucket.uri(manifest_key)
        raise DeliveryChangedError(f"{uri} was replaced while the delivery was read. Read the delivery again.")


def _read_manifest(
    bucket: DeliveryBucket, place: PeriodPlace, export_arn: str, format_: str
) -> tuple[Manifest, S3Object]:
    uri = bucket.uri(place.manifest_key)
    try:
        body, found = bucket.read(place.manifest_key)
    except MissingFileError:
        raise ManifestMissingError(
            f"There is no manifest {uri}. Check that AWS has delivered (the first delivery takes up to 24 hours), "
            "that destination.prefix is the export's, and the billing period."
        ) from None
    manifest = parse_manifest(body, place, format_)
    if manifest.export_arn != export_arn:
        raise OtherExportError(
            f"{uri} was written by {manifest.export_arn}, not by {export_arn}. Wait for this export's first delivery."
        )
    return manifest, found


def _verify(
    bucket: DeliveryBucket, place: PeriodPlace, manifest: Manifest, read: S3Object, format_: str
) -> list[tuple[DeliveredFile, int | None]]:
    names = [column["name"] for column in manifest.columns]
    uri = bucket.uri(place.manifest_key)

    def check(key: str) -> tuple[DeliveredFile, int | None]:
        found = _data_file(bucket, key, uri, read)
        rows = check_remote(bucket, key, found, names, format_)
        return DeliveredFile(bucket.uri(key), found.size, found.etag), rows

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(check, manifest.keys))


def _data_file(bucket: DeliveryBucket, key: str, uri: str, manifest: S3Object) -> S3Object:
    try:
        found = bucket.head(key)
    except MissingFileError as error:
        raise MissingFileError(
            f"{uri} names {bucket.uri(key)}, which is not there. "
            "Check whether a lifecycle rule deletes it, or wait for the next delivery."
        ) from error
    if found.modified > manifest.modified:  # AWS writes the manifest last
        raise DeliveryChangedError(
            f"{bucket.uri(key)} is newer than its manifest {uri}: AWS is writing a new delivery. Read it again later."
        )
    return found
