"""One dispatcher for both services: an operation is one function, registered under AWS's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.model import ServiceModel

from emulator.protocol.wire import JsonProtocol, load_description

if TYPE_CHECKING:
    from emulator.world import World


@dataclass(frozen=True)
class Call:
    """One checked request.

    :param account: twelve digits, the caller's account.
    :param params: the request's members, as the model says: present, typed and within every bound.
    :param now: the emulated time at which the service handles the request.
    :param prepared: what the operation's own preparation gave, see :meth:`Service.prepare`.
    """

    world: World
    operation: str
    account: str
    params: dict[str, Any]
    now: datetime
    prepared: object = None


Handler = Callable[[Call], dict[str, Any]]
Preparation = Callable[[Call], object]


class Service:
    """A service that the emulator answers for: botocore's model, its protocol and its operations.

    :param name: botocore's name, e.g. ``bcm-data-exports``.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.model = ServiceModel(load_description(name), name)
        self.protocol = JsonProtocol(self.model)
        self._handlers: dict[str, Handler] = {}
        self._preparations: dict[str, Preparation] = {}

    @property
    def built(self) -> frozenset[str]:
        """The operations that have a handler."""
        return frozenset(self._handlers)

    def operation(self, name: str, prepare: Preparation | None = None) -> Callable[[Handler], Handler]:
        """Register a function as the operation ``name``. It gets a :class:`Call` and gives the output's members.

        :param prepare: what can be done before, without the world's lock; it changes nothing.
        :raises LookupError: if the service's model has no such operation.
        """
        if name not in self.model.operation_names:
            raise LookupError(f"{self.name} has no operation {name}")

        def register(handler: Handler) -> Handler:
            self._handlers[name] = handler
            if prepare:
                self._preparations[name] = prepare
            return handler

        return register

    def prepare(self, call: Call) -> Call:
        """Do what takes long of a call before the world stands still for it."""
        preparation = self._preparations.get(call.operation)
        return replace(call, prepared=preparation(call)) if preparation else call

    def handler(self, name: str) -> Handler:
        """Find the handler of an operation; each that the model has is built."""
        return self._handlers[name]
