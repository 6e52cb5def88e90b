"""The views of AWS's Cloud Intelligence Dashboards (`cid-cmd`) run on a delivery of CUR 2.0 and add up to it."""

from __future__ import annotations

import duckdb
import pytest
from tests.peers.environments import packages
from tests.peers.tables.conftest import NOW
from tests.peers.tables.published import filled, for_duckdb

pytestmark = pytest.mark.timeout(300)  # the first test makes the environments and the deliveries

QUERIES = {
    "aws_accounts": "shared/aws_accounts",
    "aws_regions": "shared/aws_regions",
    "aws_service_category_map": "shared/aws_service_category_map",
    "account_map": "shared/account_map_cur2",
    "payer_account_name_map": "shared/payer_account_name_map",
    "summary_view": "cid/summary_view",
    "ec2_running_cost": "cid/ec2_running_cost",
    "compute_savings_plan_eligible_spend": "cid/compute_savings_plan_eligible_spend",
    "s3_view": "cid/s3",
    "ri_sp_mapping": "cid/ri_sp_mapping",
    "hourly_view": "cudos/hourly_view",
    "resource_view": "cudos/resource_view",
    "daily_anomaly_detection": "trends/daily_anomaly_detection",
    "monthly_anomaly_detection": "trends/monthly_anomaly_detection",
    "monthly_bill_by_account": "trends/monthly_bill_by_account",
    "kpi_instance_mapping": "kpi/first_kpi_instance_mapping_view",
    "kpi_ebs_snap": "kpi/kpi_ebs_snap_view",
    "kpi_ebs_storage_all": "kpi/kpi_ebs_storage_view",
    "kpi_instance_all": "kpi/kpi_instance_all_view",
    "kpi_s3_storage_all": "kpi/kpi_s3_storage_view",
    "kpi_tracker": "kpi/last_kpi_tracker_view",
}
"""The views by name, each after those that it selects from."""

VALUES = {
    "cur2_database": "lake",
    "cur2_table_name": "cur",
    "cur_database": "lake",
    "cur_table_name": "cur",
    "cur_tags_json": "json_format(CAST(resource_tags AS JSON))",
    "metadata_database_name": "organisation",
    "metadata_table_name": "accounts",
    "account_id": "id",
    "account_name": "name",
}


NOTHING = {
    "four months of exports have seen no snapshot for a year": {"ebs_snapshots_over_1yr_cost"},
    "has no volumes of these types, or with extra IOPS or throughput": {
        "ebs_io1_cost",
        "ebs_io2_cost",
        "ebs_sc1_cost",
        "ebs_st1_cost",
        "ebs_standard_cost",
        "gp2_usage_added_iops_mo",
        "usage_iops_mo",
        "usage_throughput_gibps_mo",
    },
    "has no commitments for these services": {
        "dynamodb_commit_savings",
        "opensearch_commit_savings",
        "rds_commit_savings",
        "redshift_commit_savings",
        "sagemaker_commit_savings",
    },
    "all that runs of these services has Graviton already": {
        "elasticache_graviton_potential_savings",
        "opensearch_graviton_potential_savings",
        "rds_graviton_potential_savings",
    },
    "all its cache nodes are reserved": {"elasticache_commit_potential_savings", "elasticache_ondemand_cost"},
    "its databases are free of licences": {
        "rds_license",
        "rds_oracle_cost",
        "rds_sql_server_cost",
    },
    "these attributes of the price list are not simulated": {"processor_features", "product_storage"},
    "puts nothing into these storage classes, and reads nothing from Glacier": {
        "s3_glacier_flexible_retrieval_storage_cost",
        "s3_glacier_flexible_retrieval_storage_usage_quantity",
        "s3_glacier_instant_retrieval_retrieval_cost",
        "s3_glacier_instant_retrieval_tier1_cost",
        "s3_glacier_instant_retrieval_tier2_cost",
        "s3_onezone-ia_storage_cost",
        "s3_onezone-ia_storage_usage_quantity",
        "s3_reduced_redundancy_storage_cost",
        "s3_reduced_redundancy_storage_usage_quantity",
    },
    "neither copies, replicates, moves nor deletes its objects early": {
        "s3_copy_object_usage_quantity",
        "s3_early_delete_cost",
        "s3_put_object_replication_usage_quantity",
        "s3_transition_usage_quantity",
    },
}
"""Columns of the views that have nothing, or zero, in every row, each with the reason: what this organisation is."""

MACHINES = (
    "line_item_product_code = 'AmazonEC2' AND product_instance_type <> '' AND line_item_operation LIKE 'RunInstances%'"
    " AND line_item_line_item_type IN ('Usage', 'SavingsPlanCoveredUsage', 'DiscountedUsage')"
)
STORAGE = "line_item_product_code = 'AmazonS3' AND line_item_usage_type LIKE '%TimedStorage%'"
SINCE_MAY = "billing_period >= '2026-05'"
LAST_DAYS = "line_item_usage_start_date >= TIMESTAMP '2026-05-21'"
TO_YESTERDAY = "line_item_usage_start_date < TIMESTAMP '2026-06-19'"
USED = "line_item_line_item_type IN ('Usage', 'SavingsPlanCoveredUsage', 'DiscountedUsage')"
AMORTISED = """CASE line_item_line_item_type
    WHEN 'SavingsPlanCoveredUsage' THEN savings_plan_savings_plan_effective_cost
    WHEN 'DiscountedUsage' THEN reservation_effective_cost
    ELSE line_item_unblended_cost END"""
UNBLENDED = "line_item_unblended_cost"
SUMS = {
    ("s3_view", "unblended_cost"): (UNBLENDED, f"{STORAGE} AND {TO_YESTERDAY}"),
    ("ec2_running_cost", "amortized_cost"): (AMORTISED, f"{MACHINES} AND {SINCE_MAY}"),
    ("compute_savings_plan_eligible_spend", "unblended_cost"): (
        UNBLENDED,
        f"line_item_line_item_type = 'Usage' AND {SINCE_MAY} AND {TO_YESTERDAY}"
        f" AND ({MACHINES} AND line_item_usage_type NOT LIKE '%Spot%'"
        " OR line_item_usage_type LIKE '%Lambda-GB-Second%' OR line_item_usage_type LIKE '%Fargate%')",
    ),
    ("hourly_view", "unblended_cost"): (UNBLENDED, f"{USED} AND {LAST_DAYS}"),
    ("hourly_view", "usage_quantity"): ("line_item_usage_amount", f"{USED} AND {LAST_DAYS}"),
    ("resource_view", "unblended_cost"): (UNBLENDED, f"line_item_resource_id <> '' AND {LAST_DAYS}"),
    ("monthly_anomaly_detection", "unblended_cost"): (UNBLENDED, "true"),
    ("kpi_ebs_snap", "ebs_snapshot_cost"): (UNBLENDED, f"{USED} AND line_item_usage_type LIKE '%EBS:Snapshot%'"),
    ("kpi_ebs_storage_all", "ebs_all_cost"): (UNBLENDED, f"{USED} AND line_item_usage_type LIKE '%EBS:Volume%'"),
    ("kpi_s3_storage_all", "s3_all_cost"): (UNBLENDED, f"{USED} AND line_item_product_code = 'AmazonS3'"),
    ("kpi_s3_storage_all", "s3_all_storage_cost"): (UNBLENDED, f"{USED} AND {STORAGE}"),
    ("kpi_instance_all", "ec2_usage_cost"): (AMORTISED, MACHINES),
    ("kpi_instance_all", "ec2_spot_savings"): (
        "pricing_public_on_demand_cost - line_item_unblended_cost",
        f"{MACHINES} AND line_item_usage_type LIKE '%Spot%'",
    ),
    ("kpi_tracker", "ebs_gp2_cost"): (UNBLENDED, f"{USED} AND line_item_usage_type LIKE '%VolumeUsage.gp2'"),
    ("kpi_tracker", "dynamodb_committed_cost"): (UNBLENDED, f"{USED} AND line_item_operation = 'CommittedThroughput'"),
    ("kpi_tracker", "lambda_graviton_cost"): (UNBLENDED, f"{USED} AND line_item_usage_type LIKE '%Second-ARM'"),
}
"""What a view's column adds up to, told in the export's own words: an amount of a line, and of which lines."""


@pytest.fixture(scope="module")
def dashboards(lake: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """The lake with all views, and with the accounts that the dashboards read from AWS Organizations."""
    lake.execute(
        "CREATE SCHEMA organisation; CREATE TABLE organisation.accounts AS SELECT DISTINCT"
        " line_item_usage_account_id AS id, line_item_usage_account_name AS name, 'x@acme.test' AS email FROM lake.cur"
    )
    folder = packages("published-sql") / "cid" / "builtin" / "core" / "data" / "queries"
    for name, file in QUERIES.items():
        template = (folder / f"{file}.sql").read_text()
        for statement in for_duckdb(filled(template, {**VALUES, "athena_view_name": name}), NOW):
            # as a table: some select from others, which are then worked out once
            lake.execute(statement.replace("CREATE OR REPLACE VIEW", "CREATE TABLE", 1))
    return lake


def number(connection: duckdb.DuckDBPyConnection, select: str) -> float:
    return float(connection.execute(f"SELECT {select}").fetchall()[0][0])


@pytest.mark.parametrize("view", QUERIES)
def test_every_column_of_a_view_has_something_but_the_known(dashboards: duckdb.DuckDBPyConnection, view: str) -> None:
    types = {name: kind for name, kind, *_ in dashboards.execute(f"DESCRIBE {view}").fetchall()}
    something = ", ".join(
        f"count(*) FILTER (CAST(\"{name}\" AS VARCHAR) NOT IN ('', '{{}}', '0', '0.0'))" for name in types
    )
    [counts] = dashboards.execute(f"SELECT {something} FROM {view}").fetchall()
    nothing = {name for name, count in zip(types, counts, strict=True) if not count}
    assert nothing == types.keys() & set().union(*NOTHING.values())


@pytest.mark.parametrize(("view", "column"), SUMS)
def test_a_view_adds_up_to_its_part_of_the_export(
    dashboards: duckdb.DuckDBPyConnection, view: str, column: str
) -> None:
    amount, which = SUMS[view, column]
    expected = number(dashboards, f"sum({amount}) FROM lake.cur WHERE {which}")
    assert expected > 0
    rounded = number(dashboards, f"count(*) FROM {view}") if view == "monthly_anomaly_detection" else 0  # to cents
    assert number(dashboards, f"sum({column}) FROM {view}") == pytest.approx(expected, rel=1e-9, abs=0.005 * rounded)


def test_storage_of_all_classes_is_all_storage(dashboards: duckdb.DuckDBPyConnection) -> None:
    classes = "COLUMNS('^s3_.+_storage_cost$')"
    shown = dashboards.execute(f"SELECT sum({classes}) FROM kpi_s3_storage_all")
    sums = dict(zip((column[0] for column in shown.description or ()), shown.fetchall()[0], strict=True))
    everything = [name for name in sums if "s3_all_storage_cost" in name]
    assert len(everything) == 1
    parts = sum(cost for name, cost in sums.items() if name not in everything)
    assert parts == pytest.approx(sums[everything[0]])


@pytest.mark.parametrize(
    ("view", "period"),
    [("summary_view", "billing_period"), ("monthly_bill_by_account", "bill_billing_period_start_date")],
)
def test_the_views_of_the_whole_bill_add_up_to_it(
    dashboards: duckdb.DuckDBPyConnection, view: str, period: str
) -> None:
    """Of the months that are over: two exports are not delivered at the same moment of the running one."""
    billed = number(dashboards, "sum(line_item_unblended_cost) FROM lake.cur WHERE billing_period < '2026-06'")
    effective = number(dashboards, "sum(EffectiveCost) FROM lake.focus WHERE billing_period < '2026-06'")
    shown = f"FROM {view} WHERE {period} < TIMESTAMP '2026-06-01'"
    assert number(dashboards, f"sum(unblended_cost) {shown}") == pytest.approx(billed, abs=1)
    assert number(dashboards, f"sum(amortized_cost) {shown}") == pytest.approx(effective, abs=1)


def test_public_cost_is_what_savings_are_measured_against(dashboards: duckdb.DuckDBPyConnection) -> None:
    usage = "FROM summary_view WHERE charge_category = 'Running_Usage'"
    assert number(dashboards, f"sum(public_cost) {usage}") > number(dashboards, f"sum(amortized_cost) {usage}") > 0


def test_every_commitment_of_the_bill_is_mapped(dashboards: duckdb.DuckDBPyConnection) -> None:
    plans = "count(DISTINCT savings_plan_savings_plan_a_r_n) FROM lake.cur WHERE savings_plan_savings_plan_a_r_n <> ''"
    mapped = "count(DISTINCT ri_sp_arn_mapping) FROM ri_sp_mapping WHERE ri_sp_arn_mapping LIKE '%savingsplan%'"
    assert number(dashboards, mapped) == number(dashboards, plans)


def test_tracked_spend_is_the_bills(dashboards: duckdb.DuckDBPyConnection) -> None:
    spent = number(dashboards, "sum(amortized_cost) FROM summary_view")
    assert number(dashboards, "sum(spend_all_cost) FROM kpi_tracker") == pytest.approx(spent)


def test_what_could_be_saved_is_less_than_what_is_spent(dashboards: duckdb.DuckDBPyConnection) -> None:
    columns = [name for name, *_ in dashboards.execute("DESCRIBE kpi_tracker").fetchall() if name.endswith("_savings")]
    for name in columns:
        service = name.split("_")[0]
        whole = "s3_all_storage_cost" if service == "s3" else f"{service}_all_cost"
        saved = number(dashboards, f"sum({name}) FROM kpi_tracker")
        assert 0 <= saved < number(dashboards, f"sum({whole}) FROM kpi_tracker"), name
