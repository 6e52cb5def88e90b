"""Errors that AWS would answer with, and no answer at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FieldProblem:
    """One entry of a ValidationException's field list: the member's path and what is wrong with it."""

    name: str
    message: str


class ServiceError(Exception):
    """An error answer: its code, its message and further members of the modelled error shape.

    :param code: e.g. ``ResourceNotFoundException``; it need not be modelled (``ExpiredTokenException`` is not).
    :param members: named as in the Pricing Calculator's model (``resourceId``, ``retryAfterSeconds``); the wire
        format capitalises them where the service's model does, and leaves out what the model does not have.
    """

    def __init__(self, code: str, message: str, **members: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.members = members


def invalid(message: str, fields: Sequence[FieldProblem] = (), reason: str = "fieldValidationFailed") -> ServiceError:
    """A ValidationException. ``reason`` is one of the service's ValidationExceptionReason values."""
    members: dict[str, Any] = {"reason": reason}
    if fields:
        members["fields"] = [{"name": field.name, "message": field.message} for field in fields]
    return ServiceError("ValidationException", message, **members)


def invalid_field(name: str, message: str) -> ServiceError:
    """A ValidationException about one member of the request."""
    return invalid(f"1 validation error detected: {name}: {message}", [FieldProblem(name, message)])


def not_found(resource_type: str, resource_id: str) -> ServiceError:
    """A ResourceNotFoundException."""
    return ServiceError(
        "ResourceNotFoundException",
        f"{resource_type} {resource_id} was not found",
        resourceId=resource_id,
        resourceType=resource_type,
    )


def conflict(message: str, resource_type: str, resource_id: str) -> ServiceError:
    """A ConflictException (the Pricing Calculator's only)."""
    return ServiceError("ConflictException", message, resourceId=resource_id, resourceType=resource_type)


class NoAnswer(Exception):  # noqa: N818 - not an error: what a fault rule asked for
    """The application wants the connection ended without an answer: closed, or ``reset`` as TCP knows it."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__("reset" if reset else "closed")
        self.reset = reset
