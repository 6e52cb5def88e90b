"""Whose request it is: accounts are told apart by access key id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from moto.iam.models import iam_backends

_HEADER_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/[^/]+/[^/]+/([^/]+)/aws4_request")
_TRAILING_ACCOUNT = re.compile(r"(\d{12})$")


@dataclass(frozen=True)
class Caller:
    """Who signed a request: access key id (``None`` if nobody did), signing name of the service, account."""

    access_key_id: str | None
    service: str | None
    account: str


def caller(environ: Mapping[str, Any], default_account: str) -> Caller:
    """Find out who calls, from the Authorization header or a presigned URL.

    A key whose last twelve characters are digits belongs to that account, a key that moto's IAM or STS handed out
    to the account of its user or role, any other to ``default_account``. Signatures are not verified.
    """
    access_key_id, service = _credential(environ)
    account = default_account if access_key_id is None else account_of(access_key_id, default_account)
    return Caller(access_key_id, service, account)


def account_of(access_key_id: str, default_account: str) -> str:
    """Give the account of an access key, see :func:`caller`."""
    trailing = _TRAILING_ACCOUNT.search(access_key_id)
    if trailing:
        return trailing.group(1)
    for account, partitions in list(iam_backends.items()):
        if any(access_key_id in backend.access_keys for backend in partitions.values()):
            return str(account)
    return default_account


def _credential(environ: Mapping[str, Any]) -> tuple[str | None, str | None]:
    found = _HEADER_CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    if found:
        return found.group(1), found.group(2)
    query = parse_qs(environ.get("QUERY_STRING", ""))
    if "X-Amz-Credential" in query:
        parts = query["X-Amz-Credential"][0].split("/")
        return parts[0], parts[3] if len(parts) > 3 else None
    if "AWSAccessKeyId" in query:
        return query["AWSAccessKeyId"][0], "s3"
    return None, None
