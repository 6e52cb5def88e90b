"""Reads requests by their botocore shapes and checks every trait of the model.

botocore checks hardly any of this before it sends: no maximum, no pattern, no enumeration, no union. AWS does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from botocore.model import Shape

from emulator.protocol.errors import FieldProblem

Problems = list[FieldProblem]
Read = Callable[[Any, str, Problems], Any]

# What fits into the model's types where it names no bounds of its own.
_RANGES = {"integer": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}


class RequestReader:
    """Turns a service's JSON documents into Python values as its shapes say, and collects all that is wrong.

    Timestamps become aware datetimes in UTC. Members that the model does not know are dropped and a JSON ``null``
    counts as absent, as AWS does it. What a shape asks for is worked out once, when it is first read: botocore's
    own shapes look everything up again each time.
    """

    def __init__(self) -> None:
        self._readers: dict[str, Read] = {}
        self._makers: dict[str, Callable[[Any], Read]] = {
            "structure": self._structure,
            "list": self._list,
            "map": self._map,
            "string": _string,
            "integer": _integer,
            "long": _integer,
            "double": _number,
            "float": _number,
            "boolean": lambda _: _read_boolean,
            "timestamp": _timestamp,
        }

    def read(self, shape: Shape, value: Any) -> tuple[Any, Problems]:
        """Give ``value`` as Python data, and what is wrong with it: the data is of use only if nothing is."""
        problems: Problems = []
        return self._reader(shape)(value, "", problems), problems

    def _reader(self, shape: Shape) -> Read:
        if shape.name not in self._readers:
            self._readers[shape.name] = self._makers[shape.type_name](shape)
        return self._readers[shape.name]

    def _structure(self, shape: Any) -> Read:
        required = tuple(shape.required_members)
        is_union = shape.is_tagged_union
        members: dict[str, Read] = {}

        def read(value: Any, path: str, problems: Problems) -> Any:
            if not isinstance(value, dict):
                return _mistyped(path, "an object", value, problems)
            prefix = f"{path}." if path else ""
            taken = {
                name: reader(value[name], prefix + name, problems)
                for name, reader in members.items()
                if value.get(name) is not None
            }
            for name in required:
                if name not in taken:
                    problems.append(FieldProblem(prefix + name, "Member must not be null"))
            if is_union and len(taken) != 1:
                names = ", ".join(members)
                problems.append(FieldProblem(path, f"Exactly one of these members must be set: {names}"))
            return taken

        # Known before its members are: an expression holds expressions.
        self._readers[shape.name] = read
        members.update({name: self._reader(member) for name, member in shape.members.items()})
        return read

    def _list(self, shape: Any) -> Read:
        check = _bounds(shape, "Member must have length")
        reader = self._reader(shape.member)

        def read(value: Any, path: str, problems: Problems) -> Any:
            if not isinstance(value, list):
                return _mistyped(path, "a list", value, problems)
            if not check(len(value), path, problems):
                return None
            return [reader(item, f"{path}.{place}.member", problems) for place, item in enumerate(value, 1)]

        return read

    def _map(self, shape: Any) -> Read:
        check = _bounds(shape, "Member must have length")
        read_key, read_value = self._reader(shape.key), self._reader(shape.value)

        def read(value: Any, path: str, problems: Problems) -> Any:
            if not isinstance(value, dict):
                return _mistyped(path, "an object", value, problems)
            if not check(len(value), path, problems):
                return None
            return {
                read_key(key, f"{path}.key", problems): read_value(item, f"{path}.{key}", problems)
                for key, item in value.items()
                if item is not None
            }

        return read


def _string(shape: Any) -> Read:
    check = _bounds(shape, "Member must have length")
    pattern = shape.metadata.get("pattern", "")
    # As in Java, which AWS's services run on: \w, \d and \s are ASCII's.
    matches = re.compile(pattern, re.ASCII).fullmatch if pattern not in ("", "[\\S\\s]*") else None
    allowed = tuple(shape.enum) if shape.enum else ()

    def read(value: Any, path: str, problems: Problems) -> Any:
        if not isinstance(value, str):
            return _mistyped(path, "a string", value, problems)
        check(len(value), path, problems)
        if matches and not matches(value):
            problems.append(FieldProblem(path, f"Member must satisfy regular expression pattern: {pattern}"))
        if allowed and value not in allowed:
            problems.append(FieldProblem(path, f"Member must satisfy enum value set: [{', '.join(allowed)}]"))
        return value

    return read


def _integer(shape: Any) -> Read:
    check = _bounds(shape, "Member must have value")
    least, most = _RANGES[shape.type_name]

    def read(value: Any, path: str, problems: Problems) -> Any:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            return _mistyped(path, f"an {shape.type_name}", value, problems)
        check(value, path, problems)
        return value

    return read


def _number(shape: Any) -> Read:
    check = _bounds(shape, "Member must have value")

    def read(value: Any, path: str, problems: Problems) -> Any:
        number = _as_float(value)
        if number is None:
            return _mistyped(path, "a number", value, problems)
        check(number, path, problems)
        return number

    return read


def _as_float(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _read_boolean(value: Any, path: str, problems: Problems) -> Any:
    return value if isinstance(value, bool) else _mistyped(path, "true or false", value, problems)


def _timestamp(shape: Any) -> Read:
    """Epoch seconds, unless the model says ISO 8601: neither is taken for the other."""
    is_text = shape.serialization.get("timestampFormat") == "iso8601"
    wanted = "a timestamp in ISO 8601" if is_text else "a timestamp in epoch seconds"

    def read(value: Any, path: str, problems: Problems) -> Any:
        try:
            if is_text and isinstance(value, str):
                moment = datetime.fromisoformat(value)
                return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
            if not is_text and isinstance(value, int | float) and not isinstance(value, bool):
                return datetime.fromtimestamp(value, UTC)
        except (ValueError, OverflowError, OSError):
            pass
        return _mistyped(path, wanted, value, problems)

    return read


def _bounds(shape: Any, what: str) -> Callable[[float, str, Problems], bool]:
    least, most = shape.metadata.get("min", -math.inf), shape.metadata.get("max", math.inf)

    def check(size: float, path: str, problems: Problems) -> bool:
        if least <= size <= most:
            return True
        side = f"greater than or equal to {least}" if size < least else f"less than or equal to {most}"
        problems.append(FieldProblem(path, f"{what} {side}"))
        return False

    return check


def _mistyped(path: str, wanted: str, value: Any, problems: Problems) -> None:
    problems.append(FieldProblem(path, f"Member must be {wanted}, not {_SHOWN.get(type(value), 'of another type')}"))


_SHOWN = {dict: "an object", list: "a list", str: "a string", int: "a number", float: "a number", bool: "a boolean"}
