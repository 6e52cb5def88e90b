"""Whose request it is: accounts are told apart by access key id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

# No key is longer, https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html; the log keeps what is read.
_LONGEST_KEY = 128
_CREDENTIAL = re.compile(rf"([^/,\s]{{1,{_LONGEST_KEY}}})/[^/]+/[^/]+/([^/]{{1,64}})/aws4_request")
_TRAILING_ACCOUNT = re.compile(r"([0-9]{12})$")


@dataclass(frozen=True)
class Caller:
    """Who signed a request.

    :param access_key_id: at most 128 characters; ``None`` if nobody did.
    :param service: the signing name, at most 64 characters; ``None`` if nobody signed.
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
    to the account of its user or role, any other to ``default_account``; but one that they handed out and know no
    more is nobody's.

    :param lock: the world's, held by whoever changes what IAM and STS know.
    """

    def __init__(self, default_account: str, lock: AbstractContextManager[Any]) -> None:
        self._default = default_account
        self._lock = lock
        self._found: dict[str, tuple[str, str | None]] = {}
        self._handed_out: set[str] = set()

    def caller(self, environ: Mapping[str, Any]) -> Caller:
        """Find out who calls, from the Authorization header or a presigned URL."""
        access_key_id, service = _credential(environ)
        if access_key_id is None:
            return Caller(None, service, self._default)
        trailing = _TRAILING_ACCOUNT.search(access_key_id)
        if trailing:
            return Caller(access_key_id, service, trailing.group(1))
        found = self._found.get(access_key_id) or self._look_up(access_key_id)
        if found is None:
            is_known = access_key_id not in self._handed_out
            return Caller(access_key_id, service, self._default, is_known=is_known)
        return Caller(access_key_id, service, *found)

    def forget(self) -> None:
        """Forget whose the keys of IAM and STS are, but not that they handed them out.

        The caller holds the lock, and takes keys from IAM and STS before it lets go of it.
        """
        self._found.clear()
        self._handed_out.update(
            access_key_id
            for partitions in iam_backends.values()
            for backend in partitions.values()
            for access_key_id in backend.access_keys
        )

    def _look_up(self, access_key_id: str) -> tuple[str, str | None] | None:
        with self._lock:
            found = _find(access_key_id)
            if found:  # looking through all accounts takes its time
                self._found[access_key_id] = found
            return found


def _find(access_key_id: str) -> tuple[str, str | None] | None:
    """Look for a key in every account: its account and its role's session."""
    for account, partitions in iam_backends.items():
        for partition, backend in partitions.items():
            if access_key_id in backend.access_keys:
                role = sts_backends[account][partition].get_assumed_role_from_access_key(access_key_id)
                return str(account), role.arn if role else None
    return None


def _credential(environ: Mapping[str, Any]) -> tuple[str | None, str | None]:
    query = parse_qs(environ.get("QUERY_STRING", ""))
    _, _, in_header = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")
    found = _CREDENTIAL.match(in_header or query.get("X-Amz-Credential", [""])[0])
    if found:
        return found.group(1), found.group(2)
    access_key_id = query.get("AWSAccessKeyId", [""])[0]
    return (access_key_id, "s3") if 0 < len(access_key_id) <= _LONGEST_KEY else (None, None)
