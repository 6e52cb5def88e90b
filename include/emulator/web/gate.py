"""Who may ask what: the control API and the status page are this machine's; other sites' web pages get nothing.

A page of another site has two ways. It asks for this address, and the browser says where it comes from (Origin,
Sec-Fetch-Site). Or its own name is made to resolve to this address (DNS rebinding), and the browser takes the
emulator for that site: then only the name in the Host header tells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

_HOST = re.compile(r"\[([^\]]+)\](?::\d+)?|([^:\[\]]+)(?::\d+)?")
# Nobody can register these: https://www.iana.org/assignments/special-use-domain-names, ICANN's .internal, and what
# Kubernetes, home routers and Consul use, which the root zone does not have.
_PRIVATE = (".internal", ".local", ".localhost", ".test", ".home.arpa", ".svc", ".lan", ".consul")


def refusal(environ: Mapping[str, Any], is_open: bool = False) -> str | None:
    """Give the reason to refuse a WSGI request to the inside, ``None`` if it comes from this machine.

    A browser on this machine comes from loopback whatever page it shows: that is :func:`foreign_page`'s matter.

    :param is_open: let other machines in, by addresses and names that no other site can have.
    """
    if not (is_open or _is_loopback(environ.get("REMOTE_ADDR", ""))):
        return "the control API answers this machine only; --open-control opens it to others"
    host = environ.get("HTTP_HOST")
    name = _name(host or "")
    if host is None or _is_this_machine(name) or (is_open and (_is_nobodys(name) or _address(name) is not None)):
        return None
    own = "addresses and to names that nobody can register" if is_open else "localhost and its addresses only"
    return f"the control API answers to {own}, not to {host!r}"


def foreign_page(environ: Mapping[str, Any], is_face: bool = False) -> str | None:
    """Give the reason to refuse a request that a browser makes for the page of another site, else ``None``.

    moto lets every page in (CORS), and some of its services run what they are given, such as Lambda in Docker. Pages
    of this machine may ask, of names that nobody can register, and of the address that the emulator itself is called
    by. Links and pictures come without Origin: there the Referer names the page, and without one it is refused.

    :param is_face: the request is for the status page, which other sites may link to: it does nothing.
    """
    page = environ.get("HTTP_ORIGIN")
    if page is None:
        is_link = is_face and environ.get("HTTP_SEC_FETCH_DEST") == "document"
        if environ.get("HTTP_SEC_FETCH_SITE") != "cross-site" or is_link:
            return None
        page = environ.get("HTTP_REFERER", "")
    scheme, _, rest = page.partition("://")
    name = _name(rest.partition("/")[0])
    if _is_this_machine(name) or (scheme in ("http", "https") and _is_nobodys(name)):
        return None
    if _address(name) is not None and name == _name(environ.get("HTTP_HOST", "")):
        return None
    return f"the emulator does not answer pages of {repr(page) if page else 'other sites'}"


def _name(host: str) -> str:
    """The name or address in a Host header, without the port; empty if it is none."""
    found = _HOST.fullmatch(host)
    return (found.group(1) or found.group(2)).lower().rstrip(".") if found else ""


def _is_nobodys(name: str) -> bool:
    """Say whether a name can be no site's: one label, a private ending, or one with an underscore, as of no top level.

    An underscore before the last label proves nothing: the owner of example.com can make a_b.example.com.
    """
    last = name.rpartition(".")[2]
    return bool(name) and _address(name) is None and (last == name or "_" in last or name.endswith(_PRIVATE))


def _is_this_machine(name: str) -> bool:
    return name == "localhost" or name.endswith(".localhost") or _is_loopback(name)


def _is_loopback(text: str) -> bool:
    address = _address(text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address is not None and (mapped or address).is_loopback


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None
