"""Mistakes in what an export selects: one sentence each."""

# ruff: noqa: E501 - a sentence is compared as it is shown: in one line
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "table misspelt": (
        {"table": "COST_AND_USAGE_REPRT"},
        "table: 'COST_AND_USAGE_REPRT' is not a table of Data Exports. Did you mean COST_AND_USAGE_REPORT? Known: COST_AND_USAGE_REPORT, FOCUS_1_2_AWS, FOCUS_1_0_AWS.",
    ),
    "table unknown": (
        {"table": "xx"},
        "table: 'xx' is not a table of Data Exports. Known: COST_AND_USAGE_REPORT, FOCUS_1_2_AWS, FOCUS_1_0_AWS.",
    ),
    **{
        f"table {table}": (
            {"table": table},
            f"table: the deliveries of {table} are not in billing periods, which this version cannot verify yet. Use BcmCreateExportOperator in a DAG of your own.",
        )
        for table in ("COST_OPTIMIZATION_RECOMMENDATIONS", "CARBON_EMISSIONS", "COST_AND_USAGE_DASHBOARD")
    },
    "property misspelt": (
        {"table_properties.TIME_GRANULARTY": "DAILY"},
        "table_properties.TIME_GRANULARTY: is not a property of COST_AND_USAGE_REPORT. Did you mean TIME_GRANULARITY?",
    ),
    "property value in small letters": (
        {"table_properties.TIME_GRANULARITY": "daily"},
        "table_properties.TIME_GRANULARITY: 'daily' is not allowed. Did you mean DAILY?",
    ),
    "property empty": (
        {"table_properties.BILLING_VIEW_ARN": ""},
        "table_properties.BILLING_VIEW_ARN: is empty, which AWS refuses. Delete the line to have AWS's default.",
    ),
    "property a mapping": (
        {"table_properties.BILLING_VIEW_ARN": {"a": 1}},
        "table_properties.BILLING_VIEW_ARN: {'a': 1} is a mapping where a text belongs. Write a text, in quotes if it looks like something else.",
    ),
    "property of a table without any": (
        {"table": "FOCUS_1_0_AWS", "columns": ["BilledCost"]},
        "table_properties.TIME_GRANULARITY: is not a property of FOCUS_1_0_AWS. Delete it: this table has no properties.",
    ),
    "column misspelt": (
        {"columns": ["line_item_unblended_csot"]},
        "columns[0]: line_item_unblended_csot is not a column of COST_AND_USAGE_REPORT. Did you mean line_item_unblended_cost? If AWS added it lately, select it with statement: instead of columns:.",
    ),
    "column in the wrong case": (
        {"columns": ["Line_Item_Unblended_Cost"]},
        "columns[0]: Line_Item_Unblended_Cost is not a column of COST_AND_USAGE_REPORT. Did you mean line_item_unblended_cost? If AWS added it lately, select it with statement: instead of columns:.",
    ),
    "column unknown": (
        {"columns": ["foo"]},
        "columns[0]: foo is not a column of COST_AND_USAGE_REPORT. If AWS added it lately, select it with statement: instead of columns:.",
    ),
    "column of another table": (
        {"table": "FOCUS_1_2_AWS", "columns": ["line_item_unblended_cost"]},
        "columns[0]: line_item_unblended_cost is not a column of FOCUS_1_2_AWS. If AWS added it lately, select it with statement: instead of columns:.",
    ),
    "column a number": (
        {"columns": [5]},
        "columns[0]: 5 is not a column. Write the column's name, or column: and alias:.",
    ),
    "column with odd characters": (
        {"columns": ["tags.user:team"]},
        "columns[0].column: 'tags.user:team' is not a column. Write a column or map.key, of letters, digits and '_'; anything else needs statement:.",
    ),
    "alias misspelt": (
        {"columns": [{"column": "tags.a", "alis": "x"}]},
        "columns[0].alis: is not a field. Did you mean alias?",
    ),
    "alias with a slash": (
        {"columns": [{"column": "tags.a", "alias": "a/b"}]},
        "columns[0].alias: 'a/b' is not an alias that AWS takes. Use letters, digits and '_'.",
    ),
    "key of a column that is no map": (
        {"columns": ["line_item_unblended_cost.x"]},
        "columns[0]: line_item_unblended_cost is not a map, so it has no key to select. Write line_item_unblended_cost.",
    ),
    "column that needs a property": (
        {"columns": ["line_item_resource_id"]},
        'columns[0]: line_item_resource_id exists only with the table property INCLUDE_RESOURCES. Add INCLUDE_RESOURCES: "TRUE" to table_properties, or drop the column.',
    ),
    "column that a property removes": (
        {"columns": ["discount"], "table_properties.INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY": "TRUE"},
        "columns[0]: discount does not exist with the table property INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY. Drop the column or the property.",
    ),
    "two columns of one name": (
        {"columns": ["tags.a", "resource_tags.a"]},
        "columns[1]: resource_tags.a gives a second column named a (tags.a). Delete one or give it another alias.",
    ),
    "no column": (
        {"columns": []},
        "columns: is an empty list. Name at least one column.",
    ),
    "columns a text": (
        {"columns": "a,b"},
        "columns: 'a,b' is a text where a list belongs. Write lines that begin with a dash, indented below it.",
    ),
    "columns and statement": (
        {"statement": "SELECT a FROM COST_AND_USAGE_REPORT"},
        "statement: is there as well as columns. Delete one of them.",
    ),
    "neither columns nor statement": (
        {"columns": ...},
        "statement: is missing, and so is columns. Write either columns or statement.",
    ),
    "statement from another table": (
        {"columns": ..., "statement": "SELECT a FROM FOCUS_1_2_AWS"},
        "statement: selects from FOCUS_1_2_AWS, but table is COST_AND_USAGE_REPORT. Make the two agree, in upper case.",
    ),
    "statement that is none": (
        {"columns": ..., "statement": "give me all"},
        "statement: is not SELECT … FROM <table>. Write one SELECT with one FROM, as AWS's subset of SQL wants.",
    ),
}


@pytest.mark.parametrize(("changes", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_gives_one_sentence(
    load_export: Callable[[dict[str, Any]], Any], changes: dict[str, Any], sentence: str
) -> None:
    loaded = load_export(changes)
    assert [str(error).partition(": ")[2] for error in loaded.errors] == [sentence]
    assert not loaded.definitions
