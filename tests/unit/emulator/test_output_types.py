"""Exports for Athena and for Redshift, and ZIP: the additional files, and where the manifest names them."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from urllib.parse import urlsplit

import pyarrow.parquet as pq
import pytest
import sqlglot
import yaml
from sqlglot import exp

from emulator.moto import storage
from emulator.moto.bucket_policy import delivery_policy

BUCKET = "finops-exports-111122223333"
HOUR = 3600
MONTH = "BILLING_PERIOD=2026-11"
ROOT = "exports/daily"
METADATA = f"{ROOT}/metadata/{MONTH}"
COLUMNS = "line_item_usage_start_date, line_item_unblended_cost, resource_tags, line_item_usage_type AS kind"
PAIRS = {
    "CUSTOM": ("TEXT_OR_CSV", "ZIP"),
    "ATHENA": ("PARQUET", "PARQUET"),
    "REDSHIFT": ("TEXT_OR_CSV", "GZIP"),
}


class Loader(yaml.SafeLoader):
    """Takes CloudFormation's short functions as their text."""


Loader.add_multi_constructor("!", lambda loader, tag, node: node.value)


@pytest.fixture
def deliver(emulator, exports, definition):
    """Create an export of an output type and let its first run end."""

    def make(kind, **settings):
        export = definition(**{"columns": COLUMNS, **settings})
        output = export["DestinationConfigurations"]["S3Destination"]["S3OutputConfigurations"]
        output["OutputType"] = kind
        output["Format"], output["Compression"] = PAIRS[kind]
        exports.create_export(Export=export)
        emulator.clock.advance(7 * HOUR)

    return make


@pytest.fixture
def read(s3):
    def get(place):
        key = urlsplit(place).path.lstrip("/") if place.startswith("s3://") else place
        return s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    return get


def statements(text, dialect):
    return [statement for statement in sqlglot.parse(text.decode(), dialect=dialect) if statement]


def test_a_custom_export_has_no_additional_files(deliver, keys, read_manifest):
    deliver("CUSTOM")
    assert "additionalOutputFiles" not in read_manifest(f"{METADATA}/daily-Manifest.json")
    assert {key.split("/")[2] for key in keys()} == {"data", "metadata"}


def test_zip_files_hold_one_csv_each(deliver, read, read_manifest):
    deliver("CUSTOM")
    uri = read_manifest(f"{METADATA}/daily-Manifest.json")["dataFiles"][0]
    archive = zipfile.ZipFile(io.BytesIO(read(uri)))
    assert (uri.endswith("/daily-00001.csv.zip"), archive.namelist()) == (True, ["daily-00001.csv"])
    header, first = list(csv.reader(io.TextIOWrapper(archive.open("daily-00001.csv"))))[:2]
    assert (header[3], len(first)) == ("kind", 4)


def test_athena_files_lie_where_aws_documents_them(deliver, keys, read_manifest):
    deliver("ATHENA")
    more = [
        f"{ROOT}/crawler-cfn.yml",
        f"{METADATA}/daily-create-table.sql",
        f"{ROOT}/execution_status/execution_status.snappy.parquet",
    ]
    manifest = read_manifest(f"{METADATA}/daily-Manifest.json")
    assert manifest["additionalOutputFiles"] == [f"s3://{BUCKET}/{key}" for key in more]
    assert set(more) <= set(keys())
    assert not {*more} & {urlsplit(uri).path for uri in manifest["dataFiles"]}


def test_athenas_table_has_the_columns_of_the_files(deliver, read, read_manifest):
    deliver("ATHENA")
    create, drop, add = statements(read(f"{METADATA}/daily-create-table.sql"), "athena")
    columns = {column.name: column.kind.sql("hive") for column in create.find(exp.Schema).expressions}
    assert columns == {
        "line_item_usage_start_date": "TIMESTAMP",
        "line_item_unblended_cost": "DOUBLE",
        "resource_tags": "MAP<STRING, STRING>",
        "kind": "STRING",
    }
    file = read(read_manifest(f"{METADATA}/daily-Manifest.json")["dataFiles"][0])
    assert list(columns) == pq.read_schema(io.BytesIO(file)).names
    assert create.find(exp.LocationProperty).this.name == f"s3://{BUCKET}/{ROOT}/data/"
    assert f"LOCATION 's3://{BUCKET}/{ROOT}/data/{MONTH}/'" in add.sql("athena")
    assert "DROP IF EXISTS PARTITION(`billing_period` = '2026-11')" in drop.sql("athena"), drop.sql("athena")


def test_athenas_partition_is_the_run_of_a_create_new_export(deliver, read, read_manifest):
    deliver("ATHENA", overwrite="CREATE_NEW_REPORT")
    folder = read_manifest(f"{METADATA}/daily-Manifest.json")["dataFiles"][0].rpartition("/")[0]
    text = read(f"{METADATA}/daily-create-table.sql").decode()
    dropped, added = text.index("DROP IF EXISTS PARTITION"), text.index("ADD PARTITION")
    assert text.rstrip().endswith(f"LOCATION '{folder}/';")
    assert dropped < added, "the partition of the run before must go, or the table stays with it for ever"
    description = yaml.load(read(f"{ROOT}/crawler-cfn.yml"), Loader)["Description"]
    assert "takes up all of them" in description, "the crawler's table has each cost once per run, and must say so"


@pytest.mark.parametrize(
    ("table", "columns", "partition", "key"),
    [
        ("COST_OPTIMIZATION_RECOMMENDATIONS", "recommendation_id", "date=2026-11-20", "date"),
        ("COST_AND_USAGE_DASHBOARD", "billing_period", MONTH, "billing_period_partition"),
    ],
)
def test_athenas_partition_is_named_as_no_column_is(deliver, read, table, columns, partition, key):
    deliver("ATHENA", table=table, columns=columns)
    text = read(f"{ROOT}/metadata/{partition}/daily-create-table.sql")
    assert len(statements(text, "athena")) == 3
    assert f"PARTITIONED BY (`{key}` string)" in text.decode()


def test_the_crawler_is_a_template_for_the_exports_folder(deliver, read):
    deliver("ATHENA")
    template = yaml.load(read(f"{ROOT}/crawler-cfn.yml"), Loader)
    assert template["Description"] == "Keeps the Athena table of the data export daily up to date."
    resources = template["Resources"]
    assert {name: resource["Type"] for name, resource in resources.items()} == {
        "AWSCURDatabase": "AWS::Glue::Database",
        "AWSCURCrawlerComponentFunction": "AWS::IAM::Role",
        "AWSCURCrawler": "AWS::Glue::Crawler",
        "AWSCURReportStatusTable": "AWS::Glue::Table",
    }
    targets = resources["AWSCURCrawler"]["Properties"]["Targets"]["S3Targets"]
    assert targets == [{"Path": f"s3://{BUCKET}/{ROOT}/data"}]


STATUS = f"{ROOT}/execution_status/execution_status.snappy.parquet"


def test_the_status_is_ready_after_a_delivery(deliver, read):
    deliver("ATHENA")
    assert pq.read_table(io.BytesIO(read(STATUS))).to_pylist() == [{"status": "READY"}]


def test_the_status_is_ready_after_a_delivery_that_failed_half_way(exports, s3, deliver, read):
    policy = delivery_policy(BUCKET, "111122223333")
    late = f"arn:aws:s3:::{BUCKET}/*-create-table.sql"
    policy["Statement"].append({"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": late})
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    deliver("ATHENA")
    assert exports.list_exports()["Exports"][0]["ExportStatus"]["StatusCode"] == "UNHEALTHY"
    status = pq.read_table(io.BytesIO(read(STATUS))).to_pylist()
    assert status == [{"status": "READY"}], "nothing is being written, and who waits for READY waits for hours"


def test_the_status_is_ready_after_the_export_was_deleted_half_way(monkeypatch, emulator, deliver, keys, read):
    book, put = emulator._world.exports, storage.put

    def put_and_delete(bucket, key, *rest):
        put(bucket, key, *rest)
        if "/data/" in key:
            for record in book.all():
                book.remove(record)

    monkeypatch.setattr(storage, "put", put_and_delete)
    deliver("ATHENA")
    assert not [key for key in keys() if key.endswith("-Manifest.json")]
    assert pq.read_table(io.BytesIO(read(STATUS))).to_pylist() == [{"status": "READY"}]


def test_redshifts_commands_load_exactly_the_delivered_files(deliver, read, read_manifest):
    deliver("REDSHIFT")
    manifest = read_manifest(f"{METADATA}/daily-Manifest.json")
    key = f"{METADATA}/daily-RedshiftCommands.sql"
    assert manifest["additionalOutputFiles"] == [f"s3://{BUCKET}/{key}"]
    create, delete, *copies = statements(read(key), "redshift")
    assert isinstance(create, exp.Create)
    assert isinstance(delete, exp.Delete)
    assert all(isinstance(copy, exp.Copy) for copy in copies)
    assert [copy.args["files"][0].name for copy in copies] == manifest["dataFiles"]
    columns = {column.name: column.kind.sql("redshift") for column in create.find(exp.Schema).expressions}
    assert columns == {
        "line_item_usage_start_date": "TIMESTAMP",
        "line_item_unblended_cost": "DOUBLE PRECISION",
        "resource_tags": "SUPER",
        "kind": "VARCHAR(4096)",
    }
