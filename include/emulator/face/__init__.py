"""The status page at ``/``: what this emulator knows, for a person who looks. One HTML file, without script.

It is read-only and shows the state as it is: unlike a request to a service it brings nothing up to date, so a page
left open changes nothing. It holds the world's lock while it reads, and not while it writes the page.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from emulator.face import words
from emulator.face.view import view
from emulator.protocol.wire import Answer

if TYPE_CHECKING:
    from emulator.world import World

REFRESH_SECONDS = 5
STILL = "still"
"""The query of a page that does not refresh itself: ``/?still``."""
_HERE = Path(__file__).parent
_CSS = (_HERE / "page.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_CSS.encode()).digest()).decode()
_HEADERS = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
    (
        "Content-Security-Policy",
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:;"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
]


def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters.update(words.FILTERS)
    return templates


_PAGE = _templates().get_template("page.html.j2")


def is_asked(environ: Mapping[str, Any]) -> bool:
    """Say whether a WSGI request is a browser's for this page.

    A signed ``GET /``, by header or by query, is S3's ListBuckets and not ours.
    """
    return (
        environ["REQUEST_METHOD"] in ("GET", "HEAD")
        and environ["PATH_INFO"] == "/"
        and environ.get("QUERY_STRING", "") in ("", STILL)
        and not any(name.startswith(("HTTP_AUTHORIZATION", "HTTP_X_AMZ_")) for name in environ)
    )


def answer(world: World, environ: Mapping[str, Any]) -> Answer:
    """Answer a request for the page. Whether the asker may see it is the caller's to decide."""
    address = f"{environ.get('wsgi.url_scheme', 'http')}://{environ.get('HTTP_HOST', '127.0.0.1')}"
    return Answer(200, list(_HEADERS), page(world, address, still=environ.get("QUERY_STRING") == STILL).encode())


def page(world: World, address: str, *, still: bool = False) -> str:
    """Write the page.

    :param address: what the reader's commands have to reach, e.g. ``http://127.0.0.1:5005``.
    :param still: whether the page stays as it is; else it asks for itself again every few seconds.
    """
    return _PAGE.render(view(world), address=address, css=_CSS, refresh=None if still else REFRESH_SECONDS, still=STILL)
