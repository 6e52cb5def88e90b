"""The control API under ``/_emulator``: time, the log of requests, faults, charges, offerings, snapshots, reset."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from emulator.protocol.wire import Answer

if TYPE_CHECKING:
    from emulator.world import World

PREFIX = "/_emulator/"
_FILTERS = ("operation", "service", "account", "error")


class Control:
    """Answers the control API for one world. Who may ask is decided before."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._routes: dict[tuple[str, str], Callable[[Mapping[str, str], Any], dict[str, Any]]] = {
            ("GET", "health"): lambda query, body: {"status": "ok"},
            ("GET", "clock"): lambda query, body: self._clock(),
            ("POST", "clock"): self._set_clock,
            ("GET", "requests"): self._requests,
            ("GET", "requests/counts"): self._counts,
            ("DELETE", "requests"): lambda query, body: self._done(world.journal.clear),
            ("GET", "faults"): lambda query, body: {"faults": world.faults.list()},
            ("POST", "faults"): lambda query, body: {"id": world.faults.add(body)},
            ("DELETE", "faults"): lambda query, body: self._done(world.faults.clear),
            ("GET", "charges"): lambda query, body: {"charges": world.calculator.charges()},
            ("GET", "offerings"): lambda query, body: {"offerings": _offerings(query)},
            ("GET", "snapshots"): lambda query, body: {"snapshots": world.snapshots.list()},
            ("POST", "snapshots"): lambda query, body: world.snapshots.take(_name(body)),
            ("DELETE", "snapshots"): self._delete_snapshots,
            ("POST", "restore"): lambda query, body: world.snapshots.restore(_name(body)),
            ("POST", "reset"): lambda query, body: self._done(world.reset),
        }

    def answer(self, environ: Mapping[str, Any], body: bytes) -> Answer:
        """Answer one request: 200, or 400, 404 or 405 with ``{"error": one sentence}``."""
        name = environ["PATH_INFO"].removeprefix(PREFIX)
        route = self._routes.get((environ["REQUEST_METHOD"], name))
        if route is None:
            known = any(name == path for _, path in self._routes)
            paths = ", ".join(f"{method} {PREFIX}{path}" for method, path in self._routes)
            return _json(405 if known else 404, {"error": f"no such route; there are {paths}"})
        query = {key: values[0] for key, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
        try:
            document = json.loads(body) if body.strip() else {}
            if not isinstance(document, dict):
                raise ValueError("the body must be a JSON object")
            return _json(200, route(query, document))
        except LookupError as error:
            return _json(404, {"error": str(error.args[0])})
        except (ValueError, RecursionError) as error:
            return _json(400, {"error": str(error)})

    def _clock(self) -> dict[str, Any]:
        clock = self._world.clock
        return {"now": clock.now().isoformat(), "speed": clock.speed}

    def _set_clock(self, query: Mapping[str, str], body: Any) -> dict[str, Any]:
        if not body or set(body) - {"advance_seconds", "speed"}:
            raise ValueError('clock: give {"advance_seconds": N} or {"speed": N} or both')
        for name, number in body.items():
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise ValueError(f"clock: {name} must be a number, not {number!r}")
        if "advance_seconds" in body:
            self._world.clock.advance(body["advance_seconds"])
        if "speed" in body:
            self._world.clock.speed = body["speed"]
        self._world.settle()
        return self._clock()

    def _requests(self, query: Mapping[str, str], body: Any) -> dict[str, Any]:
        limit = query.get("limit")
        if limit is not None and not limit.isdecimal():
            raise ValueError(f"requests: limit must be a whole number, not {limit!r}")
        filters = _filters(query, "limit")
        return {"requests": self._world.journal.entries(**filters, limit=None if limit is None else int(limit))}

    def _counts(self, query: Mapping[str, str], body: Any) -> dict[str, Any]:
        return self._world.journal.counts(**_filters(query))

    def _delete_snapshots(self, query: Mapping[str, str], body: Any) -> dict[str, Any]:
        return self._done(lambda: self._world.snapshots.delete(query.get("name") or body.get("name")))

    def _done(self, action: Callable[[], None]) -> dict[str, Any]:
        action()
        return {"status": "ok"}


def _offerings(query: Mapping[str, str]) -> list[dict[str, Any]]:
    # Here and not above: the price list's engine would double the time to the ready line.
    from emulator.pricing_calculator.offerings import listing

    return listing(query)


def _name(body: Mapping[str, Any]) -> Any:
    if set(body) != {"name"}:
        raise ValueError('snapshots: give {"name": NAME}')
    return body["name"]


def _filters(query: Mapping[str, str], *others: str) -> dict[str, str]:
    unknown = sorted(set(query) - {*_FILTERS, *others})
    if unknown:
        raise ValueError(f"requests: {unknown[0]!r} is not known; use {', '.join((*_FILTERS, *others))}")
    return {name: query[name] for name in _FILTERS if name in query}


def refused(reason: str) -> Answer:
    """Refuse who may not ask: 403 with ``{"error": reason}``."""
    return _json(403, {"error": reason})


def _json(status: int, document: Mapping[str, Any]) -> Answer:
    body = json.dumps(document, default=str).encode() + b"\n"  # for those who read it in a shell
    return Answer(status, [("Content-Type", "application/json")], body)
