"""What lies in the bucket after a delivery."""

from __future__ import annotations

import gzip
import io
import json
import threading
from datetime import date, datetime
from urllib.parse import urlsplit

import boto3
import pyarrow.parquet
import pytest

from emulator.moto import storage
from emulator.moto.bucket_policy import delivery_policy
from emulator.server import running

MEMBER, MEMBER_BUCKET = "444455556666", "finops-focus-444455556666"
BUCKET = "finops-exports-111122223333"
HOUR, DAY = 3600, 86400
HOURLY = {"TIME_GRANULARITY": "HOURLY"}
ENDED = ("DELIVERY_SUCCESS", "DELIVERY_FAILURE", "QUERY_FAILURE")
MONTH = "BILLING_PERIOD=2026-11"
LATEST = f"exports/daily/metadata/{MONTH}/daily-Manifest.json"


@pytest.fixture
def deliver(emulator, exports, definition):
    """Create an export and let its first run end; gives its ARN."""

    def make(**settings):
        arn = exports.create_export(Export=definition(**settings))["ExportArn"]
        emulator.clock.advance(7 * HOUR)
        return arn

    return make


@pytest.fixture
def rows(s3):
    def read(uri):
        place = urlsplit(uri)
        body = s3.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"].read()
        return pyarrow.parquet.read_table(io.BytesIO(body))

    return read


def test_overwriting_has_one_place_per_partition(deliver, keys):
    deliver()
    data = [key for key in keys() if "/data/" in key]
    assert data == [
        f"exports/daily/data/{MONTH}/daily-{number:05}.snappy.parquet" for number in range(1, len(data) + 1)
    ]
    assert [key for key in keys() if "/metadata/" in key] == [LATEST]


def test_the_manifest_names_export_execution_columns_and_files(deliver, exports, keys, read_manifest):
    arn = deliver()
    execution = exports.list_executions(ExportArn=arn)["Executions"][0]["ExecutionId"]
    assert read_manifest(LATEST) == {
        "exportArn": arn,
        "executionId": execution,
        "columns": [
            {"name": "line_item_usage_account_id", "type": "string"},
            {"name": "line_item_unblended_cost", "type": "double"},
        ],
        "dataFiles": [f"s3://{BUCKET}/{key}" for key in keys(f"exports/daily/data/{MONTH}")],
    }


def test_columns_of_a_manifest_have_types_in_one_word(deliver, read_manifest):
    deliver(columns="line_item_usage_start_date, resource_tags, discount, line_item_usage_type, line_item_usage_amount")
    types = [column["type"] for column in read_manifest(LATEST)["columns"]]
    assert types == ["timestamp", "map", "map", "string", "double"]


def test_the_files_hold_the_query(deliver, read_manifest, rows):
    deliver()
    table = rows(read_manifest(LATEST)["dataFiles"][0])
    assert (table.column_names, table.num_rows > 0) == (
        ["line_item_usage_account_id", "line_item_unblended_cost"],
        True,
    )


def test_surplus_chunks_are_blanked_and_not_in_the_manifest(
    emulator, deliver, exports, definition, keys, read_manifest
):
    arn = deliver(properties=HOURLY, columns="line_item_usage_start_date")
    emulator.clock.advance(3 * DAY)
    before = keys(f"exports/daily/data/{MONTH}")
    narrow = definition(properties=HOURLY)
    narrow["DataQuery"]["QueryStatement"] = "SELECT line_item_usage_type FROM COST_AND_USAGE_REPORT LIMIT 1"
    exports.update_export(ExportArn=arn, Export=narrow)
    emulator.clock.advance(DAY)
    after = keys(f"exports/daily/data/{MONTH}")
    assert list(after) == list(before)
    assert len(before) > 1
    assert [size == 0 for size in after.values()] == [False] + [True] * (len(before) - 1)
    assert len(read_manifest(LATEST)["dataFiles"]) == 1


def test_create_new_keeps_every_run(emulator, deliver, exports, keys, read_manifest):
    arn = deliver(overwrite="CREATE_NEW_REPORT")
    emulator.clock.advance(DAY)
    runs = [
        run["ExecutionId"]
        for run in exports.list_executions(ExportArn=arn)["Executions"]
        if run["ExecutionStatus"]["StatusCode"] == "DELIVERY_SUCCESS"
    ]
    folders = {key.split("/")[4] for key in keys(f"exports/daily/data/{MONTH}/")}
    assert {folder[25:] for folder in folders} == set(runs)
    assert len(runs) > 1


def test_create_new_writes_the_manifest_twice(deliver, keys, read_manifest):
    deliver(overwrite="CREATE_NEW_REPORT")
    manifests = [key for key in keys() if key.endswith("-Manifest.json")]
    assert len(manifests) == 2
    assert read_manifest(manifests[0]) == read_manifest(manifests[1])


def test_the_partitions_manifest_is_the_latest_runs(emulator, deliver, exports, read_manifest):
    arn = deliver(overwrite="CREATE_NEW_REPORT")
    emulator.clock.advance(DAY)
    latest = next(
        run["ExecutionId"]
        for run in exports.list_executions(ExportArn=arn)["Executions"]
        if run["ExecutionStatus"]["StatusCode"] == "DELIVERY_SUCCESS"
    )
    assert read_manifest(LATEST)["executionId"] == latest


def test_run_folders_are_named_by_time_and_execution(deliver, keys):
    deliver(overwrite="CREATE_NEW_REPORT")
    folder = next(iter(keys(f"exports/daily/data/{MONTH}/"))).split("/")[4]
    assert datetime.fromisoformat(folder[:24]).date() == date(2026, 11, 20)


def test_csv_is_gzipped_with_a_header(deliver, emulator, exports, definition, s3, read_manifest):
    export = definition()
    output = export["DestinationConfigurations"]["S3Destination"]["S3OutputConfigurations"]
    output.update(Format="TEXT_OR_CSV", Compression="GZIP")
    exports.create_export(Export=export)
    emulator.clock.advance(7 * HOUR)
    uri = read_manifest(LATEST)["dataFiles"][0]
    body = s3.get_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/"))["Body"].read()
    header = gzip.decompress(body).splitlines()[0]
    assert (uri.endswith("daily-00001.csv.gz"), header) == (
        True,
        b"line_item_usage_account_id,line_item_unblended_cost",
    )


def test_an_empty_prefix_leaves_no_unnamed_folder(emulator, exports, definition, keys):
    export = definition()
    export["DestinationConfigurations"]["S3Destination"]["S3Prefix"] = ""
    exports.create_export(Export=export)
    emulator.clock.advance(7 * HOUR)
    assert {key.split("/")[0] for key in keys()} == {"daily"}


def test_another_accounts_bucket_gets_the_delivery(deliver, client, keys):
    deliver(bucket=MEMBER_BUCKET, owner=MEMBER)
    assert LATEST in keys(bucket=MEMBER_BUCKET)


def test_a_query_without_rows_delivers_a_manifest_without_files(emulator, exports, definition, keys, read_manifest):
    export = definition()
    export["DataQuery"]["QueryStatement"] += " WHERE line_item_usage_account_id = 'nobody'"
    exports.create_export(Export=export)
    emulator.clock.advance(7 * HOUR)
    assert (list(keys()), read_manifest(LATEST)["dataFiles"]) == ([LATEST], [])


@pytest.mark.parametrize(
    ("table", "column", "partition"),
    [
        ("FOCUS_1_2_AWS", "BilledCost", MONTH),
        ("COST_OPTIMIZATION_RECOMMENDATIONS", "recommendation_id", "date=2026-11-20"),
        ("CARBON_EMISSIONS", "usage_account_id", "model_version=v3.0.0/usage_period=2026-10"),
    ],
)
def test_every_table_has_its_partitions(deliver, keys, monkeypatch, table, column, partition):
    monkeypatch.setattr("emulator.data_exports.executions._CARBON_BACKFILL_MONTHS", 1)  # each of 38 takes its time
    deliver(table=table, columns=column)
    assert f"exports/daily/data/{partition}/daily-00001.snappy.parquet" in keys()


def test_in_the_first_two_weeks_the_closed_month_is_delivered_again(emulator, deliver, keys):
    emulator.clock.advance(13 * DAY)
    deliver()
    assert {key.split("/")[3] for key in keys()} == {"BILLING_PERIOD=2026-11", "BILLING_PERIOD=2026-12"}


def test_objects_carry_emulated_time(deliver, s3):
    deliver()
    assert s3.head_object(Bucket=BUCKET, Key=LATEST)["LastModified"].date() == date(2026, 11, 20)


def test_deliveries_come_with_nobody_asking(emulator, exports, definition, monkeypatch):
    there, put = threading.Event(), storage.put

    def tell(bucket, key, *rest):
        put(bucket, key, *rest)
        if key == LATEST:
            there.set()

    monkeypatch.setattr(storage, "put", tell)
    exports.create_export(Export=definition())
    emulator.clock.advance(7 * HOUR)
    assert there.wait(20)


@pytest.fixture
def health(exports):
    def read(arn):
        status = exports.get_export(ExportArn=arn)["ExportStatus"]
        last = exports.list_executions(ExportArn=arn)["Executions"]
        ended = [each["ExecutionStatus"] for each in last if each["ExecutionStatus"]["StatusCode"] in ENDED]
        return status["StatusCode"], ended[0]["StatusCode"], ended[0].get("StatusReason")

    return read


@pytest.fixture
def policy(s3):
    """Put the documented policy with more statements."""

    def put(*more):
        document = delivery_policy(BUCKET, "111122223333")
        document["Statement"] += more
        s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(document))

    return put


@pytest.mark.parametrize("text", ["no policy", "[]", '{"Statement": "x"}'])
def test_a_policy_that_is_none_fails_the_delivery_and_nothing_else(emulator, deliver, s3, health, text):
    arn = deliver()
    s3.put_bucket_policy(Bucket=BUCKET, Policy=text)
    emulator.clock.advance(DAY)
    assert health(arn) == ("UNHEALTHY", "DELIVERY_FAILURE", "INSUFFICIENT_PERMISSION")


def denial(key):
    return {"Effect": "Deny", "Principal": "*", "Action": "s3:Put*", "Resource": f"arn:aws:s3:::{BUCKET}/{key}"}


def test_a_closed_bucket_fails_the_next_execution_and_an_opened_one_heals(emulator, deliver, s3, policy, health):
    arn = deliver()
    s3.delete_bucket_policy(Bucket=BUCKET)
    emulator.clock.advance(DAY)
    assert health(arn) == ("UNHEALTHY", "DELIVERY_FAILURE", "INSUFFICIENT_PERMISSION")
    policy()
    emulator.clock.advance(DAY)
    assert health(arn) == ("HEALTHY", "DELIVERY_SUCCESS", None)


@pytest.mark.parametrize("new_owner", [None, MEMBER])
def test_a_bucket_that_is_gone_or_anothers_fails_the_next_execution(
    emulator, exports, definition, client, s3, health, new_owner
):
    arn = exports.create_export(Export=definition())["ExportArn"]
    s3.delete_bucket(Bucket=BUCKET)
    if new_owner:
        theirs = client("s3", new_owner)
        theirs.create_bucket(Bucket=BUCKET)
        theirs.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(delivery_policy(BUCKET, "111122223333")))
    emulator.clock.advance(7 * HOUR)
    assert health(arn) == ("UNHEALTHY", "DELIVERY_FAILURE", "INSUFFICIENT_PERMISSION")


@pytest.mark.parametrize(
    ("denied", "left"), [("*/metadata/*", 0), ("*/daily-00001*", 0), ("*/daily-00002*", 1), ("*/other/*", None)]
)
def test_each_key_is_checked_and_a_refused_delivery_has_no_manifest(
    emulator, exports, definition, policy, keys, health, denied, left
):
    arn = exports.create_export(Export=definition(properties=HOURLY))["ExportArn"]
    policy(denial(denied))
    emulator.clock.advance(7 * HOUR)
    assert (health(arn)[0], LATEST in keys()) == (("UNHEALTHY", False) if left is not None else ("HEALTHY", True))
    assert left in (None, len(keys()))


def test_a_failed_run_of_a_create_new_export_leaves_the_latest_manifest(
    emulator, deliver, policy, exports, read_manifest
):
    deliver(overwrite="CREATE_NEW_REPORT", properties=HOURLY)
    before = read_manifest(LATEST)
    policy(denial("*/daily-00002*"))
    emulator.clock.advance(DAY)
    assert read_manifest(LATEST) == before


def test_a_members_export_shows_its_own_lines_only(definition):
    with running(start="2026-11-20T06:00:00Z", rows=2_000, buckets=[f"{MEMBER}/{MEMBER_BUCKET}"]) as emulator:
        place = {"endpoint_url": emulator.url, "region_name": "us-east-1"}
        member = boto3.Session(f"AKIADEMO{MEMBER}", "x")
        policy = json.dumps(delivery_policy(MEMBER_BUCKET, MEMBER))
        member.client("s3", **place).put_bucket_policy(Bucket=MEMBER_BUCKET, Policy=policy)
        member.client("bcm-data-exports", **place).create_export(Export=definition(bucket=MEMBER_BUCKET))
        emulator.clock.advance(7 * HOUR)
        key = f"exports/daily/data/{MONTH}/daily-00001.snappy.parquet"
        body = member.client("s3", **place).get_object(Bucket=MEMBER_BUCKET, Key=key)["Body"].read()
    table = pyarrow.parquet.read_table(io.BytesIO(body))
    assert set(table["line_item_usage_account_id"].to_pylist()) == {MEMBER}


def test_a_delivery_that_cannot_be_made_fails_the_execution(monkeypatch, caplog, emulator, deliver, exports):
    monkeypatch.setattr("emulator.files.writer.render", lambda *_: 1 / 0)
    arn = deliver()
    failed = exports.list_executions(ExportArn=arn)["Executions"][0]["ExecutionStatus"]
    assert (failed["StatusCode"], failed["StatusReason"]) == ("DELIVERY_FAILURE", "INTERNAL_FAILURE")
