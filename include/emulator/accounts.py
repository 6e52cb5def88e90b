"""Whose request it is: accounts are told apart by access key id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

_HEADER_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/[^/]+/[^/]+/([^/]+)/aws4_request")
_TRAILING_ACCOUNT = re.compile(r"([0-9]{12})$")
# The prefix of temporary keys, which STS alone hands out.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_TEMPORARY = "ASIA"


@dataclass(frozen=True)
class Caller:
    """Who signed a request.

    :param access_key_id: ``None`` if nobody did.
    :param service: the signing name, ``None`` if nobody signed.
    :param account: twelve digits.
    :param role: the ARN of the assumed role's session, for keys that AssumeRole handed out.
    :param is_known: whether the key can be somebody's; AWS refuses one that is nobody's.
    """

    access_key_id: str | None
    service: str | None
    account: str
    role: str | None = None
    is_known: bool = True


class KeyRing:
    """Knows whose a key is. Signatures are not verified, and keys do not expire.

    A key whose last twelve characters are digits belongs to that account, a key that moto's IAM or STS handed out
    to the account of its user or role, any other to ``default_account``; but a temporary key that STS did not hand
    out, or did before a reset or a restore, is nobody's.
    """

    def __init__(self, default_account: str) -> None:
        self._default = default_account
        self._handed_out: dict[str, tuple[str, str | None]] = {}

    def caller(self, environ: Mapping[str, Any]) -> Caller:
        """Find out who calls, from the Authorization header or a presigned URL."""
        access_key_id, service = _credential(environ)
        if access_key_id is None:
            return Caller(None, service, self._default)
        trailing = _TRAILING_ACCOUNT.search(access_key_id)
        if trailing:
            return Caller(access_key_id, service, trailing.group(1))
        found = self._handed_out.get(access_key_id) or _find(access_key_id)
        if found is None:
            return Caller(access_key_id, service, self._default, is_known=not access_key_id.startswith(_TEMPORARY))
        # What it belongs to never changes, and looking through all accounts takes its time.
        self._handed_out[access_key_id] = found
        return Caller(access_key_id, service, *found)

    def forget(self) -> None:
        """Forget what IAM and STS handed out: they have been emptied or replaced."""
        self._handed_out.clear()


def _find(access_key_id: str) -> tuple[str, str | None] | None:
    """Look for a key in every account: its account and its role's session."""
    for account, partitions in list(iam_backends.items()):
        for partition, backend in list(partitions.items()):
            if access_key_id in backend.access_keys:
                role = sts_backends[account][partition].get_assumed_role_from_access_key(access_key_id)
                return str(account), role.arn if role else None
    return None


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
