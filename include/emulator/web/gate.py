"""Who may ask what: the control API and the status page are this machine's; other sites' web pages get nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any

_HOST = re.compile(r"\[([^\]]+)\](?::\d+)?|([^:\[\]]+)(?::\d+)?")


def refusal(environ: Mapping[str, Any]) -> str | None:
    """Give the reason to refuse a WSGI request, ``None`` if it comes from this machine.

    A browser on this machine comes from loopback whatever page it shows. The Host tells a name of another site that was
    made to resolve to this machine (DNS rebinding); see :func:`foreign_page` for the rest.
    """
    if not _is_loopback(environ.get("REMOTE_ADDR", "")):
        return "the control API answers this machine only; --open-control opens it to others"
    host = environ.get("HTTP_HOST")
    if host is not None and not _is_this_machine(_name(host)):
        return f"the control API answers to localhost and its addresses only, not to {host!r}"
    return None


def foreign_page(environ: Mapping[str, Any]) -> str | None:
    """Give the reason to refuse a request that a browser makes for the page of another site, else ``None``.

    moto lets every page in (CORS), and some of its services run what they are given, such as Lambda in Docker. Pages
    of this machine, and of the name that the emulator itself is called by, may ask.
    """
    origin = environ.get("HTTP_ORIGIN")
    if origin is None:
        return None
    page = _name(origin.partition("://")[2])
    if page and (_is_this_machine(page) or page == _name(environ.get("HTTP_HOST", ""))):
        return None
    return f"the emulator does not answer pages of {origin!r}"


def _name(host: str) -> str:
    """The name or address in a Host header, without the port; empty if it is none."""
    found = _HOST.fullmatch(host)
    return (found.group(1) or found.group(2)).lower().rstrip(".") if found else ""


def _is_this_machine(name: str) -> bool:
    return name == "localhost" or name.endswith(".localhost") or _is_loopback(name)


def _is_loopback(address: str) -> bool:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_loopback
