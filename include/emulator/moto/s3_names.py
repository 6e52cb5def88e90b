"""Names S3's operations: its requests do not, so method, path, query and headers tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from emulator.protocol.wire import load_description


@dataclass(frozen=True)
class _Form:
    """What the requests of one operation have: query parameters (with a value, if it is fixed) and headers."""

    operation: str
    query: tuple[tuple[str, str | None], ...]
    headers: tuple[str, ...]

    def fits(self, query: Mapping[str, list[str]], environ: Mapping[str, Any]) -> bool:
        return all(name in query and value in (None, query[name][0]) for name, value in self.query) and all(
            header in environ for header in self.headers
        )


def s3_operation(environ: Mapping[str, Any], bucket: str, key: str) -> str:
    """Name the operation of a WSGI request to S3 as botocore's model does.

    PostObject, a browser's upload, is not in the model; a request that nothing fits is named by its method.
    """
    method: str = environ["REQUEST_METHOD"]
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    level = "key" if key else "bucket" if bucket else "service"
    for form in _forms().get((method, level), ()):
        if form.fits(query, environ):
            return form.operation
    return "PostObject" if (method, level) == ("POST", "bucket") else method


@cache
def _forms() -> dict[tuple[str, str], list[_Form]]:
    """Give the forms by method and by what the path names, those that ask for most first."""
    description = load_description("s3")
    forms: dict[tuple[str, str], list[_Form]] = {}
    # Deprecated operations have successors of the same form.
    for name, operation in sorted(description["operations"].items(), key=lambda item: bool(item[1].get("deprecated"))):
        path, _, literal = operation["http"]["requestUri"].partition("?")
        levels = {"/": "service", "/{Bucket}": "bucket", "/{Bucket}/{Key+}": "key"}
        if path in levels:
            needed = _required(description["shapes"], operation)
            fixed = [(part.partition("=")[0], part.partition("=")[2] or None) for part in literal.split("&") if part]
            form = _Form(
                name,
                tuple(fixed + [(member, None) for member in needed.get("querystring", [])]),
                tuple(f"HTTP_{header.upper().replace('-', '_')}" for header in needed.get("header", [])),
            )
            forms.setdefault((operation["http"]["method"], levels[path]), []).append(form)
    for found in forms.values():
        found.sort(key=lambda form: -len(form.query) - len(form.headers))
    return forms


def _required(shapes: Mapping[str, Any], operation: Mapping[str, Any]) -> dict[str, list[str]]:
    """Give the names of required members by their location in the request."""
    found: dict[str, list[str]] = {}
    shape = shapes[operation["input"]["shape"]] if "input" in operation else {}
    for member in shape.get("required", []):
        described = shape["members"][member]
        found.setdefault(described.get("location", ""), []).append(described.get("locationName", member))
    return found
