"""Why Data Exports may not write to a bucket, and how long that is waited for."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.bcm.operators.support import calls, ensure
from tests.unit.bcm.support import MEMBER, MEMBER_BUCKET, PAYER, an_export

from bcm.exceptions import (
    BucketRefusedError,
)
from bcm.hooks.bucket import delivery_policy
from bcm.operators import data_exports
from emulator.server import Emulator


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses cost nothing; gives the pauses that were made."""
    pauses: list[float] = []
    moment = 0.0

    def sleep(seconds: float) -> None:
        nonlocal moment
        pauses.append(seconds)
        moment += seconds

    monkeypatch.setattr(data_exports, "time", SimpleNamespace(sleep=sleep, monotonic=lambda: moment))
    return pauses


@pytest.fixture
def closed_bucket(client: Callable[..., Any]) -> str:
    """A bucket of the payer without a policy."""
    client("s3").create_bucket(Bucket="closed")
    return "closed"


def test_a_bucket_that_does_not_exist_is_named(emu: Emulator, quick: list[float]) -> None:
    with pytest.raises(BucketRefusedError, match="cur2-daily: bucket no-such-bucket does not exist"):
        ensure(an_export(S3Bucket="no-such-bucket"))
    assert quick == [], "waiting cannot mend it"


def test_a_bucket_of_another_account_needs_its_owner(emu: Emulator, exports: Any, quick: list[float]) -> None:
    with pytest.raises(BucketRefusedError, match=f"{MEMBER_BUCKET} .*S3BucketOwner"):
        ensure(an_export(S3Bucket=MEMBER_BUCKET))
    assert quick == []
    arn = ensure(an_export(S3Bucket=MEMBER_BUCKET, S3BucketOwner=MEMBER))
    assert exports.get_export(ExportArn=arn)["Export"]["Name"] == "cur2-daily"


def test_a_policy_that_refuses_is_answered_with_the_policy_to_put(
    emu: Emulator, client: Callable[..., Any], closed_bucket: str, quick: list[float]
) -> None:
    with pytest.raises(BucketRefusedError) as caught:
        ensure(an_export(S3Bucket=closed_bucket))
    assert sum(quick) == pytest.approx(data_exports.POLICY_SETTLES)
    sentence = str(caught.value)
    policy = json.loads(sentence[sentence.index("{") :])
    assert policy == delivery_policy(closed_bucket, PAYER)
    client("s3").put_bucket_policy(Bucket=closed_bucket, Policy=json.dumps(policy))
    assert ensure(an_export(S3Bucket=closed_bucket)), "the policy of the message must be one that AWS takes"


def test_a_policy_that_settles_later_is_waited_for(
    emu: Emulator, client: Callable[..., Any], closed_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def settle(_: float) -> None:
        policy = json.dumps(delivery_policy(closed_bucket, PAYER))
        client("s3").put_bucket_policy(Bucket=closed_bucket, Policy=policy)

    monkeypatch.setattr(data_exports, "time", SimpleNamespace(sleep=settle, monotonic=lambda: 0.0))
    ensure(an_export(S3Bucket=closed_bucket))
    assert calls(emu) == ["CreateExport"] * 2
