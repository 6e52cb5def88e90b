"""Who may use the control API and see the status page: this machine, and no web page of another site."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

_HOST = re.compile(r"\[([^\]]+)\](?::\d+)?|([^:\[\]]+)(?::\d+)?")


def refusal(environ: Mapping[str, Any]) -> str | None:
    """Give the reason to refuse a WSGI request, ``None`` if it comes from this machine.

    A browser on this machine comes from loopback whatever page it shows. Its Origin tells the page of another site;
    the Host tells a name of another site that was made to resolve to this machine (DNS rebinding).
    """
    if not _is_loopback(environ.get("REMOTE_ADDR", "")):
        return "the control API answers this machine only; --open-control opens it to others"
    host, origin = environ.get("HTTP_HOST"), environ.get("HTTP_ORIGIN")
    if host is not None and not _names_this_machine(host):
        return f"the control API answers to localhost and its addresses only, not to {host!r}"
    if origin is not None and not _names_this_machine(urlsplit(origin).netloc):
        return f"the control API does not answer pages of {origin!r}"
    return None


def _names_this_machine(host: str) -> bool:
    found = _HOST.fullmatch(host)
    name = (found.group(1) or found.group(2)).lower().rstrip(".") if found else ""
    return name == "localhost" or name.endswith(".localhost") or _is_loopback(name)


def _is_loopback(address: str) -> bool:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_loopback
