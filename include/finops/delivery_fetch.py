"""Downloading a delivery: exactly the files that were verified, or nothing."""

from __future__ import annotations

import dataclasses
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finops.delivery import DeliveredFile, Delivery
from finops.delivery_bucket import DeliveryBucket
from finops.delivery_errors import CorruptFileError
from finops.delivery_files import check_local, refuse_no_rows
from finops.delivery_search import THREADS, check_unchanged


@dataclass(frozen=True)
class FetchedDelivery:
    """A delivery on disk. ``delivery.rows`` is counted for CSV too; ``paths`` are in the manifest's order."""

    delivery: Delivery
    paths: list[Path]


def fetch_delivery(s3: Any, delivery: Delivery, folder: Path) -> FetchedDelivery:
    """Download exactly the verified files, open each, and check at the end that the delivery is still the same.

    A file that AWS has replaced since is refused by S3 itself (``IfMatch``). On any error nothing is left behind.

    :param s3: boto3 S3 client for the bucket; threads share it.
    :param folder: made if it does not exist. Files keep their names and replace others of the same name.
    :raises DeliveryChangedError: AWS delivered again; find the delivery anew.
    :raises DeliveryError: one of its other subclasses.
    """
    bucket_name = delivery.manifest_uri.removeprefix("s3://").partition("/")[0]
    bucket = DeliveryBucket(s3, bucket_name, delivery.bucket_owner)
    names = [column["name"] for column in delivery.columns]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as hidden:

        def fetch_one(file: DeliveredFile) -> tuple[Path, int]:
            path = _download(bucket, file, Path(hidden))
            return path, check_local(path, file.uri, names, delivery.format)

        with ThreadPoolExecutor(THREADS) as pool:
            fetched = list(pool.map(fetch_one, delivery.files))
        rows = sum(count for _, count in fetched)
        refuse_no_rows(rows, delivery.manifest_uri)
        check_unchanged(bucket, _key(delivery.manifest_uri), delivery.manifest_etag)
        paths = [path.replace(folder / path.name) for path, _ in fetched]
    return FetchedDelivery(dataclasses.replace(delivery, rows=rows), paths)


def _download(bucket: DeliveryBucket, file: DeliveredFile, folder: Path) -> Path:
    path = folder / file.uri.rpartition("/")[2]
    written = 0
    with path.open("wb") as target:
        for chunk in bucket.stream(_key(file.uri), file.etag):
            written += target.write(chunk)
    if written != file.size:
        raise CorruptFileError(
            f"{file.uri} came with {written} bytes instead of {file.size}. Download the delivery again."
        )
    return path


def _key(uri: str) -> str:
    return uri.removeprefix("s3://").partition("/")[2]
