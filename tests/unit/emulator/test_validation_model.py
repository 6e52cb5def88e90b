"""Every trait of every member of every request is checked by the server, and what is refused changes nothing.

The requests are made from botocore's models: for each operation one that is valid, and from it one for each way to
break one trait of one member. They go over the wire as they are, since botocore itself would let most of them pass.
"""

from __future__ import annotations

import http.client
import json
import pickle
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from emulator.server import Emulator, running
from emulator.services import SERVICES

PAYER, BUCKET = "111122223333", "finops-exports-111122223333"
OPERATIONS = [
    pytest.param(service, name, id=f"{service.name}-{name}") for service in SERVICES for name in sorted(service.built)
]
SAMPLES = (
    "a",
    "1" * 12,
    "11111111-1111-1111-1111-111111111111",
    f"arn:aws:bcm-data-exports:us-east-1:{PAYER}:export/a",
    f"arn:aws:bcm-pricing-calculator:us-east-1:{PAYER}:bill-scenario/a",
    f"arn:aws:ce::{PAYER}:costcategory/11111111-1111-1111-1111-111111111111",
)
WRONG_TYPES: tuple[Any, ...] = (7, "seven", True, [], {})
RIGHT_TYPES = {"string": str, "structure": dict, "map": dict, "list": list, "boolean": bool}

# How many ways to break each kind of trait the two models give, and a little less.
FLOORS = {
    **{"type": 2000, "required": 270, "length": 200, "pattern": 290, "enum": 90, "range": 30, "union": 3},
    **{"list size": 28, "map size": 4, "key length": 13, "key pattern": 12},
}

Violation = tuple[str, str, Any]  # the kind of trait, the path of the member, the broken value


def sample(shape: Any, seen: tuple[str, ...] = ()) -> Any:
    """A valid value with every member set (of a union the first), down to where a shape repeats itself."""
    if shape.type_name == "structure":
        names = list(shape.members)[:1] if shape.is_tagged_union else list(shape.members)
        inner = (*seen, shape.name)
        return {name: sample(shape.members[name], inner) for name in names if _held(shape.members[name]) not in inner}
    if shape.type_name == "list":
        return [sample(shape.member, seen)]
    if shape.type_name == "map":
        return {"a": sample(shape.value, seen)}
    if shape.type_name in ("integer", "double", "timestamp"):
        return max(1, shape.metadata.get("min", 1))
    return shape.enum[0] if shape.enum else next(text for text in SAMPLES if _fits(shape, text))


def _held(shape: Any) -> str:
    return str(shape.member.name if shape.type_name == "list" else shape.name)


def _fits(shape: Any, text: str) -> bool:
    return _fits_length(shape, text) and re.fullmatch(shape.metadata.get("pattern", ".*"), text) is not None


def _fits_length(shape: Any, text: str) -> bool:
    return bool(shape.metadata.get("min", 0) <= len(text) <= shape.metadata.get("max", len(text)))


def violations(shape: Any, seen: tuple[str, ...] = ()) -> Iterator[Violation]:
    """Every way to break one trait of ``shape`` or of what it holds; a shape that holds itself is entered twice."""
    if seen.count(shape.name) > 1:
        return
    for wrong in WRONG_TYPES:
        if not _is_right_type(shape, wrong):
            yield "type", "", wrong
    makers = {"structure": _of_structure, "list": _of_list, "map": _of_map, "string": _of_string}
    if shape.type_name in makers:
        yield from makers[shape.type_name](shape, (*seen, shape.name))
    else:
        yield from _of_number(shape)


def _is_right_type(shape: Any, value: Any) -> bool:
    if shape.type_name in RIGHT_TYPES:
        return isinstance(value, RIGHT_TYPES[shape.type_name])
    return isinstance(value, int) and not isinstance(value, bool)


def _of_structure(shape: Any, seen: tuple[str, ...]) -> Iterator[Violation]:
    valid = {} if shape.is_tagged_union else sample(shape)
    for name in shape.required_members:
        yield "required", name, {other: value for other, value in valid.items() if other != name}
        yield "required", name, {**valid, name: None}
    for name, member in shape.members.items():
        for kind, path, broken in violations(member, seen):
            yield kind, _join(name, path), {**valid, name: broken}
    if shape.is_tagged_union:
        both = {name: sample(member) for name, member in list(shape.members.items())[:2]}
        yield from (("union", "", broken) for broken in ({}, both, {"noSuchMember": {}}))


def _of_list(shape: Any, seen: tuple[str, ...]) -> Iterator[Violation]:
    valid = sample(shape.member)
    yield from (("list size", "", [valid] * size) for size in _wrong_sizes(shape))
    for kind, path, broken in violations(shape.member, seen):
        yield kind, _join("2.member", path), [valid, broken]
    yield "type", "2.member", [valid, None]


def _of_map(shape: Any, seen: tuple[str, ...]) -> Iterator[Violation]:
    valid = sample(shape.value)
    yield from (("map size", "", {f"k{place}": valid for place in range(size)}) for size in _wrong_sizes(shape))
    for kind, _, broken in violations(shape.key, seen):
        if isinstance(broken, str):
            yield f"key {kind}", "key", {broken: valid}
    for kind, path, broken in violations(shape.value, seen):
        yield kind, _join("a", path), {"a": broken}


def _of_string(shape: Any, seen: tuple[str, ...]) -> Iterator[Violation]:
    yield from (("length", "", "a" * size) for size in _wrong_sizes(shape))
    if shape.metadata.get("pattern", "[\\S\\s]*") != "[\\S\\s]*":
        least = shape.metadata.get("min", 0)
        # Each is outside of every pattern; the last two would pass for letters and digits in Python.
        yield from (("pattern", "", character * max(1, least)) for character in ("\x00", "\u00e9", "\u0663"))
        good = sample(shape)
        if _fits_length(shape, good + "\x00"):
            yield "pattern", "", good + "\x00"
        if least == 0 and re.fullmatch(shape.metadata["pattern"], "") is None:
            yield "pattern", "", ""
    if shape.enum:
        yield from (("enum", "", broken) for broken in ("NO_SUCH_VALUE", shape.enum[0].lower(), ""))


def _of_number(shape: Any) -> Iterator[Violation]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    yield from (("range", "", value) for value in (least and least - 1, most and most + 1) if value is not None)
    beyond = {"integer": (2**31, 1.5), "double": (10**400,), "timestamp": (10**18, "2026-11-01T00:00:00Z")}
    yield from (("type", "", value) for value in beyond[shape.type_name])


def _wrong_sizes(shape: Any) -> list[int]:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    return [size for size in (least - 1, None if most is None else most + 1) if size is not None and size >= 0]


def _join(name: str, path: str) -> str:
    return f"{name}.{path}" if path else name


class Wire:
    """A connection to an emulator that has something to lose, and what is in it."""

    def __init__(self, emulator: Emulator) -> None:
        self._world = emulator._world
        self._connection = http.client.HTTPConnection(urlsplit(emulator.url).netloc, timeout=20)

    def post(self, service: Any, name: str, document: Any) -> tuple[int, dict[str, Any]]:
        """Send one request: status and body of the answer."""
        credential = f"AKIADEMO{PAYER}/20261120/us-east-1/{service.name}/aws4_request"
        headers = {
            "X-Amz-Target": f"{service.protocol.target_prefix}.{name}",
            "Content-Type": f"application/x-amz-json-{service.model.metadata['jsonVersion']}",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0",
        }
        self._connection.request("POST", "/", json.dumps(document).encode(), headers)
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())

    def state(self) -> bytes:
        """Everything that requests can change."""
        return pickle.dumps((self._world.exports, self._world.calculator))


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with running(start="2026-11-20T06:00:00Z", rows=100, buckets=[f"{PAYER}/{BUCKET}"]) as emulator:
        opened = Wire(emulator)
        exports, calculator = SERVICES
        output = {
            "OutputType": "CUSTOM",
            "Format": "PARQUET",
            "Compression": "PARQUET",
            "Overwrite": "OVERWRITE_REPORT",
        }
        place = {"S3Bucket": BUCKET, "S3Prefix": "", "S3Region": "us-east-1", "S3OutputConfigurations": output}
        export = {
            "Name": "a",
            "DataQuery": {"QueryStatement": "SELECT BilledCost FROM FOCUS_1_2_AWS"},
            "DestinationConfigurations": {"S3Destination": place},
            "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
        }
        assert opened.post(exports, "CreateExport", {"Export": export})[0] == 200
        assert opened.post(calculator, "CreateBillScenario", {"name": "a"})[0] == 200
        yield opened
        opened._connection.close()


@pytest.mark.parametrize(("service", "name"), OPERATIONS)
def test_a_request_with_every_member_set_is_valid(service: Any, name: str) -> None:
    operation = service.model.operation_model(name)
    document = sample(operation.input_shape)
    assert set(service.protocol.request(operation, json.dumps(document).encode())) == set(operation.input_shape.members)


@pytest.mark.parametrize(("service", "name"), OPERATIONS)
def test_each_broken_trait_is_refused_with_its_field_and_changes_nothing(wire: Wire, service: Any, name: str) -> None:
    before = wire.state()
    field_list, field_name, reason = (
        ("Fields", "Name", "Reason") if service.name == "bcm-data-exports" else ("fieldList", "name", "reason")
    )
    for kind, path, document in violations(service.model.operation_model(name).input_shape):
        if not isinstance(document, dict):
            continue  # the body itself: test_wire.py
        status, body = wire.post(service, name, document)
        got = (status, body["__type"], body.get(reason), {field[field_name] for field in body.get(field_list, [])})
        assert got == (400, "ValidationException", "fieldValidationFailed", {path}), f"{kind} of {path}"
        assert wire.state() == before, f"{kind} of {path} changed something"


@pytest.mark.parametrize(("service", "name"), OPERATIONS)
def test_members_that_the_model_does_not_know_are_ignored(service: Any, name: str) -> None:
    operation = service.model.operation_model(name)
    document = {**sample(operation.input_shape), "noSuchMember": {"a": [1]}}
    assert "noSuchMember" not in service.protocol.request(operation, json.dumps(document).encode())


def test_the_models_give_enough_to_break() -> None:
    counts = Counter(
        kind
        for service in SERVICES
        for name in service.model.operation_names
        for kind, _, document in violations(service.model.operation_model(name).input_shape)
        if isinstance(document, dict)
    )
    short = {kind: counts[kind] for kind, floor in FLOORS.items() if counts[kind] < floor}
    assert not short, f"fewer cases than the models gave in 2026: {short}"
