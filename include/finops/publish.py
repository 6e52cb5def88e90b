"""The bucket that reports go to: publish a folder so that no reader sees half of it, and keep JSON beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from finops.report_files import ReportError

POINTER = "latest.json"
_CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
}
_MISSING = "Create the bucket, or correct the Airflow Variable"
_DENIED = "Let the credentials s3:PutObject, s3:GetObject and s3:ListBucket there"
#: by S3's error code; HEAD has no body, and so the status instead of a code
_REMEDIES = {"NoSuchBucket": _MISSING, "404": _MISSING, "AccessDenied": _DENIED, "403": _DENIED}


class ReportsUriError(ReportError):
    """Reports cannot go where the Airflow Variable finops_reports_uri says."""


def check_reports_uri(s3: Any, uri: str) -> None:
    """Refuse a URI whose bucket is missing or closed, before anything else is done. Raises ReportsUriError."""
    bucket, _ = split_uri(uri)
    with _explained(uri):
        s3.head_bucket(Bucket=bucket)


def publish(s3: Any, folder: Path, uri_prefix: str, pointer: Mapping[str, Any] | None) -> list[str]:
    """Upload the files of `folder` under `uri_prefix`, then `pointer` as `latest.json` one level up.

    `s3` is a boto3 S3 client, `uri_prefix` like `s3://bucket/reports/exports/name/2026-10/execution`.
    Tables go first, pages after them and the pointer last, so whoever follows it finds everything.
    Returns the S3 URIs in that order. Raises ReportsUriError; running it again overwrites the same keys.
    """
    uris, uri_prefix = [], uri_prefix.rstrip("/")
    for path in sorted((found for found in folder.iterdir() if found.is_file()), key=_order):
        uri = f"{uri_prefix}/{path.name}"
        bucket, key = split_uri(uri)
        kind = _CONTENT_TYPES.get(path.suffix, "application/octet-stream")
        with path.open("rb") as body, _explained(uri):
            s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=kind)
        uris.append(uri)
    if pointer is not None:
        uris.append(write_json(s3, f"{uri_prefix.rpartition('/')[0]}/{POINTER}", pointer))
    return uris


def write_json(s3: Any, uri: str, content: Any) -> str:
    """Write `content` as JSON to `uri` and return it; times become ISO 8601. Raises ReportsUriError."""
    bucket, key = split_uri(uri)
    body = json.dumps(content, indent=2, sort_keys=True, default=_iso).encode()
    with _explained(uri):
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=_CONTENT_TYPES[".json"], CacheControl="no-cache")
    return uri


def read_json(s3: Any, uri: str) -> Any:
    """Return the JSON at `uri`, or None if there is nothing. Raises ReportsUriError."""
    bucket, key = split_uri(uri)
    with _explained(uri):
        try:
            return json.load(s3.get_object(Bucket=bucket, Key=key)["Body"])
        except s3.exceptions.NoSuchKey:
            return None


def split_uri(uri: str) -> tuple[str, str]:
    """Split `s3://bucket/some/key` into bucket and key. Raises ReportsUriError if it is no such URI."""
    parts = urlsplit(uri)
    key = parts.path.strip("/")
    if parts.scheme != "s3" or not parts.netloc or not key:
        raise ReportsUriError(f"'{uri}' is no S3 URI with a prefix. Write s3://bucket/prefix.")
    return parts.netloc, key


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    """Turn S3's refusal into a sentence; faults that pass by themselves stay what they are, for a retry."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        if code not in _REMEDIES:
            raise
        raise ReportsUriError(
            f"finops_reports_uri: S3 refuses {uri}: {code}: {message.rstrip('.')}. {_REMEDIES[code]}."
        ) from error


def _iso(value: Any) -> str:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no JSON")


def _order(path: Path) -> tuple[bool, str]:
    return path.suffix == ".html", path.name
