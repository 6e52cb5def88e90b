"""moto's S3 as the services see it from inside: owners, regions, policies, objects."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.s3.models import s3_backends

from emulator.moto.bucket_policy import delivery_policy
from emulator.settings import REGION

PARTITION = "aws"


def create_bucket(account: str, name: str, exporting_account: str) -> None:
    """Create a bucket in us-east-1 that lets Data Exports deliver for ``exporting_account``."""
    backend = s3_backends[account][PARTITION]
    backend.create_bucket(name, REGION)
    backend.put_bucket_policy(name, json.dumps(delivery_policy(name, exporting_account)).encode())


def owner(bucket: str) -> str | None:
    """Give the account that owns a bucket, ``None`` if there is no such bucket."""
    found = s3_backends.bucket_accounts.get(bucket)
    return found[1] if found else None


def region(bucket: str) -> str:
    """Give an existing bucket's region."""
    return str(_bucket(bucket).region_name)


def policy(bucket: str) -> dict[str, Any] | None:
    """Give an existing bucket's policy document, ``None`` if it has none or what it has is none.

    moto takes any text for a policy; S3 takes none but policies.
    """
    try:
        document = json.loads(_bucket(bucket).policy or "null")
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def put(bucket: str, key: str, body: bytes, moment: datetime, etag: str) -> None:
    """Write an object as the bucket's owner, last modified at the emulated ``moment``.

    :param etag: the MD5 of ``body``; who works it out before holds the world's lock for less long.
    """
    written = _backend(bucket).put_object(bucket, key, body, etag=etag)
    written.last_modified = moment.replace(tzinfo=None)


@dataclass(frozen=True)
class Contents:
    """What a bucket holds. ``manifests`` is how many of its objects are manifests of exports; ``delivered_at`` is the
    emulated time of the newest of these, aware, ``None`` if there is none.
    """

    bucket: str
    owner: str
    objects: int
    octets: int
    manifests: int
    delivered_at: datetime | None


def contents() -> list[Contents]:
    """Give what each bucket of all accounts holds."""
    return [_contents(bucket, account) for bucket, (_, account) in list(s3_backends.bucket_accounts.items())]


def _contents(name: str, account: str) -> Contents:
    # a delete marker has no size
    objects = {key: found for key, found in _bucket(name).keys.items() if hasattr(found, "size")}
    delivered = [found.last_modified for key, found in objects.items() if key.endswith("-Manifest.json")]
    return Contents(
        bucket=name,
        owner=account,
        objects=len(objects),
        octets=sum(found.size for found in objects.values()),
        manifests=len(delivered),
        delivered_at=max(delivered).replace(tzinfo=UTC) if delivered else None,
    )


def _bucket(name: str) -> Any:
    return _backend(name).get_bucket(name)


def _backend(bucket: str) -> Any:
    account = owner(bucket)
    if account is None:
        raise LookupError(f"bucket {bucket} does not exist")
    return s3_backends[account][PARTITION]
