"""The bucket that AWS delivers to, read with its owner expected, S3's refusals as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from finops.delivery_errors import BucketAccessError, DeliveryChangedError, MissingFileError


@dataclass(frozen=True)
class S3Object:
    """What S3 says of an object. ``etag`` is in its quotes, ``modified`` has S3's resolution of one second."""

    size: int
    etag: str
    modified: datetime


class DeliveryBucket:
    """Reads from one bucket, whose owner must be the expected one.

    :param s3: boto3 S3 client; threads may share it.
    :param owner: account id, 12 digits. S3 answers 403 if the bucket belongs to another one, so that a bucket
        that was deleted and taken over by a stranger is never read.

    Every method raises BucketAccessError for a refusal, MissingFileError for an absent key and
    DeliveryChangedError for an object that is not the pinned one. Other failures are botocore's own.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """

    def __init__(self, s3: Any, name: str, owner: str) -> None:
        self.name = name
        self._s3 = s3
        self._owner = owner

    def uri(self, key: str) -> str:
        """Return ``s3://bucket/key``."""
        return f"s3://{self.name}/{key}"

    def head(self, key: str) -> S3Object:
        """Return size, ETag and time of an object."""
        with self._refusals(key):
            answer = self._s3.head_object(Bucket=self.name, Key=key, ExpectedBucketOwner=self._owner)
        return S3Object(answer["ContentLength"], answer["ETag"], answer["LastModified"])

    def read(self, key: str) -> tuple[bytes, S3Object]:
        """Return a small object whole, with what S3 says of it."""
        with self._refusals(key):
            answer = self._s3.get_object(Bucket=self.name, Key=key, ExpectedBucketOwner=self._owner)
            body = answer["Body"].read()
        return body, S3Object(answer["ContentLength"], answer["ETag"], answer["LastModified"])

    def read_range(self, key: str, etag: str, first: int, last: int) -> bytes:
        """Return the bytes ``first`` to ``last``, both included, of exactly this version of an object."""
        with self._refusals(key):
            answer = self._s3.get_object(
                Bucket=self.name,
                Key=key,
                ExpectedBucketOwner=self._owner,
                IfMatch=etag,
                Range=f"bytes={first}-{last}",
            )
            body: bytes = answer["Body"].read()
        return body

    def stream(self, key: str, etag: str) -> Iterator[bytes]:
        """Yield exactly this version of an object in parts of 1 MiB."""
        with self._refusals(key):
            answer = self._s3.get_object(Bucket=self.name, Key=key, ExpectedBucketOwner=self._owner, IfMatch=etag)
            yield from answer["Body"].iter_chunks(1 << 20)

    @contextmanager
    def _refusals(self, key: str) -> Iterator[None]:
        from botocore.exceptions import ClientError

        try:
            yield
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            code = error.response.get("Error", {}).get("Code", "")
            uri = self.uri(key)
            if code == "NoSuchBucket":
                raise BucketAccessError(
                    f"{uri}: there is no bucket {self.name}. Check destination.bucket of the export."
                ) from error
            if status == 404:
                raise MissingFileError(f"{uri} is not there. Wait for the next delivery.") from error
            if status == 403:
                raise BucketAccessError(
                    f"{uri}: S3 denies access. Check that the bucket belongs to account {self._owner} "
                    "(destination.bucket_owner of the export) and that the credentials may s3:GetObject there; "
                    "without s3:ListBucket S3 answers the same for a file that does not exist."
                ) from error
            if status == 412:
                raise DeliveryChangedError(
                    f"{uri} was replaced while the delivery was read. Read the delivery again."
                ) from error
            raise
