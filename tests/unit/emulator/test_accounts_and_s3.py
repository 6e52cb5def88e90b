"""Whose request it is, and S3 in front of moto."""

from __future__ import annotations

import urllib.request

import boto3
import pytest

PAYER, MEMBER = "111122223333", "444455556666"
BUCKET, MEMBER_BUCKET = "finops-exports-111122223333", "finops-focus-444455556666"
ROLE = f"arn:aws:iam::{MEMBER}:role/reader"


def keyed(emulator, service, key, token=None):
    return boto3.client(
        service,
        endpoint_url=emulator.url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key="x",
        aws_session_token=token,
    )


@pytest.mark.parametrize(
    ("key", "account"),
    [
        ("AKIADEMO111122223333", PAYER),
        ("AKIADEMO444455556666", MEMBER),
        ("AKIADEMO999988887777", "999988887777"),
        ("AKIAIOSFODNN7EXAMPLE", PAYER),
    ],
)
def test_the_key_says_whose_it_is(emulator, key, account):
    assert keyed(emulator, "sts", key).get_caller_identity()["Account"] == account


def test_an_assumed_role_belongs_to_the_roles_account(emulator, client):
    credentials = client("sts").assume_role(RoleArn=ROLE, RoleSessionName="test")["Credentials"]
    assumed = keyed(emulator, "sts", credentials["AccessKeyId"], credentials["SessionToken"])
    assert assumed.get_caller_identity()["Account"] == MEMBER


def test_the_key_of_a_user_belongs_to_the_users_account(emulator, client):
    iam = client("iam", MEMBER)
    iam.create_user(UserName="someone")
    key = iam.create_access_key(UserName="someone")["AccessKey"]["AccessKeyId"]
    assert keyed(emulator, "sts", key).get_caller_identity()["Account"] == MEMBER


def test_each_account_sees_its_own_buckets(client):
    names = [
        [bucket["Name"] for bucket in client("s3", account).list_buckets()["Buckets"]] for account in (PAYER, MEMBER)
    ]
    assert names == [[BUCKET], [MEMBER_BUCKET]]


def test_a_bucket_belongs_to_the_account_that_made_it(client, refused):
    client("s3", MEMBER).create_bucket(Bucket="made-here")
    answer = refused(client("s3").head_bucket, Bucket="made-here", ExpectedBucketOwner=PAYER)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("get_object", {"Key": "a"}),
        ("head_object", {"Key": "a"}),
        ("put_object", {"Key": "a", "Body": b"x"}),
        ("list_objects_v2", {}),
        ("get_bucket_policy", {}),
    ],
)
def test_a_wrong_expected_owner_is_denied(s3, refused, operation, params):
    answer = refused(getattr(s3, operation), Bucket=BUCKET, ExpectedBucketOwner=MEMBER, **params)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_the_denial_is_s3s_xml(s3, refused):
    answer = refused(s3.get_object, Bucket=BUCKET, Key="a", ExpectedBucketOwner=MEMBER)
    assert answer["Error"] == {"Code": "AccessDenied", "Message": "Access Denied"}


def test_the_right_expected_owner_gets_in(s3):
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"x", ExpectedBucketOwner=PAYER)
    assert s3.get_object(Bucket=BUCKET, Key="a", ExpectedBucketOwner=PAYER)["Body"].read() == b"x"


def test_the_source_of_a_copy_has_an_expected_owner_too(s3, refused):
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"x")
    source = {"Bucket": BUCKET, "Key": "a"}
    answer = refused(s3.copy_object, Bucket=BUCKET, Key="b", CopySource=source, ExpectedSourceBucketOwner=MEMBER)
    assert answer["code"] == "AccessDenied"


def test_large_objects_and_metadata_survive(s3):
    body = bytes(range(256)) * 40_000
    s3.put_object(Bucket=BUCKET, Key="dir/a b+ü", Body=body, Metadata={"my_key": "v"})
    read = s3.get_object(Bucket=BUCKET, Key="dir/a b+ü")
    assert (read["Body"].read() == body, read["Metadata"]) == (True, {"my_key": "v"})


def test_multipart_uploads_and_ranges_work(s3, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789" * 1_000_000)
    s3.upload_file(str(path), BUCKET, "big")
    assert s3.get_object(Bucket=BUCKET, Key="big", Range="bytes=5-9")["Body"].read() == b"56789"


def test_a_presigned_address_works(s3):
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"x")
    address = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "a"})
    with urllib.request.urlopen(address) as answer:
        assert answer.read() == b"x"


def test_moto_answers_for_other_services(client):
    assert client("secretsmanager").list_secrets()["SecretList"] == []
