"""AWS is the emulator, in this process; connections come from the environment, so that the hooks are the real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.loaders import JSONFileLoader
from tests.unit.bcm.support import BUCKET, MEMBER, MEMBER_BUCKET, PAYER, connection

from emulator.server import Emulator, running


@pytest.fixture(scope="session", autouse=True)
def models_read_once() -> Iterator[None]:
    """Each session of botocore reads the same megabytes of JSON; here the first one does it for all.

    But for S3's, which each client changes: it takes the bucket out of the paths of the operations that it calls.
    """
    read, kept = JSONFileLoader.load_file, {}

    def load_file(self: JSONFileLoader, path: str) -> Any:
        if "/s3/" in path:
            return read(self, path)
        if path not in kept:
            kept[path] = read(self, path)
        return kept[path]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", load_file)
        yield


@pytest.fixture
def emu(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """An emulator, with connection ``aws_default`` of the payer."""
    with running(rows=100, buckets=[f"{PAYER}/{BUCKET}", f"{MEMBER}/{MEMBER_BUCKET}"]) as emulator:
        monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", connection(emulator.url))
        yield emulator


@pytest.fixture
def client(emu: Emulator) -> Callable[..., Any]:
    """Makes a boto3 client of a service, for the payer or another account: somebody who is not our code."""

    def make(service: str, account: str = PAYER) -> Any:
        return boto3.client(
            service,
            endpoint_url=emu.url,
            region_name="us-east-1",
            aws_access_key_id=f"AKIADEMO{account}",
            aws_secret_access_key="x",
            config=Config(retries={"total_max_attempts": 1}),
        )

    return make


@pytest.fixture
def exports(client: Callable[..., Any]) -> Any:
    """The payer's Data Exports."""
    return client("bcm-data-exports")


@pytest.fixture
def calculator(client: Callable[..., Any]) -> Any:
    """The payer's Pricing Calculator."""
    return client("bcm-pricing-calculator")
