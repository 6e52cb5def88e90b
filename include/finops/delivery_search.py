"""Finding the delivery of an execution, and verifying it where it is."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from finops.delivery import DeliveredFile, Delivery
from finops.delivery_bucket import DeliveryBucket, S3Object
from finops.delivery_errors import DeliveryChangedError, ManifestMissingError, MissingFileError, OtherExportError
from finops.delivery_files import check_remote, refuse_no_rows
from finops.manifest import Manifest, PeriodPlace, parse_manifest

THREADS = 4
"""Requests to S3 at a time."""


@dataclass(frozen=True)
class _Candidate:
    place: PeriodPlace
    manifest: Manifest
    found: S3Object


def find_delivery(
    s3: Any,
    *,
    bucket: str,
    bucket_owner: str,
    prefix: str,
    export_name: str,
    export_arn: str,
    format: str,
    periods: Sequence[str],
    execution_id: str | None = None,
) -> Delivery:
    """Find what an export delivered and verify it without downloading it.

    Of the periods' manifests the awaited execution's is taken; if there is none, the newest, because AWS may have
    refreshed the period since. The delivery's ``execution_id`` says which one it really is. That holds in both
    modes: the period's manifest is the latest run's in create-new mode as well.

    Parquet is verified by the footers, which also give the rows. Of CSV only the first part is read, so ``rows``
    of a larger delivery is None until ``fetch_delivery`` has counted them.

    :param s3: boto3 S3 client for the bucket.
    :param bucket_owner: account that owns the bucket, 12 digits.
    :param prefix: ``destination.prefix`` of the export.
    :param export_arn: ARN of the export; a manifest of an earlier export of the same name is not taken.
    :param format: ``PARQUET`` or ``TEXT_OR_CSV``.
    :param periods: billing periods to look at, ``YYYY-MM``.
    :param execution_id: the awaited execution; None: whichever is the newest.
    :raises DeliveryError: one of its subclasses; ``retryable`` is set on DeliveryChangedError only.
    """
    place = DeliveryBucket(s3, bucket, bucket_owner)
    places = [PeriodPlace(bucket, prefix, export_name, period) for period in periods]
    candidates = [found for each in places if (found := _candidate(place, each, format))]
    candidate = _choose(candidates, places, export_arn, execution_id)
    manifest, uri = candidate.manifest, place.uri(candidate.place.manifest_key)
    checked = _verify(place, candidate, format)
    check_unchanged(place, candidate.place.manifest_key, candidate.found.etag)
    counts = [count for _, count in checked if count is not None]
    rows = sum(counts) if len(counts) == len(checked) else None
    refuse_no_rows(rows, uri)
    return Delivery(
        export_name=export_name,
        export_arn=manifest.export_arn,
        execution_id=manifest.execution_id,
        billing_period=candidate.place.period,
        bucket_owner=bucket_owner,
        manifest_uri=uri,
        manifest_etag=candidate.found.etag,
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


def _candidate(bucket: DeliveryBucket, place: PeriodPlace, format_: str) -> _Candidate | None:
    try:
        body, found = bucket.read(place.manifest_key)
    except MissingFileError:
        return None
    return _Candidate(place, parse_manifest(body, place, format_), found)


def _choose(
    candidates: Sequence[_Candidate], places: Sequence[PeriodPlace], export_arn: str, execution_id: str | None
) -> _Candidate:
    if not candidates:
        looked = ", ".join(f"s3://{place.bucket}/{place.manifest_key}" for place in places) or "no period"
        raise ManifestMissingError(
            f"There is no manifest; looked at {looked}. Check that AWS has delivered (the first delivery takes up to "
            "24 hours), that destination.prefix is the export's, and the billing period."
        )
    own = [each for each in candidates if each.manifest.export_arn == export_arn]
    if not own:
        uri = f"s3://{candidates[0].place.bucket}/{candidates[0].place.manifest_key}"
        raise OtherExportError(
            f"{uri} was written by {candidates[0].manifest.export_arn}, not by {export_arn}. "
            "Wait for this export's first delivery."
        )
    awaited = [each for each in own if each.manifest.execution_id == execution_id]
    return max(awaited or own, key=lambda each: (each.found.modified, each.place.period))


def _verify(bucket: DeliveryBucket, candidate: _Candidate, format_: str) -> list[tuple[DeliveredFile, int | None]]:
    names = [column["name"] for column in candidate.manifest.columns]

    def check(key: str) -> tuple[DeliveredFile, int | None]:
        found = _data_file(bucket, key, candidate)
        rows = check_remote(bucket, key, found, names, format_)
        return DeliveredFile(bucket.uri(key), found.size, found.etag), rows

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(check, candidate.manifest.keys))


def _data_file(bucket: DeliveryBucket, key: str, candidate: _Candidate) -> S3Object:
    uri = bucket.uri(candidate.place.manifest_key)
    try:
        found = bucket.head(key)
    except MissingFileError as error:
        raise MissingFileError(
            f"{uri} names {bucket.uri(key)}, which is not there. "
            "Check whether a lifecycle rule deletes it, or wait for the next delivery."
        ) from error
    if found.modified > candidate.found.modified:  # AWS writes the manifest last
        raise DeliveryChangedError(
            f"{bucket.uri(key)} is newer than its manifest {uri}: AWS is writing a new delivery. Read it again later."
        )
    return found
