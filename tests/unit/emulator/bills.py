"""Reading the tables of charges as their exports would show them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import duckdb

from emulator.organisation import Organisation
from emulator.tables.catalog import TABLES
from emulator.tables.charges import create_charges
from emulator.tables.query import parse

CUR, FOCUS, FOCUS_1_0 = "COST_AND_USAGE_REPORT", "FOCUS_1_2_AWS", "FOCUS_1_0_AWS"
PAYER, MEMBER = "111122223333", "444455556666"
NOVEMBER, JUNE = date(2026, 11, 1), date(2026, 6, 1)
LATER = datetime(2027, 1, 15, tzinfo=UTC)
SMALL = Organisation(7, PAYER, [MEMBER], 500)

# AWS's own guidance on amortised cost, per line of CUR 2.0.
AMORTISED = """CASE line_item_line_item_type
    WHEN 'SavingsPlanCoveredUsage' THEN savings_plan_savings_plan_effective_cost
    WHEN 'SavingsPlanRecurringFee' THEN savings_plan_total_commitment_to_date - savings_plan_used_commitment
    WHEN 'SavingsPlanNegation' THEN 0 WHEN 'SavingsPlanUpfrontFee' THEN 0
    WHEN 'DiscountedUsage' THEN reservation_effective_cost
    WHEN 'RIFee' THEN reservation_unused_amortized_upfront_fee_for_billing_period + reservation_unused_recurring_fee
    WHEN 'Fee' THEN if(reservation_reservation_a_r_n <> '', 0, line_item_unblended_cost)
    ELSE line_item_unblended_cost END"""

# What usage there is, what it costs on demand and after all discounts, and the commitment that covers it.
USED = """product_servicecode AS service, line_item_product_code AS product,
    line_item_usage_type AS usage_type, line_item_operation AS operation,
    line_item_usage_account_id AS account,
    savings_plan_savings_plan_a_r_n || reservation_reservation_a_r_n AS commitment,
    sum(line_item_usage_amount) AS quantity, sum(pricing_public_on_demand_cost) AS list_cost,
    sum(CASE line_item_line_item_type WHEN 'SavingsPlanCoveredUsage' THEN savings_plan_savings_plan_effective_cost
        WHEN 'DiscountedUsage' THEN reservation_effective_cost ELSE line_item_net_unblended_cost END) AS effective"""


def used(organisation: Organisation, month: date) -> list[dict[str, Any]]:
    """Give the settled month's usage by SKU, account and commitment."""
    usage = "line_item_line_item_type IN ('Usage', 'SavingsPlanCoveredUsage', 'DiscountedUsage')"
    settled = datetime(month.year + 1, month.month, 1, tzinfo=UTC)
    how: dict[str, Any] = {"organisation": organisation, "month": month, "now": settled}
    return read(CUR, USED, where=f"{usage} GROUP BY ALL ORDER BY ALL", TIME_GRANULARITY="MONTHLY", **how)


def read(
    table: str,
    select: str = "*",
    *,
    where: str = "true",
    organisation: Organisation = SMALL,
    month: date = NOVEMBER,
    now: datetime = LATER,
    viewer: str | None = None,
    slice_lines: int = 500_000,
    **properties: str,
) -> list[dict[str, Any]]:
    """Give what `select` (DuckDB's SQL, over the table's columns and line_number) finds in all slices together."""
    if table != FOCUS_1_0:
        properties = {"TIME_GRANULARITY": "DAILY", **properties}
    query = parse(f"SELECT {TABLES[table].all_columns[1].name} FROM {table}", {table: properties})
    with duckdb.connect() as connection:
        slices = create_charges(connection, organisation, query, month, now, viewer, slice_lines)
        for number, _ in enumerate(slices):
            connection.execute(("INSERT INTO bill " if number else "CREATE TABLE bill AS ") + "FROM export")
        result = connection.execute(f"SELECT {select} FROM bill WHERE {where}")
        names = [column[0] for column in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def totals(table: str, by: str = "'all'", **how: Any) -> dict[Any, tuple[int, int]]:
    """Billed and effective cost in cents by an expression over the table's columns."""
    billed, effective = ("line_item_unblended_cost", AMORTISED) if table == CUR else ("BilledCost", "EffectiveCost")
    rows = read(table, f"{by} AS place, {billed} AS billed, {effective} AS effective", **how)
    sums: dict[Any, list[float]] = {}
    for row in rows:
        place = sums.setdefault(row["place"], [0.0, 0.0])
        place[0] += row["billed"] or 0
        place[1] += row["effective"] or 0
    # a little more than nothing, so that half a cent is rounded the same way however it was summed up
    cents = {place: (round(100 * each[0] + 1e-6), round(100 * each[1] + 1e-6)) for place, each in sums.items()}
    return {place: each for place, each in cents.items() if each != (0, 0)}
