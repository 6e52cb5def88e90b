"""The tables of charges: what their columns hold, and what commitments look like in them."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.emulator.bills import (
    AMORTISED,
    CUR,
    FOCUS,
    FOCUS_1_0,
    JUNE,
    LATER,
    MEMBER,
    NOVEMBER,
    PAYER,
    SMALL,
    read,
)

from emulator.organisation import Organisation, month_end
from emulator.tables.catalog import TABLES
from emulator.tables.charges import VIEWS

MEDIUM = Organisation(7, PAYER, [MEMBER], 20_000)
EVERYTHING = {
    "INCLUDE_RESOURCES": "TRUE",
    "INCLUDE_SPLIT_COST_ALLOCATION_DATA": "TRUE",
    "INCLUDE_CAPACITY_RESERVATION_DATA": "TRUE",
    "INCLUDE_IAM_PRINCIPAL_DATA": "TRUE",
}
NEVER_FILLED = {CUR: {"product_comment"}, FOCUS: set[str](), FOCUS_1_0: set[str]()}


@pytest.mark.parametrize("table", [CUR, FOCUS, FOCUS_1_0])
def test_every_expression_fills_a_documented_column(table: str) -> None:
    tables = (CUR,) if table == CUR else (FOCUS, FOCUS_1_0)  # the two FOCUS tables share their expressions
    known = {column.name for name in tables for column in TABLES[name].all_columns}
    assert {*VIEWS[table].item, *VIEWS[table].line} <= known


@pytest.mark.parametrize("table", [CUR, FOCUS, FOCUS_1_0])
def test_nearly_every_column_is_filled_somewhere(table: str) -> None:
    properties = {} if table == FOCUS_1_0 else {"TIME_GRANULARITY": "MONTHLY"}
    properties |= EVERYTHING if table == CUR else {}
    organisation = SMALL if table == FOCUS_1_0 else MEDIUM
    rows = [
        row
        for month in (JUNE, NOVEMBER)  # something is bought upfront in one, something given back in the other
        for row in read(table, "* EXCLUDE line_number", organisation=organisation, month=month, **properties)
    ]
    filled = {name for row in rows for name, value in row.items() if value not in (None, "", {})}
    assert set(rows[0]) - filled == NEVER_FILLED[table]


def test_every_kind_of_charge_occurs() -> None:
    types: Counter[str] = Counter()
    for month in (JUNE, NOVEMBER, NOVEMBER.replace(month=4)):
        types.update(row["type"] for row in read(CUR, "line_item_line_item_type AS type", month=month))
    assert set(types) == {
        *("Usage", "SavingsPlanCoveredUsage", "SavingsPlanNegation", "SavingsPlanRecurringFee", "DiscountedUsage"),
        *("RIFee", "SavingsPlanUpfrontFee", "Fee", "Tax", "Credit", "Refund", "PrivateRateDiscount"),
    }


def test_a_reservations_fee_adds_up_with_what_was_applied() -> None:
    rows = read(
        CUR,
        """reservation_reservation_a_r_n AS arn, line_item_line_item_type AS type, line_item_usage_amount AS hours,
        coalesce(reservation_unused_quantity, 0) AS unused, reservation_total_reserved_units AS total,
        reservation_number_of_reservations AS units, coalesce(reservation_effective_cost, 0) AS effective,
        reservation_amortized_upfront_fee_for_billing_period + line_item_unblended_cost AS fee,
        reservation_unused_amortized_upfront_fee_for_billing_period + reservation_unused_recurring_fee AS idle,
        line_item_unblended_cost AS billed""",
        where="reservation_reservation_a_r_n <> ''",
        organisation=MEDIUM,
    )
    fees = {row["arn"]: row for row in rows if row["type"] == "RIFee"}
    assert len(fees) == 3
    for arn, fee in fees.items():
        applied = [row for row in rows if row["arn"] == arn and row["type"] == "DiscountedUsage"]
        assert {row["billed"] for row in applied} == {0.0}
        assert float(fee["total"]) == int(fee["units"]) * 720 == fee["hours"]
        assert sum(row["hours"] for row in applied) + fee["unused"] == pytest.approx(fee["hours"])
        assert sum(row["effective"] for row in applied) + fee["idle"] == pytest.approx(fee["fee"])


def test_marketplace_software_has_a_seller() -> None:
    (software,) = read(
        CUR,
        "DISTINCT line_item_legal_entity AS seller, bill_billing_entity AS billing",
        where="line_item_usage_type LIKE 'MP:Lumen%' AND line_item_line_item_type = 'Usage'",
        organisation=MEDIUM,
    )
    assert software == {"seller": "Lumen Software GmbH", "billing": "AWS Marketplace"}
    (shown,) = read(FOCUS, "DISTINCT PublisherName, InvoiceIssuerName", organisation=MEDIUM,
                    where="SkuMeter LIKE 'MP:Lumen%' AND ChargeCategory = 'Usage'")  # fmt: skip
    assert shown == {"PublisherName": "Lumen Software GmbH", "InvoiceIssuerName": "Amazon Web Services, Inc."}


def test_capacity_and_principals_are_shown_on_demand_and_since_aws_has_them() -> None:
    for month, known in ((NOVEMBER, True), (NOVEMBER.replace(year=2024), False)):
        rows = read(
            CUR,
            "line_item_iam_principal AS principal, capacity_reservation_capacity_reservation_status AS status",
            organisation=MEDIUM,
            month=month,
            TIME_GRANULARITY="MONTHLY",
            **EVERYTHING,
        )
        assert {row["status"] for row in rows} == ({"", "Used", "Unused"} if known else {""})
        assert any(row["principal"] for row in rows) is known


def test_focus_purchases_and_commitments_are_consistent() -> None:
    rows = read(FOCUS, organisation=MEDIUM, month=JUNE)
    for row in rows:
        if row["ChargeCategory"] == "Purchase":
            assert row["EffectiveCost"] == 0
        if row["CommitmentDiscountStatus"]:
            assert (row["ChargeCategory"], row["BilledCost"]) == ("Usage", 0)
            assert row["CommitmentDiscountId"]
        for price, cost in (("ListUnitPrice", "ListCost"), ("ContractedUnitPrice", "ContractedCost")):
            if row[price] is not None:
                assert row[cost] == pytest.approx(row[price] * row["PricingQuantity"])
        assert (row["ConsumedQuantity"] is None) == (row["ConsumedUnit"] is None)
    assert {row["CommitmentDiscountType"] for row in rows} == {None, "Savings Plan", "Reserved Instance"}
    assert {row["CommitmentDiscountStatus"] for row in rows} == {None, "Used", "Unused"}
    assert {row["CapacityReservationStatus"] for row in rows} == {None, "Used", "Unused"}


def test_every_rate_times_the_amount_is_its_cost() -> None:
    pairs = {
        "line_item_unblended_rate": "line_item_unblended_cost",
        "line_item_net_unblended_rate": "line_item_net_unblended_cost",
        "line_item_blended_rate": "line_item_blended_cost",
        "pricing_public_on_demand_rate": "pricing_public_on_demand_cost",
        "savings_plan_savings_plan_rate": "savings_plan_savings_plan_effective_cost",
    }
    columns = "line_item_usage_amount AS amount, line_item_usage_type AS usage_type, line_item_line_item_type AS type, "
    rows = read(CUR, columns + ", ".join([*pairs, *pairs.values()]), organisation=MEDIUM, TIME_GRANULARITY="MONTHLY")
    spot = [row for row in rows if "SpotUsage" in row["usage_type"]]
    for row in rows:
        if row["type"] in ("Usage", "SavingsPlanCoveredUsage", "DiscountedUsage"):
            for rate, cost in pairs.items():
                if row[rate] not in (None, ""):
                    assert float(row[rate]) * row["amount"] == pytest.approx(row[cost]), f"{rate} is not that of {cost}"
    for row in spot:
        paid, public = float(row["line_item_unblended_rate"]), float(row["pricing_public_on_demand_rate"])
        assert 0.2 < paid / public < 0.6, "the public on-demand price of Spot usage is not that of the type on demand"
    assert spot


def test_prices_are_written_as_aws_writes_them() -> None:
    how: dict[str, Any] = {"organisation": MEDIUM, "TIME_GRANULARITY": "MONTHLY"}
    rates = [f"{name}_rate" for name in ("line_item_unblended", "line_item_net_unblended", "line_item_blended")]
    rates.append("pricing_public_on_demand_rate")
    rows = read(CUR, f"DISTINCT line_item_line_item_description AS words, {', '.join(rates)}", **how)
    wrong = {row[rate] for row in rows for rate in rates if not re.fullmatch(r"\d+(\.\d+)?|", row[rate])}
    assert not wrong, "a rate has an exponent"
    words = {row["words"] for row in rows}
    focus = {row["words"] for row in read(FOCUS, "DISTINCT ChargeDescription AS words", **how)}
    assert not {each for each in words | focus if re.match(r"(\$|USD )\S*e", each)}, "a price in words has an exponent"
    known = {
        "$0.005 per 1,000 PUT, COPY, POST or LIST requests",
        "$0.004 per 10,000 GET and all other requests",
        "$0.125 per million read request units",
        "$0.20 per 1M requests",
        "$3.50 per million API calls received",
        "$0.0000166667 per GB-second of compute",
        "$0.096 per On Demand Linux m5.large Instance Hour",
    }
    assert words >= known <= focus, "the price in words is not that of so many units"


@pytest.mark.parametrize("granularity", ["HOURLY", "DAILY"])
def test_what_is_given_back_ends_with_the_month(granularity: str) -> None:
    for month, given in ((NOVEMBER, "Refund"), (JUNE, "Credit")):
        ends = read(CUR, "DISTINCT line_item_usage_end_date AS ends", month=month, TIME_GRANULARITY=granularity,
                    where=f"line_item_line_item_type = '{given}'")  # fmt: skip
        assert [row["ends"] for row in ends] == [month_end(month).replace(tzinfo=None)]


def test_tax_on_a_whole_product_has_no_attributes_of_one_sku() -> None:
    keys = read(CUR, "DISTINCT map_keys(product) AS keys", where="line_item_line_item_type = 'Tax'")
    assert keys == [{"keys": ["product_name", "region", "servicename"]}], "tax has a storage class or an instance type"


def test_focus_lists_dynamic_prices_at_the_price_on_demand() -> None:
    rows = read(FOCUS, "ListCost, ContractedCost, BilledCost, EffectiveCost", organisation=MEDIUM,
                where="PricingCategory = 'Dynamic'", TIME_GRANULARITY="MONTHLY")  # fmt: skip
    assert rows
    for row in rows:
        assert row["ListCost"] > row["ContractedCost"] == row["BilledCost"] == row["EffectiveCost"] > 0


def test_s3_storage_says_its_class_and_ebs_its_volume_as_the_price_list_does() -> None:
    rows = read(
        CUR,
        "DISTINCT line_item_usage_type AS usage_type, product['volume_type'] AS volume,"
        " product['storage_class'] AS class",
        where="product_region_code = 'us-east-1' AND line_item_line_item_type = 'Usage' AND pricing_unit = 'GB-Mo'"
        " AND product_servicecode IN ('AmazonS3', 'AmazonEC2')",
        organisation=MEDIUM,
        TIME_GRANULARITY="MONTHLY",
    )
    found = {row["usage_type"]: (row["volume"], row["class"]) for row in rows}
    assert found == {
        "TimedStorage-ByteHrs": ("Standard", "General Purpose"),
        "TimedStorage-SIA-ByteHrs": ("Standard - Infrequent Access", "Infrequent Access"),
        "TimedStorage-INT-FA-ByteHrs": ("Intelligent-Tiering Frequent Access", "Intelligent-Tiering"),
        "TimedStorage-GIR-ByteHrs": ("Glacier Instant Retrieval", "Archive Instant Retrieval"),
        "TimedStorage-GDA-ByteHrs": ("Glacier Deep Archive", "Archive"),
        "EBS:VolumeUsage.gp2": ("General Purpose", None),
        "EBS:VolumeUsage.gp3": ("General Purpose", None),
        "EBS:SnapshotUsage": (None, None),
    }


def test_the_support_fee_is_on_aws_own_charges() -> None:
    (sums,) = read(
        CUR,
        f"sum({AMORTISED}) FILTER (bill_billing_entity = 'AWS' AND line_item_line_item_type NOT IN"
        " ('Tax', 'Credit', 'Refund') AND product_servicecode <> 'AWSSupportBusiness') AS base,"
        " sum(line_item_unblended_cost) FILTER (product_servicecode = 'AWSSupportBusiness'"
        " AND line_item_line_item_type = 'Fee') AS fee",
        organisation=MEDIUM,
        TIME_GRANULARITY="MONTHLY",
    )
    assert 10_000 < sums["base"] < 80_000
    assert sums["fee"] == pytest.approx(1000 + 0.07 * (sums["base"] - 10_000)), "the fee is on something else"


def test_every_bill_has_an_invoice_of_its_own() -> None:
    bills = "DISTINCT bill_billing_entity AS entity, bill_bill_type AS bill, bill_invoice_id AS invoice"
    for month in (JUNE, NOVEMBER):  # there is a purchase in one and a refund in the other
        rows = read(CUR, bills, organisation=MEDIUM, month=month, TIME_GRANULARITY="MONTHLY")
        invoices = {row["invoice"] for row in rows}
        assert len(rows) == len(invoices) == 3, "the Marketplace's, a purchase's or a refund's bill is AWS's as well"
        focus = read(FOCUS, "DISTINCT InvoiceId", organisation=MEDIUM, month=month, TIME_GRANULARITY="MONTHLY")
        assert {row["InvoiceId"] for row in focus} == invoices


def test_line_item_ids_do_not_outlive_a_refresh() -> None:
    morning, evening = (
        {row["id"] for row in read(CUR, "identity_line_item_id AS id", now=LATER + timedelta(hours=hours))}
        for hours in (0, 9)
    )
    assert len(morning) == len(evening) > 100
    assert not morning & evening, "who tells lines apart by their id over deliveries passes here and fails at AWS"


@pytest.mark.parametrize(("day", "is_final"), [(6, False), (7, True)])
def test_the_invoice_id_is_blank_until_the_month_is_final(day: int, is_final: bool) -> None:
    how: dict[str, Any] = {"now": datetime(2026, 12, day, tzinfo=UTC), "TIME_GRANULARITY": "MONTHLY"}
    cur = {row["invoice"] for row in read(CUR, "bill_invoice_id AS invoice", **how)}
    focus = {row["invoice"] for row in read(FOCUS, "InvoiceId AS invoice", **how)}
    assert (cur, focus) == (focus, cur) if is_final else ({""}, {None})
    assert all(cur) is is_final


@pytest.mark.parametrize("table", [CUR, FOCUS])
def test_a_month_that_has_not_begun_is_empty(table: str) -> None:
    for now in (datetime(2026, 11, 1, 0, 20, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC)):
        assert read(table, now=now) == []
