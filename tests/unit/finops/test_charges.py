"""From delivered columns to the charges that all export reports read."""

from __future__ import annotations

import csv
import dataclasses

import pytest
from tests.unit.finops.report_data import CUR_TYPES, charge, csv_file, parquet_file, run_cur

from finops.report_files import ReportError

SAVINGS_PLAN = [name for name in CUR_TYPES if name.startswith("savings_plan")]
RESERVATION = [name for name in CUR_TYPES if name.startswith("reservation")]


def commitments():
    """A covered line, its negation, a fee of 20 with 15 used; a reserved line, its fee, an upfront purchase."""
    return [
        charge(
            1, 30.0, line_item_line_item_type="SavingsPlanCoveredUsage",
            savings_plan_savings_plan_effective_cost=15.0,
        ),
        charge(1, -30.0, line_item_line_item_type="SavingsPlanNegation"),
        charge(
            1, 20.0, line_item_line_item_type="SavingsPlanRecurringFee",
            savings_plan_total_commitment_to_date=20.0, savings_plan_used_commitment=15.0,
        ),
        charge(1, 0.0, line_item_line_item_type="DiscountedUsage", reservation_effective_cost=7.0),
        charge(
            1, 8.0, line_item_line_item_type="RIFee", reservation_unused_recurring_fee=0.5,
            reservation_unused_amortized_upfront_fee_for_billing_period=0.25,
        ),
        charge(1, 100.0, line_item_line_item_type="Fee", reservation_reservation_a_r_n="arn:aws:ec2:::ri/1"),
        charge(1, 3.0, line_item_line_item_type="Fee"),
        charge(1, 1.0),
    ]  # fmt: skip


def notes_of(folder) -> str:
    return (folder / "index.html").read_text(encoding="utf-8")


def test_effective_cost_of_cur_is_the_amortised_cost(tmp_path):
    result = run_cur(tmp_path / "out", [parquet_file(tmp_path / "a.parquet", commitments())])
    assert result.billed_cost == pytest.approx(30 - 30 + 20 + 0 + 8 + 100 + 3 + 1)
    assert result.effective_cost == pytest.approx(15 + 0 + 5 + 7 + 0.75 + 0 + 3 + 1)


@pytest.mark.parametrize(
    ("left_out", "effective", "note"),
    [
        (SAVINGS_PLAN[:1], 20 + 7 + 0.75 + 3 + 1, "Savings Plans are not amortised"),
        (RESERVATION[:1], 20 + 8 + 100 + 3 + 1, "Reservations are not amortised"),
        (["line_item_line_item_type"], 132, "Charges cannot be told apart by category"),
    ],
)
def test_what_an_export_leaves_out_is_billed_and_said_on_the_page(tmp_path, left_out, effective, note):
    names = [name for name in CUR_TYPES if name not in left_out]
    file = parquet_file(tmp_path / "a.parquet", commitments(), names)
    result = run_cur(tmp_path / "out", [file], names=names)
    assert result.effective_cost == pytest.approx(effective)
    assert note in notes_of(tmp_path / "out")


@pytest.mark.parametrize("name", ["line_item_unblended_cost", "line_item_usage_start_date", "line_item_product_code"])
def test_a_required_column_that_is_not_delivered_is_a_sentence(tmp_path, name):
    names = [other for other in CUR_TYPES if other != name]
    with pytest.raises(
        ReportError, match=f"need {name}, which export cur2-daily does not deliver: add it to `columns`"
    ):
        run_cur(tmp_path / "out", [parquet_file(tmp_path / "a.parquet", commitments(), names)], names=names)


def test_a_service_has_its_name_from_the_product_map_or_else_its_code(tmp_path):
    rows = [charge(1, 2.0, product={"product_name": "Amazon Elastic Compute Cloud"}), charge(1, 1.0)]
    run_cur(
        tmp_path / "parquet",
        [parquet_file(tmp_path / "a.parquet", [rows[0] | {"product": [*rows[0]["product"].items()]}, rows[1]])],
    )
    run_cur(tmp_path / "csv", [csv_file(tmp_path / "a.csv.gz", rows)], fmt="TEXT_OR_CSV")
    for kind in ("parquet", "csv"):
        with (tmp_path / kind / "cost_by_service.csv").open() as lines:
            assert [row["service_name"] for row in csv.DictReader(lines)] == [
                "Amazon Elastic Compute Cloud",
                "AmazonEC2",
            ]


def test_csv_chunks_are_read_by_name_even_if_their_columns_are_in_another_order(tmp_path):
    files = [
        csv_file(tmp_path / "a.csv.gz", [charge(1, 1.25)]),
        csv_file(tmp_path / "b.csv.gz", [charge(2, 2.5)], tuple(reversed(CUR_TYPES))),
    ]
    result = run_cur(tmp_path / "out", files, fmt="TEXT_OR_CSV")
    assert (result.rows, result.billed_cost) == (2, 3.75)


def test_a_csv_without_a_column_of_its_manifest_is_refused(tmp_path):
    names = [name for name in CUR_TYPES if name != "product"]
    with pytest.raises(ReportError, match=r"a\.csv\.gz: column product of the manifest is not in the file"):
        run_cur(tmp_path / "out", [csv_file(tmp_path / "a.csv.gz", [charge(1, 1.0)], names)], fmt="TEXT_OR_CSV")


def test_a_word_where_a_number_belongs_is_refused_in_one_sentence(tmp_path):
    file = csv_file(tmp_path / "a.csv.gz", [charge(1, "abc")])  # type: ignore[arg-type]
    with pytest.raises(ReportError, match='Could not convert string "abc"') as caught:
        run_cur(tmp_path / "out", [file], fmt="TEXT_OR_CSV")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_gzip_is_refused(tmp_path):
    file = tmp_path / "a.csv.gz"
    file.write_bytes(b"not gzip")
    with pytest.raises(ReportError, match=r"a\.csv\.gz: is not a readable CSV file"):
        run_cur(tmp_path / "out", [file], fmt="TEXT_OR_CSV")


def test_the_word_null_is_nothing_and_not_a_name(tmp_path):
    file = csv_file(tmp_path / "a.csv.gz", [charge(1, 1.0, line_item_usage_account_name="NULL")])
    run_cur(tmp_path / "out", [file], fmt="TEXT_OR_CSV")
    with (tmp_path / "out" / "cost_by_account.csv").open() as lines:
        assert next(csv.DictReader(lines))["account_name"] == "222233334444"


def test_a_timestamp_with_a_zone_falls_on_its_utc_day(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = parquet_file(tmp_path / "a.parquet", [charge(1, 1.0)])
    table = pq.read_table(file)
    place = table.schema.get_field_index("line_item_usage_start_date")
    zoned = table.column(place).cast(pa.timestamp("ms", tz="UTC"))
    pq.write_table(table.set_column(place, "line_item_usage_start_date", zoned), file)
    run_cur(tmp_path / "out", [file])
    with (tmp_path / "out" / "daily_trend.csv").open() as lines:
        assert next(csv.DictReader(lines))["charge_date"] == "2026-10-01"


def test_several_currencies_are_said_on_the_page(tmp_path):
    rows = [charge(1, 1.0), charge(1, 1.0, line_item_currency_code="EUR")]
    result = run_cur(tmp_path / "out", [parquet_file(tmp_path / "a.parquet", rows)])
    assert result.currency == "EUR, USD"
    assert "Amounts are in several currencies (EUR, USD)" in notes_of(tmp_path / "out")


def test_charges_hold_the_agreed_columns(tmp_path):
    from tests.unit.finops.report_data import columns

    from finops.charges import create_charges, read_view
    from finops.engine import Engine

    file = parquet_file(tmp_path / "a.parquet", [charge(1, 1.0)])
    view = read_view("COST_AND_USAGE_REPORT")
    assert dataclasses.is_dataclass(view)
    with Engine(tmp_path, [file]) as engine:
        create_charges(engine, view, files=[file], fmt="PARQUET", columns=columns(), export="x")
        names = engine.query("x", "SELECT * FROM charges").column_names
    assert names == [
        "billing_period", "charge_date", "account_id", "account_name", "service_name", "charge_category",
        "billed_cost", "effective_cost", "currency",
    ]  # fmt: skip
