"""Pages of a list, with tokens that say where the next one starts."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TypeVar

from emulator.protocol.errors import invalid_field

Item = TypeVar("Item")


def page(items: Sequence[Item], size: int, token: str | None, member: str) -> tuple[list[Item], str | None]:
    """Cut one page out of ``items``.

    :param size: items on a page, at most.
    :param token: the caller's token, ``None`` for the first page.
    :param member: the token's name in the request, for the error (``NextToken`` or ``nextToken``).
    :raises ServiceError: ValidationException if the token is not one of ours.
    """
    start = _position(token, member) if token else 0
    end = start + size
    following = base64.urlsafe_b64encode(f"from:{end}".encode()).decode() if end < len(items) else None
    return list(items[start:end]), following


def _position(token: str, member: str) -> int:
    try:
        word, _, number = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
        if word == "from" and number.isdigit():
            return int(number)
    except ValueError:
        pass
    raise invalid_field(member, "The token is not valid")
