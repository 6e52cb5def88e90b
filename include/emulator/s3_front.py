"""What the emulator does for S3 before moto: the bucket's expected owner, and names for the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from emulator import storage
from emulator.wire import Answer

_OBJECT = {"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
_BUCKET = {"GET": "ListObjects", "HEAD": "HeadBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}
_SUBRESOURCES = {
    "policy": "BucketPolicy",
    "versioning": "BucketVersioning",
    "tagging": "Tagging",
    "location": "BucketLocation",
    "acl": "Acl",
}
_VERBS = {"GET": "Get", "PUT": "Put", "DELETE": "Delete", "HEAD": "Head", "POST": "Post"}


def bucket_and_key(environ: Mapping[str, Any]) -> tuple[str, str]:
    """Read bucket and key from the path, or the bucket from the host if that names one."""
    path = environ.get("PATH_INFO", "").lstrip("/")
    label, dot, _ = environ.get("HTTP_HOST", "").partition(".")
    if dot and storage.owner(label) is not None:
        return label, path
    bucket, _, key = path.partition("/")
    return bucket, key


def operation(environ: Mapping[str, Any]) -> str:
    """Name an S3 operation for the log, for the calls that matter to exports; else the method and what it is on."""
    method: str = environ["REQUEST_METHOD"]
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    bucket, key = bucket_and_key(environ)
    for parameter, noun in _SUBRESOURCES.items():
        if parameter in query:
            return _VERBS.get(method, method) + noun
    if not bucket:
        return "ListBuckets"
    if key:
        return _object_operation(method, query, copied="HTTP_X_AMZ_COPY_SOURCE" in environ)
    if method == "POST":
        return "DeleteObjects" if "delete" in query else "PostObject"
    if method == "GET" and query.get("list-type") == ["2"]:
        return "ListObjectsV2"
    return _BUCKET.get(method, method)


def _object_operation(method: str, query: Mapping[str, Any], *, copied: bool) -> str:
    if "uploads" in query:
        return "CreateMultipartUpload"
    if "uploadId" in query:
        return {"PUT": "UploadPart", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"}.get(
            method, "ListParts"
        )
    return "CopyObject" if method == "PUT" and copied else _OBJECT.get(method, method)


def refuse_wrong_owner(environ: Mapping[str, Any]) -> Answer | None:
    """Answer AccessDenied if an expected bucket owner is not the owner. moto does not look at these headers.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """
    bucket, _ = bucket_and_key(environ)
    source = environ.get("HTTP_X_AMZ_COPY_SOURCE", "").lstrip("/").partition("/")[0]
    for name, header in (
        (bucket, "HTTP_X_AMZ_EXPECTED_BUCKET_OWNER"),
        (source, "HTTP_X_AMZ_SOURCE_EXPECTED_BUCKET_OWNER"),
    ):
        expected, actual = environ.get(header), storage.owner(name)
        if expected is not None and actual is not None and expected != actual:
            return error("AccessDenied", "Access Denied", status=403)
    return None


def error(code: str, message: str, status: int) -> Answer:
    """Write an error as S3 does."""
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{escape(code)}</Code>'
    body += f"<Message>{escape(message)}</Message></Error>"
    return Answer(status, [("Content-Type", "application/xml")], body.encode(), code)
