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
            lake.execute(statement)
    return lake


def number(connection: duckdb.DuckDBPyConnection, select: str) -> float:
    return float(connection.execute(f"SELECT {select}").fetchall()[0][0])


@pytest.mark.parametrize("view", QUERIES)
def test_every_view_has_rows(dashboards: duckdb.DuckDBPyConnection, view: str) -> None:
    assert number(dashboards, f"count(*) FROM {view}") > 0


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
    found = dashboards.execute(
        "SELECT (SELECT sum(spend_all_cost) FROM kpi_tracker), (SELECT sum(amortized_cost) FROM summary_view)"
    ).fetchall()
    assert 0 < found[0][0] <= found[0][1] * 1.2
