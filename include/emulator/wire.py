"""AWS JSON as the service model describes it: reading requests, writing answers and errors.

Data Exports speaks JSON 1.1 with ISO 8601 timestamps and capitalised members, Pricing Calculator JSON 1.0 with
epoch seconds and camelCase: all of this comes from the two models, none of it is repeated here.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

from emulator.errors import ServiceError, invalid
from emulator.validation import RequestReader


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
        self.target_prefix: str = model.metadata["targetPrefix"]
        self._content_type = f"application/x-amz-json-{model.metadata['jsonVersion']}"

    def operation(self, name: str) -> OperationModel:
        """Find an operation's model.

        :raises ServiceError: ValidationException with reason ``unknownOperation``.
        """
        if name not in self._model.operation_names:
            raise invalid(f"Operation {name!r} is not one of this service", reason="unknownOperation")
        return self._model.operation_model(name)

    def request(self, operation: OperationModel, body: bytes) -> dict[str, Any]:
        """Read and check a request.

        :raises ServiceError: ValidationException, ``cannotParse`` or ``fieldValidationFailed`` with every field.
        """
        try:
            document = json.loads(body or b"{}")
        except ValueError:
            raise invalid("The request's body is not valid JSON", reason="cannotParse") from None
        reader = RequestReader()
        params: dict[str, Any] = reader.read(operation.input_shape, document)
        if reader.problems:
            details = "; ".join(f"{problem.name}: {problem.message}" for problem in reader.problems)
            plural = "error" if len(reader.problems) == 1 else "errors"
            raise invalid(f"{len(reader.problems)} validation {plural} detected: {details}", reader.problems)
        return params

    def answer(self, operation: OperationModel, output: dict[str, Any]) -> Answer:
        """Write a successful answer."""
        document = serialise(operation.output_shape, output) if operation.output_shape else {}
        return Answer(200, self._headers(), json.dumps(document).encode())

    def error(self, error: ServiceError) -> Answer:
        """Write an error, in its modelled shape if the service has one of this code."""
        shape = next((shape for shape in self._model.error_shapes if shape.name == error.code), None)
        status = 500 if error.code in self._server_faults else 400
        document: dict[str, Any] = {"__type": error.code}
        if shape is None:
            document["message"] = error.message
        else:
            values = {"message": error.message, **self._service_members(error), **error.members}
            document.update(serialise(shape, _fit(shape, values)))
        return Answer(status, self._headers(), json.dumps(document).encode(), error.code)

    def _service_members(self, error: ServiceError) -> dict[str, str]:
        """What every quota error of a service says of itself."""
        if error.code != "ServiceQuotaExceededException":
            return {}
        return {"serviceCode": self.target_prefix}

    def _headers(self) -> list[tuple[str, str]]:
        return [("Content-Type", self._content_type), ("x-amzn-RequestId", str(uuid.uuid4()))]


def serialise(shape: Shape, value: Any) -> Any:
    """Give ``value`` as JSON data in the shape's format. Members that are ``None`` are left out.

    :raises KeyError: if a structure has a member that the model does not know: a mistake of the emulator's.
    """
    if isinstance(shape, StructureShape):
        return {name: serialise(shape.members[name], member) for name, member in value.items() if member is not None}
    if shape.type_name == "list":
        return [serialise(shape.member, item) for item in value]
    if shape.type_name == "map":
        return {key: serialise(shape.value, item) for key, item in value.items()}
    if shape.type_name == "timestamp":
        return _timestamp(shape, value)
    return value


def _timestamp(shape: Shape, moment: datetime) -> str | float:
    """AWS's own samples carry three fractional digits or nine; the models' default format is epoch seconds."""
    if shape.serialization.get("timestampFormat") != "iso8601":
        return round(moment.timestamp(), 3)
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
