"""What the emulator does for S3 before moto: buckets by host or path, and their expected owner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.moto import storage
from emulator.protocol.errors import ServiceError


def bucket_and_key(environ: Mapping[str, Any]) -> tuple[str, str]:
    """Read bucket and key from the path, or the bucket from the host if that names one."""
    path = environ.get("PATH_INFO", "").lstrip("/")
    label, dot, _ = environ.get("HTTP_HOST", "").partition(".")
    if dot and storage.owner(label) is not None:
        return label, path
    bucket, _, key = path.partition("/")
    return bucket, key


def check_expected_owner(environ: Mapping[str, Any]) -> None:
    """Check the headers with the expected owner of a bucket, at which moto does not look.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html

    :raises ServiceError: AccessDenied if the owner is another.
    """
    bucket, _ = bucket_and_key(environ)
    source = environ.get("HTTP_X_AMZ_COPY_SOURCE", "").lstrip("/").partition("/")[0]
    for name, header in (
        (bucket, "HTTP_X_AMZ_EXPECTED_BUCKET_OWNER"),
        (source, "HTTP_X_AMZ_SOURCE_EXPECTED_BUCKET_OWNER"),
    ):
        expected, actual = environ.get(header), storage.owner(name)
        if expected is not None and actual is not None and expected != actual:
            raise ServiceError("AccessDenied", "Access Denied")
