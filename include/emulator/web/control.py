"""The control API under ``/_emulator``: time, the log of requests, faults, charges, offerings, snapshots, reset."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from emulator.protocol.wire import Answer

if TYPE_CHECKING:
    from emulator.faults.effects import Faults
    from emulator.world import World

ROOT = "/_emulator"
_FILTERS = ("operation", "service", "account", "error")
_DONE = {"status": "ok"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Route:
    """What one method does at one path.

    :param action: takes the query and the body. :param query: the parameters that there may be.
    :param body: the members that there may be; ``None`` if the action itself says so.
    """

    action: Callable[[dict[str, str], dict[str, Any]], dict[str, Any]]
    query: tuple[str, ...] = ()
    body: tuple[str, ...] | None = ()


class Control:
    """Answers the control API for one world. Who may ask is decided before.

    What depends on something that falls due shows a world that is up to date; ``health`` and ``clock`` wait for nobody.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._routes: dict[tuple[str, str], _Route] = {
            ("GET", "health"): _Route(lambda query, body: _DONE),
            ("GET", "clock"): _Route(lambda query, body: self._clock()),
            ("POST", "clock"): _Route(self._set_clock, body=("advance_seconds", "speed")),
            ("GET", "requests"): _Route(self._requests, (*_FILTERS, "limit")),
            ("GET", "requests/counts"): _Route(lambda query, body: world.journal.counts(**query), _FILTERS),
            ("DELETE", "requests"): _Route(lambda query, body: _done(world.journal.clear)),
            ("GET", "faults"): _Route(lambda query, body: {"faults": self._faults().list()}),
            ("POST", "faults"): _Route(lambda query, body: {"id": self._faults().add(body)}, body=None),
            ("DELETE", "faults"): _Route(self._lift_faults, ("id",)),
            ("GET", "charges"): _Route(lambda query, body: {"charges": world.charges()}),
            ("GET", "offerings"): _Route(_offerings, ("kind", "region", "scope", "term", "payment")),
            ("GET", "snapshots"): _Route(lambda query, body: {"snapshots": world.snapshots.list()}),
            ("POST", "snapshots"): _Route(lambda query, body: world.snapshots.take(_name(body)), body=("name",)),
            ("DELETE", "snapshots"): _Route(
                lambda query, body: _done(lambda: world.snapshots.delete(query.get("name"))), ("name",)
            ),
            ("POST", "restore"): _Route(lambda query, body: world.snapshots.restore(_name(body)), body=("name",)),
            ("POST", "reset"): _Route(lambda query, body: _done(world.reset)),
        }

    def answer(self, environ: Mapping[str, Any], body: bytes) -> Answer:
        """Answer one request: 200, or 400, 404, 405 or 500 with ``{"error": one sentence}``. HEAD is a GET."""
        path = environ["PATH_INFO"].removeprefix(ROOT).removeprefix("/")
        method = environ["REQUEST_METHOD"]
        methods = [known for known, at in self._routes if at == path]
        if not methods:
            paths = ", ".join(f"{known} {ROOT}/{at}" for known, at in self._routes)
            return _json(404, {"error": f"no such route; there are {paths}"})
        route = self._routes.get(("GET" if method == "HEAD" else method, path))
        if route is None:
            refusal = _json(405, {"error": f"{ROOT}/{path} takes {' or '.join(methods)}, not {method}"})
            refusal.headers.append(("Allow", ", ".join(methods)))
            return refusal
        try:
            query = _query(environ.get("QUERY_STRING", ""))
            document = _document(body)
            _check_names("the query", query, route.query)
            if route.body is not None:
                _check_names("the body", document, route.body)
            return _json(200, route.action(query, document))
        except LookupError as error:
            return _json(404, {"error": str(error.args[0])})
        except ValueError as error:
            return _json(400, {"error": str(error)})
        except Exception:
            _log.exception("%s %s failed", method, environ["PATH_INFO"])
            return _json(500, {"error": "the emulator failed; its log says where"})

    def _clock(self) -> dict[str, Any]:
        clock = self._world.clock
        return {"now": clock.now().isoformat(), "speed": clock.speed}

    def _set_clock(self, query: Mapping[str, str], body: dict[str, Any]) -> dict[str, Any]:
        if not body:
            raise ValueError('clock: give {"advance_seconds": N} or {"speed": N} or both')
        for name, number in body.items():
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise ValueError(f"clock: {name} must be a number, not {number!r}")
        self._world.clock.change(**body)
        self._world.settle()
        return self._clock()

    def _requests(self, query: dict[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
        limit = query.pop("limit", None)
        if limit is not None and not re.fullmatch(r"[0-9]{1,9}", limit):
            raise ValueError(f"requests: limit must be a whole number below a billion, not {limit[:20]!r}")
        return {"requests": self._world.journal.entries(**query, limit=None if limit is None else int(limit))}

    def _faults(self) -> Faults:
        """The rules, once they have done what was theirs to do until now."""
        self._world.settle()
        return self._world.faults

    def _lift_faults(self, query: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
        faults = self._faults()
        return _done(lambda: faults.remove(query["id"]) if "id" in query else faults.clear())


def _done(action: Callable[[], None]) -> dict[str, Any]:
    action()
    return _DONE


def _offerings(query: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
    # Here and not above: the price list's engine would double the time to the ready line.
    from emulator.pricing_calculator.offerings import listing

    return {"offerings": listing(query)}


def _name(body: Mapping[str, Any]) -> Any:
    if not body:
        raise ValueError('snapshots: give {"name": NAME}')
    return body["name"]


def _query(text: str) -> dict[str, str]:
    given = parse_qs(text, keep_blank_values=True)
    for name, values in given.items():
        if len(values) > 1 or not values[0]:
            raise ValueError(f"the query must have {name!r} once, with a value")
    return {name: values[0] for name, values in given.items()}


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body.decode()) if body.strip() else {}
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()  # half a surrogate pair is JSON and no text
    except (ValueError, RecursionError):
        raise ValueError("the body is not valid JSON") from None
    if not isinstance(document, dict):
        raise ValueError("the body must be a JSON object")
    return document


def _check_names(where: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not known in {where}; it takes {', '.join(known) or 'nothing'}")


def refused(reason: str) -> Answer:
    """Refuse who may not ask: 403 with ``{"error": reason}``."""
    return _json(403, {"error": reason})


def _json(status: int, document: Mapping[str, Any]) -> Answer:
    body = json.dumps(document, default=str).encode() + b"\n"  # for those who read it in a shell
    return Answer(status, [("Content-Type", "application/json")], body)
