"""The one WSGI application: the status page, the control API, the billing services, and moto for everything else."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from emulator import control, face, s3_front
from emulator.accounts import Caller, caller
from emulator.billing_front import BillingFront, find_service
from emulator.wire import Answer
from emulator.world import World

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
_log = logging.getLogger(__name__)


class EmulatorApp:
    """Tells requests apart and lets the right part answer. Every request sees a world that is up to date.

    :param stopping: set when the server stops.
    """

    def __init__(self, world: World, stopping: threading.Event) -> None:
        self._world = world
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._control = control.Control(world)
        self._billing = BillingFront(world, stopping)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer a WSGI request.

        :raises emulator.billing_front.AnswerDropped: if the server must close the connection without an answer.
        """
        answer = self._answer(environ)
        start_response(f"{answer.status} {_phrase(answer.status)}", answer.headers)
        return [answer.body]

    def _answer(self, environ: dict[str, Any]) -> Answer:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if environ["PATH_INFO"].startswith(control.PREFIX):
            return self._control.answer(environ, body)
        if face.is_asked(environ):
            return self._control.refusal(environ) or face.answer(self._world, environ)
        who = caller(environ, self._world.settings.payer)
        found = find_service(environ)
        if found:
            return self._billing.answer(*found, who, environ, body)
        return self._ask_moto(environ, who, body)

    def _ask_moto(self, environ: dict[str, Any], who: Caller, body: bytes) -> Answer:
        world = self._world
        is_s3 = who.service in ("s3", None) and not environ.get("HTTP_X_AMZ_TARGET")
        service = "s3" if is_s3 else who.service or "unknown"
        operation = s3_front.operation(environ) if is_s3 else _action(environ, body)
        entry = world.journal.begin(service, operation, who.account, who.access_key_id, world.clock.now())
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = who.account
        environ["wsgi.input"] = io.BytesIO(body)
        with world.present():
            refused = s3_front.refuse_wrong_owner(environ) if is_s3 else None
            answer = refused or self._call_moto(environ)
        entry.status, entry.error = answer.status, answer.error
        return answer

    def _call_moto(self, environ: dict[str, Any]) -> Answer:
        """Call moto's application and take its whole answer, so that the lock is held no longer than needed."""
        taken: list[tuple[str, list[tuple[str, str]]]] = []

        def take(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            taken.append((status, headers))

        try:
            chunks = self._moto(environ, take)
            body = b"".join(chunks)
        except Exception:
            _log.exception("moto failed on %s %s", environ["REQUEST_METHOD"], environ["PATH_INFO"])
            return s3_front.error("InternalError", "moto failed; the emulator's log says where", status=500)
        status, headers = taken[-1]
        code = int(status.split()[0])
        return Answer(code, headers, body, str(code) if code >= 400 else None)


def _action(environ: dict[str, Any], body: bytes) -> str:
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return str(target).rpartition(".")[2]
    form = parse_qs(body.decode("utf-8", "replace")) or parse_qs(environ.get("QUERY_STRING", ""))
    return form.get("Action", [f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"])[0]


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"
