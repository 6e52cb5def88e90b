"""A running emulator per test, and clients for it."""

from __future__ import annotations

import copy
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.unit.emulator.held import Held

from emulator.pricing_calculator import history
from emulator.server import Emulator, running

PAYER = "111122223333"
MEMBER = "444455556666"
BUCKET = "finops-exports-111122223333"
MEMBER_BUCKET = "finops-focus-444455556666"

Client = Callable[..., Any]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with running(
        start="2026-11-20T06:00:00Z", rows=500, buckets=[f"{PAYER}/{BUCKET}", f"{MEMBER}/{MEMBER_BUCKET}"]
    ) as running_emulator:
        yield running_emulator


@pytest.fixture
def client(emulator: Emulator) -> Client:
    """``client(service, account=PAYER)``: a boto3 client that never retries."""

    def make(service: str, account: str = PAYER, **settings: Any) -> Any:
        return boto3.client(
            service,
            endpoint_url=emulator.url,
            region_name="us-east-1",
            aws_access_key_id=f"AKIADEMO{account}",
            aws_secret_access_key="x",
            config=Config(retries={"total_max_attempts": 1}, **settings),
        )

    return make


@pytest.fixture
def exports(client: Client) -> Any:
    return client("bcm-data-exports")


@pytest.fixture
def calculator(client: Client) -> Any:
    return client("bcm-pricing-calculator")


@pytest.fixture
def s3(client: Client) -> Any:
    return client("s3")


@pytest.fixture
def definition() -> Callable[..., dict[str, Any]]:
    """``definition(name=..., table=..., overwrite=..., bucket=..., owner=...)``: an Export to create."""

    def make(
        name: str = "daily",
        *,
        table: str = "COST_AND_USAGE_REPORT",
        columns: str = "line_item_usage_account_id, line_item_unblended_cost",
        overwrite: str = "OVERWRITE_REPORT",
        bucket: str = BUCKET,
        owner: str | None = None,
        properties: dict[str, str] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        export = {
            "Name": name,
            "DataQuery": {"QueryStatement": f"SELECT {columns} FROM {table}"},
            "DestinationConfigurations": {
                "S3Destination": {
                    "S3Bucket": bucket,
                    "S3Prefix": "exports",
                    "S3Region": "us-east-1",
                    "S3OutputConfigurations": {
                        "OutputType": "CUSTOM",
                        "Format": "PARQUET",
                        "Compression": "PARQUET",
                        "Overwrite": overwrite,
                    },
                }
            },
            "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
            **more,
        }
        if owner:
            export["DestinationConfigurations"]["S3Destination"]["S3BucketOwner"] = owner
        if properties is None and table == "COST_AND_USAGE_REPORT":
            properties = {"TIME_GRANULARITY": "DAILY"}
        if properties is not None:
            export["DataQuery"]["TableConfigurations"] = {table: properties}
        return copy.deepcopy(export)

    return make


@pytest.fixture
def read_manifest(s3: Any) -> Callable[..., dict[str, Any]]:
    """``read_manifest(key, bucket=BUCKET)``: a manifest as JSON."""

    def read(key: str, bucket: str = BUCKET) -> dict[str, Any]:
        return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    return read


@pytest.fixture
def keys(s3: Any) -> Callable[..., dict[str, int]]:
    """``keys(prefix="", bucket=BUCKET)``: the keys of a bucket with their sizes."""

    def listed(prefix: str = "", bucket: str = BUCKET) -> dict[str, int]:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", [])}

    return listed


@pytest.fixture
def refused() -> Callable[..., dict[str, Any]]:
    """``refused(call, **params)``: the error answer of a call that must not succeed, as botocore parsed it."""

    def call(operation: Callable[..., Any], **params: Any) -> dict[str, Any]:
        with pytest.raises(ClientError) as caught:
            operation(**params)
        return {**caught.value.response, "code": caught.value.response["Error"]["Code"]}

    return call


@pytest.fixture
def ask(emulator: Emulator) -> Callable[..., tuple[int, Any]]:
    """``ask(method, path, document=None)``: status and JSON answer of the control API."""

    def send(method: str, path: str, document: Any = None) -> tuple[int, Any]:
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"{emulator.url}/_emulator/{path}", body, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    return send


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    """The reading of a bill, held up."""
    held = Held(history._read)
    monkeypatch.setattr(history, "_read", held)
    monkeypatch.setattr(history, "_recent", {})
    yield held
    held.go_on.set()
