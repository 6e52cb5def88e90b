"""The bucket that reports are published to, for the tests of the lifecycles."""

from __future__ import annotations

from typing import Any

BUCKET = "finops-reports-111122223333"
REPORTS_URI = f"s3://{BUCKET}/reports"


def read(s3: Any, uri: str) -> bytes:
    """Return the content of an object of any bucket."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def uris(s3: Any) -> list[str]:
    """Return the URIs of all that was published."""
    found = s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return [f"s3://{BUCKET}/{each['Key']}" for each in found]
