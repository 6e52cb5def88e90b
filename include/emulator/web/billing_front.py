"""The way of a request to one of the billing services: target, faults, model, handler, log."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emulator.accounts import Caller
from emulator.protocol.errors import ServiceError
from emulator.protocol.service import Call, Service
from emulator.protocol.wire import LARGEST_BODY, Answer
from emulator.services import SERVICES

if TYPE_CHECKING:
    from emulator.world import World

_BY_TARGET = {service.protocol.target_prefix: service for service in SERVICES}
_log = logging.getLogger(__name__)


def find_service(environ: Mapping[str, Any]) -> tuple[Service, str] | None:
    """Read service and operation from X-Amz-Target; ``None`` if the request is not for one of these services."""
    prefix, _, operation = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")
    service = _BY_TARGET.get(prefix)
    return (service, operation) if service else None


class BillingFront:
    """Answers requests to the billing services.

    :param stopping: set when the server stops; it ends delays that fault rules asked for.
    """

    def __init__(self, world: World, stopping: threading.Event) -> None:
        self._world = world
        self._stopping = stopping

    def answer(
        self, service: Service, operation: str, caller: Caller, environ: Mapping[str, Any], body: bytes
    ) -> Answer:
        """Answer one request.

        :raises NoAnswer: if a fault rule wants that.
        """
        world = self._world
        entry = world.journal.begin(service.name, operation, caller, world.clock.now(), body[:LARGEST_BODY])
        effects = world.faults.for_call(service.name, operation, caller)
        effects.before(entry, self._stopping)
        try:
            if effects.error:
                raise effects.error
            if caller.access_key_id is None:
                raise ServiceError("MissingAuthenticationTokenException", "Missing Authentication Token")
            if not caller.is_known:
                raise ServiceError(
                    "UnrecognizedClientException", "The security token included in the request is invalid."
                )
            service.protocol.check_head(environ["REQUEST_METHOD"], environ.get("CONTENT_TYPE", ""))
            answer = self._carry_out(service, operation, caller.account, body)
        except ServiceError as error:
            answer = service.protocol.error(error)
            if effects.status:
                answer = replace(answer, status=effects.status)
        except Exception:
            _log.exception("%s failed", operation)
            answer = service.protocol.error(
                ServiceError("InternalServerException", "The emulator failed; its log says where")
            )
        entry.end(answer)
        effects.after()
        return answer

    def _carry_out(self, service: Service, operation: str, account: str, body: bytes) -> Answer:
        model = service.protocol.operation(operation)
        handler = service.handler(operation)
        params = service.protocol.request(model, body)
        call = service.prepare(Call(self._world, operation, account, params, self._world.clock.now()))
        with self._world.present() as now:
            return service.protocol.answer(model, handler(replace(call, now=now)))
