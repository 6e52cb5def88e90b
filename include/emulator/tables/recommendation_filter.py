"""FILTER of COST_OPTIMIZATION_RECOMMENDATIONS: the `filter` of Cost Optimization Hub's ListRecommendations, as JSON.

https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cor.html
Botocore's model of the hub says what a filter may hold. Its members narrow each other down, the values of a member
are alternatives.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape

from emulator.protocol.validation import RequestReader
from emulator.sql.conditions import text

# What a member looks at: columns of the table, or `resource_id`, which only the emulator's own SQL has.
COLUMNS = {
    "accountIds": ("account_id",),
    "actionTypes": ("action_type",),
    "implementationEfforts": ("implementation_effort",),
    "recommendationIds": ("recommendation_id",),
    "regions": ("region",),
    "resourceArns": ("resource_arn",),
    "resourceIds": ("resource_id",),
    "resourceTypes": ("current_resource_type", "recommended_resource_type"),
    "restartNeeded": ("restart_needed",),
    "rollbackPossible": ("rollback_possible",),
}


def filter_sql(statement: str) -> str:
    """The filter as a DuckDB condition over the table's columns; `true` if it asks for nothing.

    Raises ValueError for what is no filter: the end of a sentence that begins with the property's name.
    """
    conditions = [_condition(member, wanted) for member, wanted in _read(statement).items()]
    return " AND ".join(conditions) or "true"


def _read(statement: str) -> dict[str, Any]:
    try:
        filters = json.loads(statement)
    except ValueError:
        raise ValueError(f"must be a JSON object, not {statement!r}.") from None
    if isinstance(filters, dict):
        for member in filters.keys() - {*COLUMNS, "tags"}:
            raise ValueError(f"has no member {member}. It has {', '.join(sorted([*COLUMNS, 'tags']))}.")
    read, problems = RequestReader().read(_shape(), filters)
    for problem in problems:
        raise ValueError(f"is not valid: {problem.name or 'FILTER'}: {problem.message}.")
    return dict(read)


def _condition(member: str, wanted: Any) -> str:
    if member == "tags":
        any_tag = [f"tags[{text(tag.get('key', ''))}] = {text(tag.get('value', ''))}" for tag in wanted]
        return f"({' OR '.join(any_tag)})"
    values = str(wanted).lower() if isinstance(wanted, bool) else ", ".join(map(text, wanted))
    return "(" + " OR ".join(f"{column} IN ({values})" for column in COLUMNS[member]) + ")"


@cache
def _shape() -> Shape:
    """The filter's shape. The hub's name is ListRecommendations' own, so a newer botocore brings new words along."""
    model = Loader().load_service_model("cost-optimization-hub", "service-2")
    return ServiceModel(model, "cost-optimization-hub").shape_for("Filter")
