"""Misbehaviour on request: the rules in force, and what they do to a call, an execution, an estimate."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from emulator.accounts import Caller
from emulator.faults.rules import Fault, parse_fault
from emulator.journal import Entry
from emulator.protocol.errors import NoAnswer, ServiceError


@dataclass(frozen=True)
class CallEffects:
    """What befalls one call.

    :param status: the HTTP status that the rule wants for its error, ``None`` for the service's own.
    :param names: the effects that there are, for the log.
    """

    error: ServiceError | None = None
    status: int | None = None
    delay_seconds: float = 0.0
    drops_answer: bool = False
    resets_connection: bool = False
    names: tuple[str, ...] = ()

    def before(self, entry: Entry, stopping: threading.Event) -> None:
        """Do what comes before the call.

        :param stopping: set when the server stops; it ends the delay.
        :raises NoAnswer: if the connection is to be reset.
        """
        entry.faults = self.names
        if self.delay_seconds:
            stopping.wait(self.delay_seconds)
        if self.resets_connection:
            entry.end(None)
            raise NoAnswer(reset=True)

    def after(self) -> None:
        """Do what comes after the call.

        :raises NoAnswer: if the connection is to be closed without the answer.
        """
        if self.drops_answer:
            raise NoAnswer(reset=False)


_NONE = CallEffects()


class Faults:
    """The rules in force.

    :param draw: gives a source of chance by a key, see :meth:`emulator.world.World.draw`.
    """

    def __init__(self, draw: Callable[..., Random]) -> None:
        self._draw = draw
        self._lock = threading.Lock()
        self._rules: list[Fault] = []
        self._added = 0

    def add(self, rule: Mapping[str, Any]) -> str:
        """Put a rule in force and give its id. The rule is the JSON of ``POST /_emulator/faults``.

        :raises ValueError: with one sentence if the rule is not understood.
        """
        fault = parse_fault(rule, self._added)
        with self._lock:
            self._added += 1
            self._rules.append(fault)
        return fault.id

    def list(self) -> list[dict[str, Any]]:
        """Give the rules in force, with what is left of them, how often each has matched and how often it struck."""
        with self._lock:
            return [fault.to_dict() for fault in self._rules if not fault.is_spent]

    def remove(self, identifier: str) -> None:
        """Lift one rule.

        :raises LookupError: if none in force has this id.
        """
        with self._lock:
            found = [fault for fault in self._rules if fault.id == identifier and not fault.is_spent]
            if not found:
                raise LookupError(f"faults: no rule in force has the id {identifier!r}")
            self._rules.remove(found[0])

    def clear(self) -> None:
        """Lift all rules, and count from the first again."""
        with self._lock:
            self._rules.clear()
            self._added = 0

    def state(self) -> tuple[int, Sequence[Fault]]:
        """Give what a snapshot keeps: the rules with what is left of them."""
        with self._lock:
            return self._added, copy.deepcopy(self._rules)

    def restore(self, state: tuple[int, Sequence[Fault]]) -> None:
        """Put the rules of a snapshot in the place of those in force."""
        with self._lock:
            self._added, self._rules = state[0], [*state[1]]

    def for_call(self, service: str, operation: str, caller: Caller) -> CallEffects:
        """Say what befalls a call; the first rule of each effect that strikes counts.

        :param service: the signing name of the service.
        """
        if not self._rules:
            return _NONE

        def first(effect: str) -> Any:
            return self._first(
                effect, lambda rule: rule.is_for_call(service, operation, caller.account, caller.access_key_id)
            )

        delay = first("delay_seconds")
        ends = ("reset_connection", "error", "drop_answer")
        end: tuple[str, Any] = next(
            ((effect, value) for effect in ends if (value := first(effect)) is not None), ("", {})
        )
        error = end[1] if end[0] == "error" else None
        return CallEffects(
            error=_as_error(error) if error else None,
            status=error.get("status") if error else None,
            delay_seconds=delay or 0.0,
            drops_answer=end[0] == "drop_answer",
            resets_connection=end[0] == "reset_connection",
            names=tuple(name for name in ("delay_seconds" if delay else "", end[0]) if name),
        )

    def for_execution(self, export: str, account: str, status: str) -> str | None:
        """Give the StatusReason if an execution of ``export`` is to fail here with ``status``."""
        value = self._first(
            "execution",
            lambda rule: (
                rule.export in (None, export) and rule.account in (None, account) and rule.value["status"] == status
            ),
        )
        return None if value is None else value.get("reason", "INTERNAL_FAILURE")

    def for_estimate(self, account: str) -> str | None:
        """Give the failureMessage if an estimate is to fail."""
        value = self._first("estimate", lambda rule: rule.account in (None, account))
        return None if value is None else value["failure_message"]

    def hides(self, operation: str, account: str, age: timedelta) -> bool:
        """Say whether ``operation`` is not to find something of the account's that is ``age`` old.

        AWS's reads lag behind its writes: what was just made can be missing for a while.
        """
        value = self._first(
            "hide_seconds",
            lambda rule: (
                rule.operation in ("*", operation)
                and rule.account in (None, account)
                and age.total_seconds() < rule.value
            ),
        )
        return value is not None

    def _first(self, effect: str, matches: Callable[[Fault], bool]) -> Any:
        """Give the value of the first rule of an effect that matches and strikes."""
        if not self._rules:
            return None
        with self._lock:
            for fault in self._rules:
                if fault.effect == effect and matches(fault) and fault.strikes(self._draw):
                    return fault.value
        return None


def _as_error(value: Mapping[str, Any]) -> ServiceError:
    error = ServiceError(value["code"], value.get("message", f"{value['code']} by a fault rule"))
    error.members.update({name: member for name, member in value.items() if name not in ("code", "message", "status")})
    return error
