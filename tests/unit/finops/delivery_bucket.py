"""A bucket that deliveries are put into, as AWS does it, for the tests of reading them."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from botocore.awsrequest import AWSResponse

OWNER = "444455556666"
NAME = "finops-focus-444455556666"
ARN = "arn:aws:bcm-data-exports:us-east-1:111122223333:export/focus-0f3e5a7c-1b2d-4c3e-8f90-123456789abc"
PERIOD = "2026-10"
DATA = f"exports/focus/data/BILLING_PERIOD={PERIOD}"
MANIFEST = f"exports/focus/metadata/BILLING_PERIOD={PERIOD}/focus-Manifest.json"
COLUMNS = ["BilledCost", "ServiceName"]
SUFFIX = {"PARQUET": "snappy.parquet", "TEXT_OR_CSV": "csv.gz"}


def content(format_: str, rows: int, columns: list[str] = COLUMNS) -> bytes:
    """Return a data file of this many rows."""
    table = pa.table({name: [f'{name}, "{row}"\n2' for row in range(rows)] for name in columns})
    if format_ == "TEXT_OR_CSV":
        line = ",".join(f'"{name}, ""1""\n2"' for name in columns)
        return gzip.compress("\n".join([",".join(columns), *[line] * rows]).encode() + b"\n")
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="snappy")
    return buffer.getvalue()


class Bucket:
    """The bucket, as AWS and as its reader. S3's own answer to an unexpected owner is added: moto ignores owners."""

    def __init__(self, s3: Any) -> None:
        self.s3 = s3
        self.s3.create_bucket(Bucket=NAME)
        self.requests: list[Any] = []
        self._listeners: list[tuple[str, Callable[..., Any]]] = []
        self.listen("before-send.s3", self._refuse_other_owners)

    def listen(self, event: str, handler: Callable[..., Any]) -> None:
        """Call a handler at a botocore event until the bucket is closed."""
        self._listeners.append((event, handler))
        self.s3.meta.events.register(event, handler)

    def close(self) -> None:
        """Delete the bucket and end the listening."""
        for event, handler in self._listeners:
            self.s3.meta.events.unregister(event, handler)
        for each in self.s3.list_objects_v2(Bucket=NAME).get("Contents", []):
            self.s3.delete_object(Bucket=NAME, Key=each["Key"])
        self.s3.delete_bucket(Bucket=NAME)

    def _refuse_other_owners(self, request: Any, **_: Any) -> AWSResponse | None:
        self.requests.append(request)
        owner = request.headers.get("x-amz-expected-bucket-owner")
        if owner in (None, OWNER, OWNER.encode()):
            return None
        body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        raw = io.BytesIO(body)
        raw.stream = lambda *_args, **_kwargs: iter([body])  # type: ignore[attr-defined]
        return AWSResponse(request.url, 403, {}, raw)

    def put(self, key: str, body: bytes) -> str:
        """Put an object and return its URI."""
        self.s3.put_object(Bucket=NAME, Key=key, Body=body)
        return f"s3://{NAME}/{key}"

    def deliver(
        self,
        format_: str = "PARQUET",
        files: tuple[bytes, ...] | None = None,
        *,
        execution_id: str = "run-1",
        run: str = "",
        period: str = PERIOD,
        **changes: Any,
    ) -> None:
        """Deliver files of 3 and 4 rows and their manifest; ``run`` is the folder of create-new mode."""
        bodies = (content(format_, 3), content(format_, 4)) if files is None else files
        folder = DATA.replace(PERIOD, period) + (f"/{run}" if run else "")
        uris = [
            self.put(f"{folder}/focus-{number:05d}.{SUFFIX[format_]}", body) for number, body in enumerate(bodies, 1)
        ]
        manifest = {
            "exportArn": ARN,
            "executionId": execution_id,
            "columns": [{"name": name, "type": "string"} for name in COLUMNS],
            "dataFiles": uris,
            **changes,
        }
        body = json.dumps({key: value for key, value in manifest.items() if value is not ...}).encode()
        key = MANIFEST.replace(PERIOD, period)
        if run:
            self.put(key.replace("focus-Manifest", f"{run}/focus-Manifest"), body)
        self.put(key, body)

    @staticmethod
    def where(format_: str = "PARQUET", **changes: Any) -> dict[str, Any]:
        """Return the arguments of ``find_delivery``."""
        return {
            "bucket": NAME,
            "bucket_owner": OWNER,
            "prefix": "exports",
            "export_name": "focus",
            "export_arn": ARN,
            "format": format_,
            "period": PERIOD,
            **changes,
        }
