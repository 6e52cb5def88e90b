"""Every bound of the models is refused on the server's side, and nothing happens: botocore would not have refused it.

The cases are enumerated from botocore's models, for the operations that the emulator carries out.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from emulator.errors import ServiceError
from emulator.services import SERVICES
from emulator.validation import RequestReader

BUILT = [(service, name) for service in SERVICES for name in sorted(service.built)]


def violations(shape, path="", seen=()):
    """Every way to break one trait below ``shape``: path, and a function that breaks a valid value there."""
    if shape.name in seen:
        return
    seen = (*seen, shape.name)
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            inner = f"{path}.{name}" if path else name
            if name in shape.required_members:
                yield inner, "missing", lambda value, name=name: {k: v for k, v in value.items() if k != name}
            for at, what, breaks in violations(member, inner, seen):
                if shape.is_tagged_union:
                    yield at, what, lambda _, name=name, breaks=breaks, member=member: {name: breaks(sample(member))}
                else:
                    yield at, what, lambda value, name=name, breaks=breaks: {**value, name: breaks(value[name])}
    elif shape.type_name == "list":
        yield from bounds(shape, path, lambda size: [sample(shape.member)] * size)
        for at, what, breaks in violations(shape.member, f"{path}.1.member", seen):
            yield at, what, lambda value, breaks=breaks: [breaks(value[0])]
    elif shape.type_name in ("string", "integer", "double"):
        yield from scalar_violations(shape, path)
    yield path, "mistyped", lambda value: object_of_another_type(shape)


def scalar_violations(shape, path):
    if shape.type_name == "string":
        yield from bounds(shape, path, lambda size: "a" * size)
        if shape.metadata.get("pattern") not in (None, "[\\S\\s]*"):
            yield path, "pattern", lambda value: "\x00" * max(1, shape.metadata.get("min", 1))
        if shape.enum:
            yield path, "enum", lambda value: "NO_SUCH_VALUE"
    else:
        yield from bounds(shape, path, lambda size: size)


def bounds(shape, path, make):
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least:
        yield path, "too small", lambda value: make(least - 1 if isinstance(least, int) else least / 2)
    if most is not None:
        yield path, "too large", lambda value: make(most + 1)


def object_of_another_type(shape):
    return 7 if shape.type_name in ("string", "structure", "list", "map", "boolean") else "seven"


def sample(shape, seen=()):
    """A valid value with every member set, down to where a shape repeats itself."""
    if shape.type_name == "structure":
        names = list(shape.members)[:1] if shape.is_tagged_union else shape.members
        return {
            name: sample(shape.members[name], (*seen, shape.name))
            for name in names
            if shape.members[name].name not in seen
        }
    if shape.type_name == "list":
        return [] if shape.member.name in seen else [sample(shape.member, seen)]
    if shape.type_name == "map":
        return {"a": sample(shape.value, seen)}
    if shape.type_name == "timestamp":
        return 1
    return sample_scalar(shape)


def sample_scalar(shape):
    if "enum" in shape.metadata:
        return shape.metadata["enum"][0]
    if shape.type_name in ("integer", "double"):
        return max(1, shape.metadata.get("min", 1))
    for text in ("a", "1" * 12, "11111111-1111-1111-1111-111111111111", *ARNS):
        reader = RequestReader()
        reader.read(shape, text)
        if not reader.problems:
            return text
    raise AssertionError(f"no sample for {shape}")


ARNS = (
    "arn:aws:bcm-data-exports:us-east-1:111122223333:export/a",
    "arn:aws:ce::111122223333:costcategory/11111111-1111-1111-1111-111111111111",
)
CASES = [
    pytest.param(service, name, at, what, breaks, id=f"{name}-{at}-{what}")
    for service, name in BUILT
    for at, what, breaks in violations(service.model.operation_model(name).input_shape)
    if at
]


def reader_problems(service, name, document):
    reader = RequestReader()
    reader.read(service.model.operation_model(name).input_shape, document)
    return [problem.name for problem in reader.problems]


@pytest.mark.parametrize(("service", "name"), BUILT, ids=[name for _, name in BUILT])
def test_a_valid_request_has_no_problems(service, name):
    assert reader_problems(service, name, sample(service.model.operation_model(name).input_shape)) == []


@pytest.mark.parametrize(("service", "name", "at", "what", "breaks"), CASES)
def test_a_broken_trait_is_reported_at_its_place(service, name, at, what, breaks):
    broken = breaks(sample(service.model.operation_model(name).input_shape))
    assert at in reader_problems(service, name, broken)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_body_that_is_no_json_cannot_be_parsed(service):
    operation = service.model.operation_model(sorted(service.built)[0])
    with pytest.raises(ServiceError) as caught:
        service.protocol.request(operation, b"{")
    assert caught.value.members["reason"] == "cannotParse"


@pytest.mark.parametrize("action", [{}, {"addSavingsPlanAction": {}, "negateSavingsPlanAction": {}}])
def test_a_union_has_exactly_one_member(action):
    service = next(service for service in SERVICES if service.name == "bcm-pricing-calculator")
    name = "BatchCreateBillScenarioCommitmentModification"
    document = sample(service.model.operation_model(name).input_shape)
    document["commitmentModifications"][0]["commitmentAction"] = action
    assert reader_problems(service, name, document) == ["commitmentModifications.1.member.commitmentAction"]


@pytest.mark.parametrize("value", [1795000000, 1795000000.0, "2026-11-18T11:06:40Z", "2026-11-18T11:06:40.000000000Z"])
def test_timestamps_are_read_in_both_formats(value):
    service = next(service for service in SERVICES if service.name == "bcm-pricing-calculator")
    shape = service.model.shape_for("Timestamp")
    assert RequestReader().read(shape, value) == datetime.fromtimestamp(1795000000, UTC)


def test_null_counts_as_absent_and_unknown_members_are_dropped():
    service = next(service for service in SERVICES if service.name == "bcm-data-exports")
    shape = service.model.operation_model("ListExports").input_shape
    reader = RequestReader()
    assert (reader.read(shape, {"MaxResults": None, "Other": 1}), reader.problems) == ({}, [])


def test_a_refused_request_changes_nothing(exports, definition, refused, emulator):
    answer = refused(exports.create_export, Export=definition("not valid!"))
    assert answer["Reason"] == "fieldValidationFailed"
    assert [field["Name"] for field in answer["Fields"]] == ["Export.Name"]
    assert exports.list_exports()["Exports"] == []


def test_every_wrong_field_is_named(exports, refused):
    answer = refused(exports.list_exports, MaxResults=301, NextToken="x" * 8193)
    assert {field["Name"] for field in answer["Fields"]} == {"MaxResults", "NextToken"}
