"""Errors as the services behind moto write them: S3's XML, the query protocols' XML, JSON."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from emulator.protocol.errors import ServiceError
from emulator.protocol.wire import Answer

# The statuses that S3 and the query services give their common errors; every other is 400.
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
# https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
_STATUSES = {
    "AccessDenied": 403,
    "AccountProblem": 403,
    "AllAccessDisabled": 403,
    "InvalidAccessKeyId": 403,
    "InvalidClientTokenId": 403,
    "RequestTimeTooSkewed": 403,
    "SignatureDoesNotMatch": 403,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchUpload": 404,
    "MethodNotAllowed": 405,
    "OperationAborted": 409,
    "PreconditionFailed": 412,
    "InternalError": 500,
    "InternalFailure": 500,
    "InternalServerError": 500,
    "InternalServerException": 500,
    "NotImplemented": 501,
    "ServiceUnavailable": 503,
    "ServiceUnavailableException": 503,
    "SlowDown": 503,
}
_QUERY_STATUSES = {"ExpiredToken": 403, "ExpiredTokenException": 403}
_QUERY = "application/x-www-form-urlencoded"


def unknown_key(service: str, environ: Mapping[str, Any]) -> ServiceError:
    """Make the error for an access key that is nobody's, as a request's service names it.

    :param service: signing name.
    """
    if service == "s3":
        return ServiceError("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
    is_query = environ.get("CONTENT_TYPE", "").startswith(_QUERY)
    code = "InvalidClientTokenId" if is_query else "UnrecognizedClientException"
    return ServiceError(code, "The security token included in the request is invalid.")


def write_error(service: str, environ: Mapping[str, Any], error: ServiceError, status: int | None = None) -> Answer:
    """Write an error as the client of a request can read it.

    :param service: signing name; the rest of the form follows from how the client asked.
    :param status: HTTP status; the usual one of the error's code if ``None``.
    """
    request_id = str(uuid.uuid4())
    code, message = escape(error.code), escape(error.message)
    statuses = _STATUSES
    kind, headers = "text/xml", [("x-amzn-RequestId", request_id)]
    if service == "s3":
        kind, headers = "application/xml", [("x-amz-request-id", request_id)]
        body = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{request_id}</RequestId></Error>"
    elif service == "ec2":
        body = f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
        body += f"<RequestID>{request_id}</RequestID></Response>"
    elif environ.get("CONTENT_TYPE", "").startswith(_QUERY):
        statuses = {**_STATUSES, **_QUERY_STATUSES}
        fault = "Receiver" if (status or statuses.get(error.code, 400)) >= 500 else "Sender"
        body = f"<ErrorResponse><Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        body += f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    else:
        kind = environ.get("CONTENT_TYPE", "") if environ.get("HTTP_X_AMZ_TARGET") else "application/json"
        headers.append(("x-amzn-ErrorType", error.code))
        body = json.dumps({"__type": error.code, "message": error.message})
    if kind.endswith("xml"):
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
    if "retryAfterSeconds" in error.members:
        headers.append(("Retry-After", str(error.members["retryAfterSeconds"])))
    headers.insert(0, ("Content-Type", kind))
    return Answer(status or statuses.get(error.code, 400), headers, body.encode(), error.code)
