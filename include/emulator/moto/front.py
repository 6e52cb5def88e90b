"""The way of a request to one of moto's services: name, faults, moto, log."""

from __future__ import annotations

import io
import logging
import re
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from emulator.accounts import Caller
from emulator.moto.errors import unknown_key, write_error
from emulator.moto.s3_front import bucket_and_key, check_expected_owner
from emulator.moto.s3_names import s3_operation
from emulator.protocol.errors import ServiceError
from emulator.protocol.wire import Answer

if TYPE_CHECKING:
    from emulator.world import World

_log = logging.getLogger(__name__)
# moto gives one key to all: as a user's id, and as the key of every session token.
_MOTO_KEY = b"AKIAIOSFODNN7EXAMPLE"
_ERROR_CODE = re.compile(rb'<Code>([^<]+)</Code>|"__type": ?"(?:[^"#]*#)?([^"]+)"')


class MotoFront:
    """Lets moto answer.

    :param stopping: set when the server stops; it ends delays that fault rules asked for.
    """

    def __init__(self, world: World, stopping: threading.Event) -> None:
        self._world = world
        self._stopping = stopping
        self._moto = DomainDispatcherApplication(create_backend_app)

    def answer(self, environ: dict[str, Any], caller: Caller, body: bytes) -> Answer:
        """Answer one request.

        :raises NoAnswer: if a fault rule wants that.
        """
        world = self._world
        service, operation = _names(environ, caller, body)
        entry = world.journal.begin(service, operation, caller, world.clock.now())
        effects = world.faults.for_call(service, operation, caller)
        effects.before(entry, self._stopping)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = caller.account
        environ["wsgi.input"] = io.BytesIO(body)
        try:
            if effects.error:
                raise effects.error
            if not caller.is_known:
                raise unknown_key(service, environ)
            with world.present():
                if service == "s3":
                    check_expected_owner(environ)
                elif service == "iam" and operation.startswith("Delete"):
                    world.keys.forget()
                answer = self._call(environ)
        except ServiceError as error:
            answer = write_error(service, environ, error, effects.status)
        except Exception:
            _log.exception("moto failed on %s %s", environ["REQUEST_METHOD"], environ["PATH_INFO"])
            failure = ServiceError("InternalError", "moto failed; the emulator's log says where")
            answer = write_error(service, environ, failure)
        if service == "sts":
            answer = _with_own_identity(answer, operation, caller)
        entry.end(answer)
        effects.after()
        return answer

    def _call(self, environ: dict[str, Any]) -> Answer:
        """Call moto's application and take its whole answer, so that the lock is held no longer than needed."""
        taken: list[tuple[str, list[tuple[str, str]]]] = []

        def take(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            taken.append((status, headers))

        body = b"".join(self._moto(environ, take))
        status, headers = taken[-1]
        number = int(status.split()[0])
        return Answer(number, headers, body, _error_code(body) or str(number) if number >= 400 else None)


def _names(environ: Mapping[str, Any], caller: Caller, body: bytes) -> tuple[str, str]:
    """Name service and operation. What nobody signed is S3's, unless it names an action as STS's logins do."""
    target: str | None = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return caller.service or "unknown", target.rpartition(".")[2]
    if caller.service != "s3":
        action = _action(environ, body)
        if caller.service:
            return caller.service, action or f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        if action:
            return "sts" if action.startswith("AssumeRole") else "unknown", action
    return "s3", s3_operation(environ, *bucket_and_key(environ))


def _action(environ: Mapping[str, Any], body: bytes) -> str | None:
    """Read the operation from a form (query protocols) or from the path (RPC v2)."""
    _, marked, operation = environ["PATH_INFO"].rpartition("/operation/")
    if marked:
        return str(operation)
    form = environ["QUERY_STRING"]
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        form = body.decode("utf-8", "replace") or form
    return parse_qs(form).get("Action", [None])[0] if "Action=" in form else None


def _with_own_identity(answer: Answer, operation: str, caller: Caller) -> Answer:
    """Make moto's answer about keys that it did not hand out one about the caller's account.

    moto calls the user behind such a key by an ARN of the wrong service, and gives everyone's session token the same
    key: an account could not be told by it.
    """
    prefix = b"AIDADEMO" if operation == "GetCallerIdentity" else b"ASIADEMO"
    account = caller.account.encode()
    body = answer.body.replace(b":sts::" + account + b":user/", b":iam::" + account + b":user/")
    body = body.replace(_MOTO_KEY, prefix + account)
    headers = [(name, value) for name, value in answer.headers if name.lower() != "content-length"]
    return Answer(answer.status, headers, body, answer.error)


def _error_code(body: bytes) -> str | None:
    found = _ERROR_CODE.search(body)
    return (found.group(1) or found.group(2)).decode("utf-8", "replace") if found else None
