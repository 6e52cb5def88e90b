"""Why Data Exports may not write to a bucket, and how long that is waited for."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from tests.unit.bcm.operators.support import calls, ensure
from tests.unit.bcm.support import MEMBER, MEMBER_BUCKET, PAYER, an_export

from bcm.exceptions import AwsRefusedError, BucketRefusedError
from bcm.hooks.bucket import delivery_policy, why_refused
from bcm.hooks.data_exports import BcmDataExportsHook
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


def test_a_wrong_region_is_named_at_once(emu: Emulator, client: Callable[..., Any], quick: list[float]) -> None:
    place = {"LocationConstraint": "eu-central-1"}
    client("s3").create_bucket(Bucket="far-away", CreateBucketConfiguration=place)
    with pytest.raises(BucketRefusedError, match=r"far-away is in region eu-central-1, not in us-east-1.*S3Region"):
        ensure(an_export(S3Bucket="far-away"))
    assert quick == [], "waiting cannot mend it"


class S3:
    """Answers HeadBucket with an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def head_bucket(self, **request: Any) -> None:
        raise self.error


def refusal(code: str, **headers: str) -> ClientError:
    response = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPHeaders": headers}}
    return ClientError(response, "HeadBucket")


@pytest.mark.parametrize(
    ("error", "said", "may_settle"),
    [
        (refusal("301", **{"x-amz-bucket-region": "eu-west-1"}), "is in region eu-west-1, not in us-east-1", False),
        (refusal("400", **{"x-amz-bucket-region": "eu-west-1"}), "is in region eu-west-1, not in us-east-1", False),
        (refusal("301"), "is in another region, not in us-east-1", False),
        (refusal("400"), "could not tell more: HeadBucket closed: AWS answered 400", True),
        (EndpointConnectionError(endpoint_url="https://s3"), "could not tell more: HeadBucket closed: Endpoint", True),
    ],
    ids=["301", "400 with region", "301 without region", "400", "no connection"],
)
def test_what_s3_says_of_a_bucket(error: Exception, said: str, may_settle: bool) -> None:
    destination = an_export(S3Bucket="closed")["DestinationConfigurations"]["S3Destination"]
    sentence, waits = why_refused(S3(error), destination, PAYER)
    assert said in sentence
    assert waits is may_settle


def test_the_policy_is_one_of_the_partition() -> None:
    text = json.dumps(delivery_policy("b", PAYER, "aws-cn", "cn-northwest-1"))
    assert "arn:aws:" not in text
    assert f"arn:aws-cn:bcm-data-exports:cn-northwest-1:{PAYER}:export/*" in text


def test_an_account_that_cannot_be_read_is_one_sentence(
    emu: Emulator, closed_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(hook: BcmDataExportsHook) -> str:
        raise refusal("AccessDenied")

    monkeypatch.setattr(BcmDataExportsHook, "account_id", property(fail))
    with pytest.raises(AwsRefusedError, match="GetCallerIdentity, to find out why the bucket was refused"):
        ensure(an_export(S3Bucket=closed_bucket))
