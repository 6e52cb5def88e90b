"""Whose request it is, and S3 in front of moto."""

from __future__ import annotations

import threading
import urllib.request

import boto3
import pytest

from emulator import accounts
from emulator.moto import state
from emulator.moto.s3_names import s3_operation

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
        ("ASIAIOSFODNN7EXAMPLE", PAYER),
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


@pytest.mark.parametrize(
    ("key", "arn"),
    [
        (f"AKIADEMO{PAYER}", f"arn:aws:iam::{PAYER}:user/moto"),
        (f"AKIADEMO{MEMBER}", f"arn:aws:iam::{MEMBER}:user/moto"),
        ("AKIAIOSFODNN7EXAMPLE", f"arn:aws:iam::{PAYER}:user/moto"),
    ],
)
def test_a_key_that_nobody_handed_out_is_a_users(emulator, key, arn):
    assert keyed(emulator, "sts", key).get_caller_identity()["Arn"] == arn


def test_the_log_names_the_role(emulator, client):
    credentials = client("sts").assume_role(RoleArn=ROLE, RoleSessionName="test")["Credentials"]
    assumed = keyed(emulator, "bcm-data-exports", credentials["AccessKeyId"], credentials["SessionToken"])
    assumed.list_exports()
    identity = keyed(emulator, "sts", credentials["AccessKeyId"], credentials["SessionToken"]).get_caller_identity()
    entry = emulator.requests("ListExports")[0]
    assert (entry["account"], entry["access_key_id"]) == (MEMBER, credentials["AccessKeyId"])
    assert entry["role"] == identity["Arn"] == f"arn:aws:sts::{MEMBER}:assumed-role/reader/test"


def test_the_log_names_no_role_for_a_users_key(emulator, exports):
    exports.list_exports()
    assert emulator.requests()[0]["role"] is None


def test_a_session_token_belongs_to_the_account_that_asked_for_it(emulator, client):
    credentials = client("sts", MEMBER).get_session_token()["Credentials"]
    session = keyed(emulator, "sts", credentials["AccessKeyId"], credentials["SessionToken"])
    assert session.get_caller_identity()["Account"] == MEMBER


@pytest.mark.parametrize(
    ("service", "call", "code", "status"),
    [
        ("bcm-data-exports", "list_exports", "UnrecognizedClientException", 400),
        ("bcm-pricing-calculator", "get_preferences", "UnrecognizedClientException", 400),
        ("secretsmanager", "list_secrets", "UnrecognizedClientException", 400),
        ("sts", "get_caller_identity", "InvalidClientTokenId", 403),
        ("iam", "list_users", "InvalidClientTokenId", 403),
        ("s3", "list_buckets", "InvalidAccessKeyId", 403),
    ],
)
def test_a_roles_key_is_refused_after_a_reset(emulator, client, refused, service, call, code, status):
    key = client("sts").assume_role(RoleArn=ROLE, RoleSessionName="test")["Credentials"]["AccessKeyId"]
    emulator.reset()
    answer = refused(getattr(keyed(emulator, service, key, "token"), call))
    assert (answer["code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status), "it became the payer's"
    assert [entry["error"] for entry in emulator.requests()] == [code]


def test_what_a_role_was_is_forgotten_at_a_reset(emulator, client, refused):
    credentials = client("sts").assume_role(RoleArn=ROLE, RoleSessionName="test")["Credentials"]
    assumed = keyed(emulator, "sts", credentials["AccessKeyId"], credentials["SessionToken"])
    assert assumed.get_caller_identity()["Account"] == MEMBER
    emulator.reset()
    assert refused(assumed.get_caller_identity)["code"] == "InvalidClientTokenId", "a member's role became the payer"


@pytest.mark.parametrize("was_used", [True, False])
@pytest.mark.parametrize("end", ["reset", "delete"])
def test_a_users_key_is_refused_when_it_is_gone(emulator, client, refused, end, was_used):
    iam = client("iam", MEMBER)
    iam.create_user(UserName="someone")
    key = iam.create_access_key(UserName="someone")["AccessKey"]["AccessKeyId"]
    users = keyed(emulator, "sts", key)
    if was_used:
        assert users.get_caller_identity()["Account"] == MEMBER
    if end == "reset":
        emulator.reset()
    else:
        iam.delete_access_key(UserName="someone", AccessKeyId=key)
    assert refused(users.get_caller_identity)["code"] == "InvalidClientTokenId", "a member's key became the payer's"


def asks(emulator, key, told):
    """A thread that asks whose a key is, and tells it."""
    signed = {"HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential={key}/20261120/us-east-1/sts/aws4_request, x"}
    return threading.Thread(target=lambda: told.append(emulator._world.keys.caller(signed)))


def test_whose_a_key_is_waits_for_a_restore_that_is_half_done(emulator, client, monkeypatch):
    key = client("sts").assume_role(RoleArn=ROLE, RoleSessionName="test")["Credentials"]["AccessKeyId"]
    emulator.snapshot("here")
    told = []
    asking = asks(emulator, key, told)

    def reset_model_data():
        asking.start()
        asking.join(0.3)

    monkeypatch.setattr(state, "reset_model_data", reset_model_data)
    emulator.restore("here")
    asking.join()
    assert (told[0].account, told[0].is_known) == (MEMBER, True), "a key that is valid before and after is nobody's"


def test_a_reset_waits_for_who_looks_a_key_up(emulator, client, monkeypatch):
    key = client("sts").assume_role(RoleArn=ROLE, RoleSessionName="test")["Credentials"]["AccessKeyId"]
    told, find, resetting = [], accounts._find, threading.Thread(target=emulator.reset)

    def find_slowly(key):
        found = find(key)
        resetting.start()
        resetting.join(0.3)
        return found

    monkeypatch.setattr(accounts, "_find", find_slowly)
    asks(emulator, key, told).run()
    resetting.join()
    monkeypatch.setattr(accounts, "_find", find)
    asks(emulator, key, told).run()
    assert [caller.is_known for caller in told] == [True, False], "a key that a reset ended is valid for ever"


@pytest.mark.parametrize(
    "environ",
    [
        {"HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential={key}/20261120/us-east-1/{service}/aws4_request, x"},
        {"QUERY_STRING": "X-Amz-Credential={key}%2F20261120%2Fus-east-1%2F{service}%2Faws4_request"},
        {"QUERY_STRING": "AWSAccessKeyId={key}"},
    ],
)
def test_a_key_and_a_service_without_end_are_not_read(emulator, environ):
    def caller(key, service):
        return emulator._world.keys.caller(
            {name: value.format(key=key, service=service) for name, value in environ.items()}
        )

    read = caller("A" * 128, "s3")
    assert (read.access_key_id, read.service) == ("A" * 128, "s3")
    assert caller("A" * 129, "s3").access_key_id is None, "a key of any length stays in the log"
    assert len(caller("A", "s" * 65).service or "") < 65, "a name of any length stays in the log"


def test_a_standalone_account_has_an_organisation_and_exports_of_its_own(emulator, client, exports, definition):
    other = "999988887777"
    client("s3", other).create_bucket(Bucket="standalone-bucket")
    policy = client("s3").get_bucket_policy(Bucket=BUCKET)["Policy"]
    policy = policy.replace(BUCKET, "standalone-bucket").replace(PAYER, other)
    client("s3", other).put_bucket_policy(Bucket="standalone-bucket", Policy=policy)
    standalone = client("bcm-data-exports", other)
    standalone.create_export(Export=definition(bucket="standalone-bucket"))
    assert (len(standalone.list_exports()["Exports"]), len(exports.list_exports()["Exports"])) == (1, 0)
    client("bcm-pricing-calculator", other).create_bill_scenario(name="alone")
    assert client("bcm-pricing-calculator").list_bill_scenarios()["items"] == []


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


@pytest.mark.parametrize(
    ("method", "path", "headers", "operation"),
    [
        ("GET", "/?x-id=ListBuckets", {}, "ListBuckets"),
        ("GET", "/b?list-type=2&prefix=x", {}, "ListObjectsV2"),
        ("GET", "/b?prefix=x", {}, "ListObjects"),
        ("GET", "/b?tagging", {}, "GetBucketTagging"),
        ("GET", "/b/k?tagging", {}, "GetObjectTagging"),
        ("GET", "/b?lifecycle", {}, "GetBucketLifecycleConfiguration"),
        ("GET", "/b?analytics&id=x", {}, "GetBucketAnalyticsConfiguration"),
        ("GET", "/b?analytics", {}, "ListBucketAnalyticsConfigurations"),
        ("HEAD", "/b", {}, "HeadBucket"),
        ("HEAD", "/b/k", {}, "HeadObject"),
        ("PUT", "/b/k", {}, "PutObject"),
        ("PUT", "/b/k", {"x-amz-copy-source": "/b/j"}, "CopyObject"),
        ("PUT", "/b/k?partNumber=1&uploadId=x", {}, "UploadPart"),
        ("PUT", "/b/k?partNumber=1&uploadId=x", {"x-amz-copy-source": "/b/j"}, "UploadPartCopy"),
        ("GET", "/b/k?uploadId=x", {}, "ListParts"),
        ("POST", "/b/k?uploads", {}, "CreateMultipartUpload"),
        ("POST", "/b?delete", {}, "DeleteObjects"),
        ("POST", "/b", {}, "PostObject"),
        ("PATCH", "/b", {}, "PATCH"),
    ],
)
def test_s3_operations_have_botocores_names(method, path, headers, operation):
    path, _, query = path.partition("?")
    bucket, _, key = path.strip("/").partition("/")
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    environ |= {"REQUEST_METHOD": method, "QUERY_STRING": query}
    assert s3_operation(environ, bucket, key) == operation


def test_moto_answers_for_other_services(client):
    assert client("secretsmanager").list_secrets()["SecretList"] == []
