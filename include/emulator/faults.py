"""Misbehaviour on request: rules that make calls, executions and estimates go wrong."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from emulator.errors import ServiceError

_EXECUTION_STATUSES = ("QUERY_FAILURE", "DELIVERY_FAILURE")
_EXECUTION_REASONS = ("INSUFFICIENT_PERMISSION", "BILL_OWNER_CHANGED", "INTERNAL_FAILURE", "DEPRECATED")
_EFFECTS = ("error", "execution", "estimate", "delay_seconds", "drop_answer", "hide_seconds")
_CONDITIONS = ("operation", "account", "export", "times", "skip")


@dataclass
class Fault:
    """One rule. ``effect`` is one of ``error``, ``execution``, ``estimate``, ``delay_seconds``, ``drop_answer``.

    It applies to ``times`` matching calls (``None``: for ever) after the first ``skip`` have passed.
    """

    effect: str
    value: Any
    operation: str | None = None
    account: str | None = None
    export: str | None = None
    times: int | None = None
    skip: int = 0
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def strikes(self) -> bool:
        """Count one match, and say whether the rule applies to it."""
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is None:
            return True
        self.times -= 1
        return self.times >= 0

    def to_dict(self) -> dict[str, Any]:
        """Give the rule as the control API shows it; ``times`` and ``skip`` are what is left of them."""
        shown = {name: getattr(self, name) for name in ("id", *_CONDITIONS) if getattr(self, name) is not None}
        return {**shown, self.effect: self.value}


@dataclass(frozen=True)
class CallEffects:
    """What befalls one call."""

    error: ServiceError | None = None
    delay_seconds: float = 0.0
    drop_answer: bool = False


class Faults:
    """The rules in force."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Fault] = []

    def add(self, rule: Mapping[str, Any]) -> str:
        """Put a rule in force and give its id. The rule is the JSON of ``POST /_emulator/faults``.

        :raises ValueError: with one sentence if the rule is not understood.
        """
        fault = parse_fault(rule)
        with self._lock:
            self._rules.append(fault)
        return fault.id

    def list(self) -> list[dict[str, Any]]:
        """Give the rules in force."""
        with self._lock:
            return [fault.to_dict() for fault in self._rules if fault.times != 0]

    def clear(self) -> None:
        """Lift all rules."""
        with self._lock:
            self._rules.clear()

    def for_call(self, operation: str, account: str) -> CallEffects:
        """Say what befalls a call; the first rule of each kind that matches counts."""
        delay = self._first("delay_seconds", operation=operation, account=account)
        error = self._first("error", operation=operation, account=account)
        drop = None if error else self._first("drop_answer", operation=operation, account=account)
        return CallEffects(
            error=_as_error(error.value) if error else None,
            delay_seconds=float(delay.value) if delay else 0.0,
            drop_answer=drop is not None,
        )

    def for_execution(self, export: str, account: str, status: str) -> str | None:
        """Give the StatusReason if an execution of ``export`` is to fail here with ``status``."""
        fault = self._first("execution", export=export, account=account, status=status)
        return fault.value.get("reason", "INTERNAL_FAILURE") if fault else None

    def for_estimate(self, account: str) -> str | None:
        """Give the failureMessage if an estimate is to fail."""
        fault = self._first("estimate", account=account)
        return fault.value["failure_message"] if fault else None

    def hides(self, operation: str, account: str, age: timedelta) -> bool:
        """Say whether ``operation`` is not to find something of the account's that is ``age`` old.

        AWS's reads lag behind its writes: what was just made can be missing for a while.
        """
        with self._lock:
            return any(
                fault.effect == "hide_seconds"
                and age < timedelta(seconds=fault.value)
                and fault.account in (None, account)
                and fault.operation in ("*", operation)
                and fault.times != 0
                and fault.strikes()
                for fault in self._rules
            )

    def _first(
        self,
        effect: str,
        *,
        account: str,
        operation: str | None = None,
        export: str | None = None,
        status: str | None = None,
    ) -> Fault | None:
        with self._lock:
            for fault in self._rules:
                if (
                    fault.effect == effect
                    and fault.account in (None, account)
                    and (operation is None or fault.operation in ("*", operation))
                    and fault.export in (None, export)
                    and (status is None or fault.value["status"] == status)
                    and fault.times != 0
                    and fault.strikes()
                ):
                    return fault
        return None


def parse_fault(rule: Mapping[str, Any]) -> Fault:
    """Check a rule, see :meth:`Faults.add`."""
    unknown = sorted(set(rule) - {*_EFFECTS, *_CONDITIONS})
    if unknown:
        raise ValueError(f"fault: {unknown[0]!r} is not known; use {', '.join((*_CONDITIONS, *_EFFECTS))}")
    effects = [effect for effect in _EFFECTS if rule.get(effect)]
    if len(effects) != 1:
        raise ValueError(f"fault: give exactly one of {', '.join(_EFFECTS)}")
    effect, value = effects[0], rule[effects[0]]
    _check_effect(effect, value)
    if effect in ("error", "delay_seconds", "drop_answer", "hide_seconds") and not rule.get("operation"):
        raise ValueError(f'fault: {effect} needs an operation, e.g. "GetBillEstimate", or "*" for all')
    for name in ("times", "skip"):
        number = rule.get(name)
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 0):
            raise ValueError(f"fault: {name} must be a whole number, not {number!r}")
    conditions = {name: rule[name] for name in _CONDITIONS if rule.get(name) is not None}
    return Fault(effect=effect, value=value, **conditions)


def _check_effect(effect: str, value: Any) -> None:
    if effect == "error" and not (isinstance(value, Mapping) and isinstance(value.get("code"), str)):
        raise ValueError('fault: error must be an object with a code, e.g. {"code": "ThrottlingException"}')
    if effect == "execution":
        _check_execution(value)
    if effect == "estimate" and not (isinstance(value, Mapping) and value.get("failure_message")):
        raise ValueError("fault: estimate must be an object with a failure_message")
    if effect in ("delay_seconds", "hide_seconds") and (not isinstance(value, int | float) or value < 0):
        raise ValueError(f"fault: {effect} must be a number of seconds")


def _check_execution(value: Any) -> None:
    if not isinstance(value, Mapping) or value.get("status") not in _EXECUTION_STATUSES:
        raise ValueError(f"fault: execution needs a status, one of {', '.join(_EXECUTION_STATUSES)}")
    if value.get("reason", "INTERNAL_FAILURE") not in _EXECUTION_REASONS:
        raise ValueError(f"fault: an execution's reason is one of {', '.join(_EXECUTION_REASONS)}")


def _as_error(value: Mapping[str, Any]) -> ServiceError:
    members = {name: member for name, member in value.items() if name not in ("code", "message")}
    return ServiceError(value["code"], value.get("message", f"{value['code']} by a fault rule"), **members)
