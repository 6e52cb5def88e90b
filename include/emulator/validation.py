"""Reads a request by its botocore shape and checks every trait of the model.

botocore checks hardly any of this before it sends: no maximum, no pattern, no enumeration, no union. AWS does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from botocore.model import Shape, StructureShape

from emulator.errors import FieldProblem


class RequestReader:
    """Turns a JSON document into Python values as its shape says, and collects everything that is wrong.

    Timestamps become aware datetimes in UTC. Members that the model does not know are dropped and a JSON
    ``null`` counts as absent, as AWS does it. After :meth:`read`, ``problems`` is empty or the request is invalid.
    """

    def __init__(self) -> None:
        self.problems: list[FieldProblem] = []
        self._readers: dict[str, Callable[[Any, Any, str], Any]] = {
            "structure": self._structure,
            "list": self._list,
            "map": self._map,
            "string": self._string,
            "integer": self._integer,
            "long": self._integer,
            "double": self._number,
            "float": self._number,
            "boolean": self._boolean,
            "timestamp": self._timestamp,
        }

    def read(self, shape: Shape, value: Any, path: str = "") -> Any:
        """Give ``value`` as Python data; ``path`` is the member's name in the problems."""
        return self._readers[shape.type_name](shape, value, path)

    def _problem(self, path: str, message: str) -> None:
        self.problems.append(FieldProblem(path or "request", message))

    def _structure(self, shape: StructureShape, value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            return self._mistyped(path, "an object", value)
        present = {name: member for name, member in value.items() if member is not None}
        for name in shape.required_members:
            if name not in present:
                self._problem(_join(path, name), "Member must not be null")
        known = {name: present[name] for name in shape.members if name in present}
        if shape.is_tagged_union and len(known) != 1:
            names = ", ".join(shape.members)
            self._problem(path, f"Exactly one of these members must be set: {names}")
        return {name: self.read(shape.members[name], member, _join(path, name)) for name, member in known.items()}

    def _list(self, shape: Any, value: Any, path: str) -> Any:
        if not isinstance(value, list):
            return self._mistyped(path, "a list", value)
        self._bounds(shape, len(value), path, "Member must have length")
        return [self.read(shape.member, item, f"{path}.{place}.member") for place, item in enumerate(value, 1)]

    def _map(self, shape: Any, value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            return self._mistyped(path, "an object", value)
        self._bounds(shape, len(value), path, "Member must have length")
        return {
            self.read(shape.key, key, f"{path}.key"): self.read(shape.value, item, f"{path}.{key}")
            for key, item in value.items()
            if item is not None
        }

    def _string(self, shape: Any, value: Any, path: str) -> Any:
        if not isinstance(value, str):
            return self._mistyped(path, "a string", value)
        self._bounds(shape, len(value), path, "Member must have length")
        pattern = shape.metadata.get("pattern")
        if pattern and not re.fullmatch(pattern, value):
            self._problem(path, f"Member must satisfy regular expression pattern: {pattern}")
        if shape.enum and value not in shape.enum:
            self._problem(path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
        return value

    def _integer(self, shape: Any, value: Any, path: str) -> Any:
        if isinstance(value, bool) or not isinstance(value, int):
            return self._mistyped(path, "an integer", value)
        self._bounds(shape, value, path, "Member must have value")
        return value

    def _number(self, shape: Any, value: Any, path: str) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return self._mistyped(path, "a number", value)
        self._bounds(shape, value, path, "Member must have value")
        return float(value)

    def _boolean(self, shape: Any, value: Any, path: str) -> Any:
        return value if isinstance(value, bool) else self._mistyped(path, "true or false", value)

    def _timestamp(self, shape: Any, value: Any, path: str) -> Any:
        try:
            if isinstance(value, str):
                moment = datetime.fromisoformat(value)
                return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
            if isinstance(value, int | float) and not isinstance(value, bool):
                return datetime.fromtimestamp(value, UTC)
        except (ValueError, OverflowError, OSError):
            pass
        return self._mistyped(path, "a timestamp", value)

    def _bounds(self, shape: Any, size: float, path: str, what: str) -> None:
        least, most = shape.metadata.get("min"), shape.metadata.get("max")
        if least is not None and size < least:
            self._problem(path, f"{what} greater than or equal to {least}")
        if most is not None and size > most:
            self._problem(path, f"{what} less than or equal to {most}")

    def _mistyped(self, path: str, wanted: str, value: Any) -> Any:
        """Note the problem; what it gives in the value's place is never used, since the request is refused."""
        self._problem(path, f"Member must be {wanted}, not {type(value).__name__}")
        return None


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
