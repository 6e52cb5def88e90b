"""The evaluator of bucket policies: who gets in, one statement at a time."""

from __future__ import annotations

import pytest

from emulator.moto.bucket_policy import delivery_policy, may_deliver

ACCOUNT = "111122223333"
EXPORT = f"arn:aws:bcm-data-exports:us-east-1:{ACCOUNT}:export/daily-1b2c"
OBJECT = "arn:aws:s3:::bucket/exports/daily/data"
SERVICE = {"Service": "bcm-data-exports.amazonaws.com"}


def statement(**changes):
    whole = {
        "Effect": "Allow",
        "Principal": SERVICE,
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::bucket/*",
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def allows(*statements):
    return may_deliver({"Statement": list(statements)}, OBJECT, EXPORT, ACCOUNT)


def test_the_documented_policy_lets_its_account_in():
    assert may_deliver(delivery_policy("bucket", ACCOUNT), OBJECT, EXPORT, ACCOUNT)


def test_the_documented_policy_keeps_other_accounts_out():
    other = EXPORT.replace(ACCOUNT, "999988887777")
    assert not may_deliver(delivery_policy("bucket", ACCOUNT), OBJECT, other, "999988887777")


def test_no_policy_lets_nobody_in():
    assert not may_deliver(None, OBJECT, EXPORT, ACCOUNT)


def test_one_statement_need_not_be_in_a_list():
    assert may_deliver({"Statement": statement()}, OBJECT, EXPORT, ACCOUNT)


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, True),
        ({"Effect": "Deny"}, False),
        ({"Principal": "*"}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"Service": ["billingreports.amazonaws.com", SERVICE["Service"]]}}, True),
        ({"Principal": {"Service": "billingreports.amazonaws.com"}}, False),
        ({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}, False),
        ({"Principal": None, "NotPrincipal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}, True),
        ({"Principal": None, "NotPrincipal": SERVICE}, False),
        ({"Action": "*"}, True),
        ({"Action": "s3:*"}, True),
        ({"Action": "S3:putobject"}, True),
        ({"Action": ["s3:GetObject", "s3:Put*"]}, True),
        ({"Action": "s3:GetObject"}, False),
        ({"Action": None, "NotAction": "s3:GetObject"}, True),
        ({"Action": None, "NotAction": "s3:Put*"}, False),
        ({"Resource": "*"}, True),
        ({"Resource": "arn:aws:s3:::bucket"}, False),
        ({"Resource": "arn:aws:s3:::bucket/exports/*"}, True),
        ({"Resource": "arn:aws:s3:::bucket/other/*"}, False),
        ({"Resource": "arn:aws:s3:::Bucket/*"}, False),
        ({"Resource": "arn:aws:s3:::bucke?/*"}, True),
        ({"Resource": None, "NotResource": "arn:aws:s3:::other/*"}, True),
    ],
)
def test_the_elements_of_a_statement(changes, allowed):
    assert allows(statement(**changes)) is allowed


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, True),
        ({"StringEquals": {"AWS:sourceaccount": ACCOUNT}}, True),
        ({"StringEquals": {"aws:SourceAccount": ["999988887777", ACCOUNT]}}, True),
        ({"StringEquals": {"aws:SourceAccount": "1111*"}}, False),
        ({"StringLike": {"aws:SourceAccount": "1111*"}}, True),
        ({"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}, False),
        ({"StringNotLike": {"aws:SourceAccount": "9*"}}, True),
        ({"StringEqualsIgnoreCase": {"aws:SourceAccount": ACCOUNT}}, True),
        ({"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}}, True),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:bcm-data-exports:us-east-1:{ACCOUNT}:export/*"}}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:*:bcm-data-exports:*:*:export/*"}}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:*"}}, False),
        ({"ArnEquals": {"aws:SourceArn": f"arn:aws:bcm-data-exports:us-east-1:{ACCOUNT}:export/daily-*"}}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:cur:us-east-1:*:definition/*"}}, False),
        ({"ArnNotLike": {"aws:SourceArn": "arn:aws:cur:us-east-1:*:definition/*"}}, True),
        (
            {
                "StringEquals": {"aws:SourceAccount": ACCOUNT},
                "ArnLike": {"aws:SourceArn": "arn:aws:bcm-data-exports:eu-west-1:*:export/*"},
            },
            False,
        ),
        ({"StringLike": {"aws:SourceAccount": ["9*", "*"]}}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
        ({"Bool": {"aws:SecureTransport": False}}, False),
        ({"Bool": {"aws:PrincipalIsAWSService": "true"}}, True),
        ({"StringEquals": {"aws:PrincipalServiceName": SERVICE["Service"]}}, True),
        ({"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}, True),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
        ({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, True),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, False),
        ({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}, True),
        ({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}, True),
        ({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}, True),
        ({"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-1"}}, True),
        ({"ForAnyValue:StringEquals": {"aws:SourceAccount": ACCOUNT}}, True),
        ({"Null": {"aws:PrincipalOrgID": "true"}}, True),
        ({"Null": {"aws:SourceArn": "true"}}, False),
        ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, False),
    ],
)
def test_the_conditions_of_a_statement(condition, holds):
    assert allows(statement(Condition=condition)) is holds


def test_a_deny_wins_over_an_allow():
    assert not allows(statement(), statement(Effect="Deny", Principal="*"))


def test_a_deny_for_others_does_not_matter():
    denied = statement(Effect="Deny", Condition={"StringNotEquals": {"aws:SourceAccount": ACCOUNT}})
    assert allows(statement(), denied)


def test_a_deny_of_requests_without_tls_does_not_matter():
    assert allows(statement(), statement(Effect="Deny", Condition={"Bool": {"aws:SecureTransport": "false"}}))


def test_a_deny_that_is_not_understood_denies():
    later = {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}
    assert not allows(statement(), statement(Effect="Deny", Condition=later))


def test_a_deny_for_the_service_by_what_it_is_not_denies():
    others = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert not allows(statement(), statement(Effect="Deny", Principal=None, NotPrincipal=others))


@pytest.mark.parametrize("changes", [{"Condition": "x"}, {"Condition": {"StringEquals": []}}, {"Action": 5}])
def test_what_is_no_policy_lets_nobody_in(changes):
    assert not allows(statement(**changes))
    assert not allows("statement")


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        ("arn:aws:s3:::bucket/*/daily/*", True),
        ("arn:aws:s3:::bucket/*data", True),
        ("*a*a*a", True),
        ("*d?ta", True),
        ("arn:aws:s3:::bucket/*/daily", False),
        ("arn:aws:s3:::bucket/exports", False),
        ("*data*data", False),
        ("*.*", False),
    ],
)
def test_wildcards(pattern, allowed):
    assert allows(statement(Resource=pattern)) is allowed


def test_a_pattern_that_nearly_matches_everywhere_takes_no_time():
    policy = {"Statement": statement(Resource="*a" * 40 + "b")}
    assert not may_deliver(policy, f"arn:aws:s3:::bucket/{'a' * 1000}", EXPORT, ACCOUNT)
