"""The one WSGI application: the status page, the control API, the billing services, and moto for everything else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from emulator import face
from emulator.moto.front import MotoFront
from emulator.protocol.wire import Answer
from emulator.web import control, gate
from emulator.web.billing_front import BillingFront, find_service
from emulator.world import World

# moto's own control API: it can reset moto, write recordings and replay them to any host.
_MOTO_CONTROL = "/moto-api"
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class EmulatorApp:
    """Tells requests apart and lets the right part answer. A request to a service sees a world that is up to date.

    :param stopping: set when the server stops.
    """

    def __init__(self, world: World, stopping: threading.Event) -> None:
        self._world = world
        self._control = control.Control(world)
        self._billing = BillingFront(world, stopping)
        self._moto = MotoFront(world, stopping)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer a WSGI request.

        :raises emulator.protocol.errors.NoAnswer: if the server must end the connection without an answer.
        """
        answer = self._answer(environ)
        start_response(f"{answer.status} {_phrase(answer.status)}", answer.headers)
        return [answer.body]

    def _answer(self, environ: dict[str, Any]) -> Answer:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        reason = self._refusal(environ)
        if reason:
            return control.refused(reason)
        if _is_control(environ):
            return self._control.answer(environ, body)
        if face.is_asked(environ):
            return face.answer(self._world, environ)
        caller = self._world.keys.caller(environ)
        found = find_service(environ)
        if found:
            return self._billing.answer(*found, caller, environ, body)
        return self._moto.answer(environ, caller, body)

    def _refusal(self, environ: dict[str, Any]) -> str | None:
        """Say why a request is refused before anybody looks at it; the emulator's inside is for few."""
        is_face = face.is_asked(environ)
        reason = gate.foreign_page(environ, is_face)
        if reason or not (is_face or _is_control(environ) or environ["PATH_INFO"].startswith(_MOTO_CONTROL)):
            return reason
        return gate.refusal(environ, self._world.settings.open_control)


def _is_control(environ: dict[str, Any]) -> bool:
    return f"{environ['PATH_INFO']}/".startswith(f"{control.ROOT}/")


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"
