"""Publishing: the order of uploads, and what a reader can rely on."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from finops.publish import ReportsUriError, publish, read_json, split_uri, write_json

PREFIX = "s3://reports-bucket/reports/exports/cur2-daily/2026-10/exec-1"


@pytest.fixture
def s3(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="reports-bucket")
        yield client


@pytest.fixture
def folder(tmp_path):
    for name in ("index.html", "a.csv", "a.parquet"):
        (tmp_path / name).write_text(name)
    (tmp_path / "sub").mkdir()
    return tmp_path


def test_the_page_follows_the_tables_and_the_pointer_is_last(s3, folder):
    uris = publish(s3, folder, PREFIX, {"execution_id": "exec-1"})
    assert uris == [
        f"{PREFIX}/a.csv",
        f"{PREFIX}/a.parquet",
        f"{PREFIX}/index.html",
        "s3://reports-bucket/reports/exports/cur2-daily/2026-10/latest.json",
    ]


def test_content_types_let_a_browser_show_the_page(s3, folder):
    publish(s3, folder, PREFIX, None)
    answer = s3.get_object(Bucket="reports-bucket", Key="reports/exports/cur2-daily/2026-10/exec-1/index.html")
    assert answer["ContentType"] == "text/html; charset=utf-8"
    assert answer["Body"].read() == b"index.html"


def test_the_pointer_is_json_and_not_cached(s3, folder):
    publish(s3, folder, PREFIX + "/", {"execution_id": "exec-1"})
    answer = s3.get_object(Bucket="reports-bucket", Key="reports/exports/cur2-daily/2026-10/latest.json")
    assert json.loads(answer["Body"].read()) == {"execution_id": "exec-1"}
    assert answer["CacheControl"] == "no-cache"


def test_without_a_pointer_none_is_written(s3, folder):
    publish(s3, folder, PREFIX, None)
    listed = s3.list_objects_v2(Bucket="reports-bucket", Prefix="reports/exports/cur2-daily/2026-10/latest")
    assert listed["KeyCount"] == 0


class Recorder:
    """An S3 client that keeps what it is asked and refuses the call numbered `fail_at`."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.fail_at = fail_at
        self.calls: list[dict[str, object]] = []

    def put_object(self, **call: object) -> None:
        if len(self.calls) == self.fail_at:
            raise RuntimeError("refused")
        self.calls.append(call)


def test_a_failed_upload_leaves_the_pointer_alone(folder):
    recorder = Recorder(fail_at=2)
    with pytest.raises(RuntimeError, match="refused"):
        publish(recorder, folder, PREFIX, {"execution_id": "exec-1"})
    assert not any(str(call["Key"]).endswith("latest.json") for call in recorder.calls)


@pytest.mark.parametrize("act", [lambda s3, uri: read_json(s3, uri), lambda s3, uri: write_json(s3, uri, {})])
def test_a_bucket_that_is_missing_is_a_sentence(s3, act):
    with pytest.raises(ReportsUriError) as caught:
        act(s3, "s3://no-such-bucket/reports/latest.json")
    sentence = str(caught.value)
    assert sentence.startswith("finops_reports_uri: S3 refuses s3://no-such-bucket/reports/latest.json: NoSuchBucket")
    assert sentence.endswith("Create the bucket, or correct the Airflow Variable.")


def test_a_denied_upload_says_which_permissions_it_needs(folder):
    class Denied(Recorder):
        def put_object(self, **call: object) -> None:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "PutObject")

    with pytest.raises(ReportsUriError, match=r"AccessDenied.*s3:PutObject, s3:GetObject and s3:ListBucket"):
        publish(Denied(), folder, PREFIX, None)


def test_what_is_not_there_reads_as_nothing(s3):
    assert read_json(s3, f"{PREFIX}/latest.json") is None


@pytest.mark.parametrize("uri", ["https://bucket/key", "s3://bucket", "s3://bucket/", "bucket/key", ""])
def test_a_prefix_that_is_no_s3_uri_is_refused(uri):
    with pytest.raises(ReportsUriError, match="is no S3 URI with a prefix"):
        split_uri(uri)
