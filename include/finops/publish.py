"""Publish a folder of report files to S3 so that no reader sees half of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

POINTER = "latest.json"
_CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
}


def publish(
    s3: Any,
    folder: Path,
    uri_prefix: str,
    pointer: Mapping[str, Any] | None,
    *,
    expected_bucket_owner: str | None = None,
) -> list[str]:
    """Upload the files of `folder` under `uri_prefix`, then `pointer` as `latest.json` one level up.

    `s3` is a boto3 S3 client, `uri_prefix` like `s3://bucket/reports/exports/name/2026-10/execution`.
    Tables go first, pages after them and the pointer last, so whoever follows it finds everything.
    Returns the S3 URIs in that order. Raises ValueError for a prefix that is no S3 URI, and botocore's
    ClientError; running it again overwrites the same keys.
    """
    bucket, prefix = split_uri(uri_prefix)
    owner = {"ExpectedBucketOwner": expected_bucket_owner} if expected_bucket_owner else {}
    uris = []
    for path in sorted((found for found in folder.iterdir() if found.is_file()), key=_order):
        key = f"{prefix}/{path.name}"
        kind = _CONTENT_TYPES.get(path.suffix, "application/octet-stream")
        with path.open("rb") as body:
            s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=kind, **owner)
        uris.append(f"s3://{bucket}/{key}")
    if pointer is not None:
        key = f"{prefix.rpartition('/')[0]}/{POINTER}".lstrip("/")
        s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=json.dumps(pointer, indent=2, sort_keys=True).encode(),
            ContentType=_CONTENT_TYPES[".json"],
            CacheControl="no-cache",
            **owner,
        )
        uris.append(f"s3://{bucket}/{key}")
    return uris


def split_uri(uri: str) -> tuple[str, str]:
    """Split `s3://bucket/some/key` into bucket and key. Raises ValueError if it is no such URI."""
    parts = urlsplit(uri)
    key = parts.path.strip("/")
    if parts.scheme != "s3" or not parts.netloc or not key:
        raise ValueError(f"'{uri}' is no S3 URI with a prefix. Write s3://bucket/prefix.")
    return parts.netloc, key


def _order(path: Path) -> tuple[bool, str]:
    return path.suffix == ".html", path.name
