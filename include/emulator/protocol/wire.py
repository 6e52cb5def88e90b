"""AWS JSON as the service model describes it: reading requests, writing answers and errors.

Data Exports speaks JSON 1.1 with ISO 8601 timestamps and capitalised members, Pricing Calculator JSON 1.0 with
epoch seconds and camelCase: all of this comes from the two models, none of it is repeated here.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

from emulator.protocol.errors import FieldProblem, ServiceError, invalid
from emulator.protocol.validation import RequestReader

Write = Callable[[Any], Any]

# AWS names none of these limits. A body is far larger than any useful request, and nothing useful nests so deep.
LARGEST_BODY = 2**20
DEEPEST = 64
_SHOWN_PROBLEMS = 100
_LONGEST_MESSAGE = 1024  # GenericString's


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: status, headers, body, and the error's code if it is one."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    error: str | None = None


@cache
def load_description(service_name: str) -> dict[str, Any]:
    """Load botocore's own description of a service, e.g. ``bcm-data-exports``, as the JSON that it is."""
    description: dict[str, Any] = Loader().load_service_model(service_name, "service-2")
    return description


class JsonProtocol:
    """The AWS JSON protocol of one service."""

    def __init__(self, model: ServiceModel) -> None:
        self._model = model
        shapes = load_description(model.service_name)["shapes"]
        self._server_faults = {name for name, shape in shapes.items() if shape.get("fault")}
        self._errors = {shape.name: shape for shape in model.error_shapes}
        self._reader = RequestReader()
        self._writers: dict[str, Write] = {}
        self.target_prefix: str = model.metadata["targetPrefix"]
        self._content_type = f"application/x-amz-json-{model.metadata['jsonVersion']}"

    def operation(self, name: str) -> OperationModel:
        """Find an operation's model.

        :raises ServiceError: ValidationException with reason ``unknownOperation``.
        """
        if name not in self._model.operation_names:
            raise invalid(f"Operation {name!r} is not one of this service", reason="unknownOperation")
        return self._model.operation_model(name)

    def check_head(self, method: str, content_type: str) -> None:
        """Check what comes before the body: AWS JSON is posted, in one of its two versions.

        :raises ServiceError: ValidationException, ``unknownOperation`` or ``cannotParse``.
        """
        if method != "POST":
            raise invalid(f"Operations are called with POST, not {method}", reason="unknownOperation")
        if content_type.partition(";")[0].strip().lower() not in _CONTENT_TYPES:
            raise invalid(f"The content type must be {self._content_type}, not {content_type!r}", reason="cannotParse")

    def request(self, operation: OperationModel, body: bytes) -> dict[str, Any]:
        """Read and check a request.

        :raises ServiceError: ValidationException, ``cannotParse`` or ``fieldValidationFailed`` with every field.
        """
        params, problems = self._reader.read(operation.input_shape, _parse(body))
        if problems:
            raise _refusal(problems)
        checked: dict[str, Any] = params
        return checked

    def answer(self, operation: OperationModel, output: dict[str, Any]) -> Answer:
        """Write a successful answer. Members that are ``None`` are left out.

        :raises KeyError: if a structure has a member that the model does not know: a mistake of the emulator's.
        """
        document = self._writer(operation.output_shape)(output) if operation.output_shape else {}
        return Answer(200, self._headers(), json.dumps(document).encode())

    def error(self, error: ServiceError) -> Answer:
        """Write an error, in its modelled shape if the service has one of this code."""
        shape = self._errors.get(error.code)
        status = 500 if error.code in self._server_faults else 400
        document: dict[str, Any] = {"__type": error.code}
        if shape is None:
            document["message"] = error.message
        else:
            values = {"message": error.message, **self._service_members(error), **error.members}
            document.update(self._writer(shape)(_fit(shape, values)))
        return Answer(status, self._headers(), json.dumps(document).encode(), error.code)

    def _service_members(self, error: ServiceError) -> dict[str, str]:
        """What every quota error of a service says of itself."""
        if error.code != "ServiceQuotaExceededException":
            return {}
        return {"serviceCode": self.target_prefix}

    def _headers(self) -> list[tuple[str, str]]:
        return [("Content-Type", self._content_type), ("x-amzn-RequestId", str(uuid.uuid4()))]

    def _writer(self, shape: Shape) -> Write:
        """What turns a value into JSON data in the shape's format; worked out once, as the reader does it."""
        if shape.name not in self._writers:
            self._writers[shape.name] = self._make_writer(shape)
        return self._writers[shape.name]

    def _make_writer(self, shape: Any) -> Write:
        if isinstance(shape, StructureShape):
            members: dict[str, Write] = {}
            self._writers[shape.name] = _structure_writer(members)  # known before its members are, see the reader
            members.update({name: self._writer(member) for name, member in shape.members.items()})
            return self._writers[shape.name]
        if shape.type_name == "list":
            write_item = self._writer(shape.member)
            return lambda value: [write_item(item) for item in value]
        if shape.type_name == "map":
            write_value = self._writer(shape.value)
            return lambda value: {key: write_value(item) for key, item in value.items()}
        if shape.type_name == "timestamp":
            return _iso_8601 if shape.serialization.get("timestampFormat") == "iso8601" else _epoch_seconds
        return _as_it_is


_CONTENT_TYPES = ("application/x-amz-json-1.0", "application/x-amz-json-1.1")


def _parse(body: bytes) -> dict[str, Any]:
    """Read the body as one JSON object. Of two members with one name the last counts."""
    if len(body) > LARGEST_BODY:
        raise invalid(f"The request's body is larger than {LARGEST_BODY} bytes", reason="cannotParse")
    try:
        document = _DECODER.decode(body.decode() or "{}")
        if b"\\ud" in body.lower():  # half a surrogate pair is valid JSON and no text
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise invalid("The request's body is not valid JSON", reason="cannotParse") from None
    if not isinstance(document, dict):
        raise invalid("The request's body is not a JSON object", reason="cannotParse")
    if body.count(b"{") + body.count(b"[") > DEEPEST and _is_deep(document):
        raise invalid(f"The request's body nests deeper than {DEEPEST} levels", reason="cannotParse")
    return document


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def _is_deep(document: Any) -> bool:
    level = [document]
    for _ in range(DEEPEST):
        level = [
            item
            for holder in level
            for item in (holder.values() if isinstance(holder, dict) else holder)
            if isinstance(item, dict | list)
        ]
    return bool(level)


def _refusal(problems: list[FieldProblem]) -> ServiceError:
    plural = "error" if len(problems) == 1 else "errors"
    details = "; ".join(f"{problem.name}: {problem.message}" for problem in problems[:_SHOWN_PROBLEMS])
    message = f"{len(problems)} validation {plural} detected: {details}"
    return invalid(message[:_LONGEST_MESSAGE], problems[:_SHOWN_PROBLEMS])


def _structure_writer(members: dict[str, Write]) -> Write:
    return lambda value: {name: members[name](member) for name, member in value.items() if member is not None}


def _as_it_is(value: Any) -> Any:
    return value


def _epoch_seconds(moment: datetime) -> float:
    return round(moment.timestamp(), 3)


def _iso_8601(moment: datetime) -> str:
    """AWS's own samples carry three fractional digits or nine."""
    moment = moment.astimezone(UTC)
    digits = f"{moment.microsecond // 1000:03}" if moment.microsecond % 1000 == 0 else f"{moment.microsecond:06}000"
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{digits}Z"


def _fit(shape: StructureShape, values: dict[str, Any]) -> dict[str, Any]:
    """Name the values as the error's shape does, and drop what it does not have."""
    lowered = {name.lower(): value for name, value in values.items()}
    lowered["fieldlist"] = lowered.get("fields")
    fitted: dict[str, Any] = {}
    for name, member in shape.members.items():
        value = lowered.get(name.lower())
        if member.type_name == "list" and value is not None:
            value = [_fit(member.member, item) for item in value]
        fitted[name] = value
    return fitted
