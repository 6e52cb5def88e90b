"""Exports: created, echoed, updated, deleted, limited."""

from __future__ import annotations

import json
import pickle
import re
from itertools import product

import pytest

PAYER, MEMBER = "111122223333", "444455556666"
BUCKET, MEMBER_BUCKET = "finops-exports-111122223333", "finops-focus-444455556666"
FOCUS = {"table": "FOCUS_1_2_AWS", "columns": "BilledCost"}


def test_an_arn_holds_account_name_and_a_uuid(exports, definition):
    arn = exports.create_export(Export=definition("daily"))["ExportArn"]
    assert re.fullmatch(
        rf"arn:aws:bcm-data-exports:us-east-1:{PAYER}:export/daily-[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}",
        arn,
    )


def test_properties_that_nobody_sent_are_echoed(exports, definition):
    arn = exports.create_export(Export=definition(properties={"TIME_GRANULARITY": "DAILY"}))["ExportArn"]
    echoed = exports.get_export(ExportArn=arn)["Export"]["DataQuery"]["TableConfigurations"]["COST_AND_USAGE_REPORT"]
    assert echoed == {
        "TIME_GRANULARITY": "DAILY",
        "INCLUDE_RESOURCES": "FALSE",
        "INCLUDE_SPLIT_COST_ALLOCATION_DATA": "FALSE",
        "INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY": "FALSE",
        "BILLING_VIEW_ARN": f"arn:aws:billing::{PAYER}:billingview/primary",
    }


def test_a_table_without_properties_loses_an_empty_map(exports, definition):
    export = definition(table="CARBON_EMISSIONS", columns="usage_account_id", properties={})
    arn = exports.create_export(Export=export)["ExportArn"]
    assert "TableConfigurations" not in exports.get_export(ExportArn=arn)["Export"]["DataQuery"]


def test_a_new_export_is_healthy_and_never_refreshed(exports, definition):
    arn = exports.create_export(Export=definition())["ExportArn"]
    status = exports.get_export(ExportArn=arn)["ExportStatus"]
    assert (status["StatusCode"], status.get("LastRefreshedAt")) == ("HEALTHY", None)


def test_names_are_unique_within_an_account(exports, definition, refused):
    exports.create_export(Export=definition("daily"))
    assert refused(exports.create_export, Export=definition("daily"))["code"] == "ValidationException"


def test_another_account_may_use_the_name(client, exports, definition):
    exports.create_export(Export=definition("daily", **FOCUS))
    others = client("bcm-data-exports", MEMBER)
    _let_in(client("s3", MEMBER), MEMBER_BUCKET)
    others.create_export(Export=definition("daily", bucket=MEMBER_BUCKET, **FOCUS))
    assert len(others.list_exports()["Exports"]) == 1


def test_another_accounts_export_is_not_found(client, exports, definition, refused):
    arn = exports.create_export(Export=definition())["ExportArn"]
    assert refused(client("bcm-data-exports", MEMBER).get_export, ExportArn=arn)["code"] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("table", "columns", "quota"),
    [("COST_AND_USAGE_REPORT", "line_item_unblended_cost", 5), ("FOCUS_1_2_AWS", "BilledCost", 2)],
)
def test_each_table_has_its_quota(exports, definition, refused, table, columns, quota):
    for number in range(quota):
        exports.create_export(Export=definition(f"export-{number}", table=table, columns=columns))
    answer = refused(exports.create_export, Export=definition("one-more", table=table, columns=columns))
    assert answer["code"] == "ServiceQuotaExceededException"


def test_a_quota_error_names_quota_and_service(exports, definition, refused):
    for number in range(2):
        exports.create_export(Export=definition(f"export-{number}", **FOCUS))
    answer = refused(exports.create_export, Export=definition("third", **FOCUS))
    assert (answer["QuotaCode"], answer["ServiceCode"], answer["ResourceId"], answer["ResourceType"]) == (
        "exports-per-account-FOCUS_1_2_AWS",
        "AWSBillingAndCostManagementDataExports",
        "third",
        "Export",
    )


def test_a_deleted_export_no_longer_counts(exports, definition):
    for number in range(3):
        arn = exports.create_export(Export=definition(f"export-{number}", **FOCUS))["ExportArn"]
        exports.delete_export(ExportArn=arn)


def test_every_account_has_its_own_quota(client, exports, definition):
    _let_in(client("s3"), BUCKET)
    for account in (PAYER, MEMBER, "999999999999"):
        others = client("bcm-data-exports", account)
        for number in range(2):
            others.create_export(Export=definition(f"export-{number}", owner=PAYER, **FOCUS))


def test_tables_have_quotas_of_their_own(exports, definition):
    for number in range(2):
        exports.create_export(Export=definition(f"focus-{number}", **FOCUS))
    assert exports.create_export(Export=definition("cur"))["ExportArn"]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM COST_AND_USAGE_REPORT",
        "SELECT nothing FROM COST_AND_USAGE_REPORT",
        "SELECT line_item_unblended_cost FROM cost_and_usage_report",
        "SELECT Line_Item_Unblended_Cost FROM COST_AND_USAGE_REPORT",
        "SELECT sum(line_item_unblended_cost) FROM COST_AND_USAGE_REPORT",
    ],
)
def test_a_query_outside_the_subset_is_invalid(exports, definition, refused, statement):
    export = definition()
    export["DataQuery"]["QueryStatement"] = statement
    answer = refused(exports.create_export, Export=export)
    assert answer["Fields"][0]["Name"] == "Export.DataQuery.QueryStatement"


@pytest.mark.parametrize(
    ("selected", "message"),
    [
        ("nothing", "The columns in the query provided are not a subset of the table COST_AND_USAGE_REPORT"),
        (
            "line_item_resource_id",
            "The columns in the query provided are not a subset of the table COST_AND_USAGE_REPORT",
        ),
        ("line_item_unblended_cost AS a/b", "Invalid QueryStatement"),
    ],
)
def test_aws_says_no_more_of_a_query_than_this(exports, definition, refused, selected, message):
    assert refused(exports.create_export, Export=definition(columns=selected))["Error"]["Message"] == message


@pytest.mark.parametrize(
    "configurations",
    [
        {"COST_AND_USAGE_REPORT": {"TIME_GRANULARITY": "YEARLY"}},
        {"COST_AND_USAGE_REPORT": {"COLOUR": "RED"}},
        {"NO_SUCH_TABLE": {}},
    ],
)
def test_properties_must_be_the_tables(exports, definition, refused, configurations):
    export = definition()
    export["DataQuery"]["TableConfigurations"] = configurations
    answer = refused(exports.create_export, Export=export)
    assert answer["Fields"][0]["Name"] == "Export.DataQuery.TableConfigurations"


def test_properties_of_a_table_that_the_query_does_not_read_are_refused(exports, definition, refused):
    export = definition()
    export["DataQuery"]["TableConfigurations"] = {"FOCUS_1_2_AWS": {"TIME_GRANULARITY": "DAILY"}}
    assert refused(exports.create_export, Export=export)["code"] == "ValidationException"


@pytest.mark.parametrize(
    "view", ["", "primary", f"arn:aws:billing::{MEMBER}:billingview/primary", f"arn:aws:billing::{PAYER}:billingview/"]
)
def test_a_billing_view_that_is_not_the_accounts_is_denied(exports, definition, refused, view):
    export = definition(properties={"BILLING_VIEW_ARN": view})
    assert refused(exports.create_export, Export=export)["code"] == "AccessDeniedException"


OUTPUT_TYPES, FORMATS, COMPRESSIONS = (
    ("CUSTOM", "ATHENA", "REDSHIFT"),
    ("PARQUET", "TEXT_OR_CSV"),
    ("PARQUET", "GZIP", "ZIP"),
)
ACCEPTED_OUTPUTS = {
    ("CUSTOM", "PARQUET", "PARQUET"),
    ("CUSTOM", "TEXT_OR_CSV", "GZIP"),
    ("CUSTOM", "TEXT_OR_CSV", "ZIP"),
    ("ATHENA", "PARQUET", "PARQUET"),
    ("REDSHIFT", "TEXT_OR_CSV", "GZIP"),
}


@pytest.mark.parametrize("overwrite", ["OVERWRITE_REPORT", "CREATE_NEW_REPORT"])
@pytest.mark.parametrize("output", sorted(ACCEPTED_OUTPUTS))
def test_outputs_that_can_be_delivered_are_accepted(exports, definition, output, overwrite):
    arn = exports.create_export(Export=_with_output(definition(overwrite=overwrite), *output))["ExportArn"]
    echoed = exports.get_export(ExportArn=arn)["Export"]["DestinationConfigurations"]["S3Destination"]
    assert tuple(echoed["S3OutputConfigurations"].values()) == (*output, overwrite)


@pytest.mark.parametrize("output", sorted(set(product(OUTPUT_TYPES, FORMATS, COMPRESSIONS)) - ACCEPTED_OUTPUTS))
def test_other_outputs_are_refused(exports, definition, refused, output):
    answer = refused(exports.create_export, Export=_with_output(definition(), *output))
    assert answer["Fields"][0]["Name"].endswith("S3OutputConfigurations.Compression")


def test_an_update_replaces_every_field(exports, definition):
    arn = exports.create_export(Export=definition(Description="kept?"))["ExportArn"]
    exports.update_export(ExportArn=arn, Export=definition(columns="line_item_usage_type"))
    export = exports.get_export(ExportArn=arn)["Export"]
    assert ("Description" in export, "line_item_usage_type" in export["DataQuery"]["QueryStatement"]) == (False, True)


def test_table_properties_may_change(exports, definition):
    arn = exports.create_export(Export=definition())["ExportArn"]
    exports.update_export(ExportArn=arn, Export=definition(properties={"TIME_GRANULARITY": "MONTHLY"}))
    echoed = exports.get_export(ExportArn=arn)["Export"]["DataQuery"]["TableConfigurations"]["COST_AND_USAGE_REPORT"]
    assert echoed["TIME_GRANULARITY"] == "MONTHLY"


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        FOCUS,
        {"overwrite": "CREATE_NEW_REPORT"},
        {"properties": {"BILLING_VIEW_ARN": f"arn:aws:billing::{PAYER}:billingview/custom"}},
        {"properties": {"BILLING_VIEW_ARN": ""}},
    ],
    ids=["name", "table", "overwrite", "billing view", "no billing view"],
)
def test_what_must_not_change(exports, definition, refused, change):
    arn = exports.create_export(Export=definition())["ExportArn"]
    answer = refused(exports.update_export, ExportArn=arn, Export=definition(**change))
    assert answer["code"] == "ValidationException", "UpdateExport's model has no other error for this"


def test_create_new_may_become_overwrite(exports, definition):
    arn = exports.create_export(Export=definition(overwrite="CREATE_NEW_REPORT"))["ExportArn"]
    assert exports.update_export(ExportArn=arn, Export=definition())["ExportArn"] == arn


def test_a_refused_update_changes_nothing(exports, definition, refused):
    arn = exports.create_export(Export=definition())["ExportArn"]
    before = exports.get_export(ExportArn=arn)["Export"]
    refused(exports.update_export, ExportArn=arn, Export=definition(name="other", columns="line_item_usage_type"))
    assert exports.get_export(ExportArn=arn)["Export"] == before


REFUSED = {
    "name taken": {"name": "taken"},
    "quota": {"table": "FOCUS_1_0_AWS", "columns": "BilledCost"},
    "query": {"columns": "*"},
    "column": {"columns": "nothing"},
    "property": {"properties": {"COLOUR": "RED"}},
    "billing view": {"properties": {"BILLING_VIEW_ARN": ""}},
    "bucket": {"bucket": "no-such-bucket"},
    "owner": {"owner": MEMBER},
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED.keys())
def test_a_refused_create_changes_nothing(emulator, exports, definition, refused, change):
    exports.create_export(Export=definition("taken"))
    for number in range(2):
        exports.create_export(Export=definition(f"full-{number}", table="FOCUS_1_0_AWS", columns="BilledCost"))
    before = pickle.dumps(emulator._world.exports)
    refused(exports.create_export, Export=definition(**change), ResourceTags=[{"Key": "a", "Value": "b"}])
    assert pickle.dumps(emulator._world.exports) == before


def test_a_deleted_export_is_gone_and_its_name_free(exports, definition, refused):
    arn = exports.create_export(Export=definition())["ExportArn"]
    exports.delete_export(ExportArn=arn)
    assert refused(exports.get_export, ExportArn=arn)["ResourceType"] == "Export"
    assert exports.create_export(Export=definition())["ExportArn"] != arn


NEWBORN_CALLS = [
    ("get_export", {}),
    ("list_executions", {}),
    ("get_execution", {"ExecutionId": "any"}),
    ("delete_export", {}),
]


@pytest.mark.parametrize(("name", "params"), NEWBORN_CALLS)
def test_a_newborn_is_not_found_on_demand(emulator, exports, definition, refused, name, params):
    emulator.faults.add({"operation": "*", "hide_seconds": 60})
    arn = exports.create_export(Export=definition())["ExportArn"]
    answer = refused(getattr(exports, name), ExportArn=arn, **params)
    assert (answer["code"], answer["ResourceType"]) == ("ResourceNotFoundException", "Export")


def test_a_newborn_is_found_when_its_time_is_up(emulator, exports, definition):
    emulator.faults.add({"operation": "GetExport", "hide_seconds": 60})
    arn = exports.create_export(Export=definition())["ExportArn"]
    emulator.clock.advance(61)
    assert exports.get_export(ExportArn=arn)["Export"]["ExportArn"] == arn


def test_a_newborn_is_listed(emulator, exports, definition):
    emulator.faults.add({"operation": "*", "hide_seconds": 60})
    exports.create_export(Export=definition())
    assert len(exports.list_exports()["Exports"]) == 1


def test_a_newborn_cannot_be_updated(emulator, exports, definition, refused):
    emulator.faults.add({"operation": "UpdateExport", "hide_seconds": 60})
    arn = exports.create_export(Export=definition())["ExportArn"]
    answer = refused(exports.update_export, ExportArn=arn, Export=definition(Description="new"))
    assert answer["code"] == "ResourceNotFoundException"


def test_exports_are_listed_in_pages(exports, definition):
    for number in range(3):
        exports.create_export(Export=definition(f"export-{number}"))
    first = exports.list_exports(MaxResults=2)
    rest = exports.list_exports(MaxResults=2, NextToken=first["NextToken"])
    names = [entry["ExportName"] for entry in first["Exports"] + rest["Exports"]]
    assert (names, "NextToken" in rest) == (["export-0", "export-1", "export-2"], False)


def test_tables_are_listed_with_their_properties(exports):
    tables = {table["TableName"]: table for table in exports.list_tables()["Tables"]}
    granularity = tables["COST_AND_USAGE_REPORT"]["TableProperties"][0]
    assert (granularity["Name"], granularity["DefaultValue"]) == ("TIME_GRANULARITY", "HOURLY")


def test_a_table_is_described_under_its_properties(exports):
    def columns(**properties):
        table = exports.get_table(TableName="COST_AND_USAGE_REPORT", TableProperties=properties)
        return {column["Name"] for column in table["Schema"]}

    assert columns(INCLUDE_RESOURCES="TRUE") - columns() == {"line_item_resource_id"}


def test_types_are_capitalised_as_in_awss_sample(exports):
    types = {column["Type"] for column in exports.get_table(TableName="COST_AND_USAGE_REPORT")["Schema"]}
    assert types == {"String", "Double", "Timestamp", "Map<string,string>", "Map<string,double>"}


def test_an_unknown_table_is_invalid(exports, refused):
    assert refused(exports.get_table, TableName="NONE")["code"] == "ValidationException"


@pytest.mark.parametrize(
    ("bucket", "owner"),
    [("no-such-bucket", None), (MEMBER_BUCKET, None), (BUCKET, MEMBER), (MEMBER_BUCKET, PAYER)],
    ids=["missing", "another's, owner not named", "own, other named", "another's, own named"],
)
def test_the_buckets_owner_must_be_the_one_named(exports, definition, refused, bucket, owner):
    answer = refused(exports.create_export, Export=definition(bucket=bucket, owner=owner))
    assert answer["Error"]["Message"] == "S3 bucket permission validation failed"


def test_the_bucket_must_let_data_exports_in(s3, exports, definition, refused):
    s3.delete_bucket_policy(Bucket=BUCKET)
    answer = refused(exports.create_export, Export=definition())
    assert answer["Error"]["Message"] == "S3 bucket permission validation failed"


def test_an_update_checks_the_bucket_too(s3, exports, definition, refused):
    arn = exports.create_export(Export=definition())["ExportArn"]
    s3.delete_bucket_policy(Bucket=BUCKET)
    answer = refused(exports.update_export, ExportArn=arn, Export=definition())
    assert answer["Error"]["Message"] == "S3 bucket permission validation failed"


def test_the_region_must_be_the_buckets(exports, definition, refused):
    export = definition()
    export["DestinationConfigurations"]["S3Destination"]["S3Region"] = "eu-west-1"
    assert refused(exports.create_export, Export=export)["Fields"][0]["Name"].endswith("S3Region")


def test_another_accounts_bucket_takes_exports_when_named(exports, definition):
    assert exports.create_export(Export=definition(bucket=MEMBER_BUCKET, owner=MEMBER))["ExportArn"]


def _with_output(export, output_type, format_, compression):
    output = export["DestinationConfigurations"]["S3Destination"]["S3OutputConfigurations"]
    output.update(OutputType=output_type, Format=format_, Compression=compression)
    return export


def _let_in(s3, bucket):
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "bcm-data-exports.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
