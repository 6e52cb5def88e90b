"""What lies in the bucket after a delivery."""

from __future__ import annotations

import gzip
import io
import time
from datetime import date, datetime
from urllib.parse import urlsplit

import pyarrow.parquet
import pytest
from moto.s3.models import s3_backends

MEMBER, MEMBER_BUCKET = "444455556666", "finops-focus-444455556666"
BUCKET = "finops-exports-111122223333"
HOUR, DAY = 3600, 86400
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


def test_columns_of_a_manifest_have_four_types(deliver, read_manifest):
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
    arn = deliver(properties={"TIME_GRANULARITY": "DAILY"}, columns="line_item_usage_start_date")
    emulator.clock.advance(3 * DAY)
    before = keys(f"exports/daily/data/{MONTH}")
    narrow = definition()
    narrow["DataQuery"]["QueryStatement"] = "SELECT line_item_usage_type FROM COST_AND_USAGE_REPORT LIMIT 1"
    exports.update_export(ExportArn=arn, Export=narrow)
    emulator.clock.advance(DAY)
    after = keys(f"exports/daily/data/{MONTH}")
    assert list(after) == list(before)
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
    ],
)
def test_every_table_has_its_partitions(deliver, keys, table, column, partition):
    deliver(table=table, columns=column)
    assert f"exports/daily/data/{partition}/daily-00001.snappy.parquet" in keys()


def test_in_the_first_two_weeks_the_closed_month_is_delivered_again(emulator, deliver, keys):
    emulator.clock.advance(13 * DAY)
    deliver()
    assert {key.split("/")[3] for key in keys()} == {"BILLING_PERIOD=2026-11", "BILLING_PERIOD=2026-12"}


def test_objects_carry_emulated_time(deliver, s3):
    deliver()
    assert s3.head_object(Bucket=BUCKET, Key=LATEST)["LastModified"].date() == date(2026, 11, 20)


def test_deliveries_come_with_nobody_asking(emulator, exports, definition):
    exports.create_export(Export=definition())
    emulator.clock.advance(7 * HOUR)
    keys = s3_backends["111122223333"]["aws"].buckets[BUCKET].keys
    deadline = time.monotonic() + 20
    while LATEST not in keys and time.monotonic() < deadline:
        time.sleep(0.02)
    assert LATEST in keys


def test_a_delivery_that_cannot_be_made_fails_the_execution(monkeypatch, caplog, emulator, deliver, exports):
    monkeypatch.setattr("emulator.writer.render", lambda *_: 1 / 0)
    arn = deliver()
    failed = exports.list_executions(ExportArn=arn)["Executions"][0]["ExecutionStatus"]
    assert (failed["StatusCode"], failed["StatusReason"]) == ("DELIVERY_FAILURE", "INTERNAL_FAILURE")
