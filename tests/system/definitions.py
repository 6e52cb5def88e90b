"""The exports that the tests add to the project's own: one for the crashes, the others with one mistake each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from stack.environment import DATA_ACCOUNT, PAYER

OWN_BUCKET, FOCUS_BUCKET = f"finops-exports-{PAYER}", f"finops-focus-{DATA_ACCOUNT}"


def export(name: str, bucket: str = OWN_BUCKET, **changes: Any) -> dict[str, Any]:
    """A small CUR 2.0 export as a definition file has it, with some fields changed."""
    place = {"prefix": "tests", "region": "us-east-1", "format": "PARQUET", "overwrite": "OVERWRITE_REPORT"}
    columns = [
        "line_item_usage_start_date",
        "line_item_usage_account_id",
        "line_item_product_code",
        "line_item_unblended_cost",
    ]
    return {
        "name": name,
        "account_id": PAYER,
        "table": "COST_AND_USAGE_REPORT",
        **({} if "statement" in changes else {"columns": columns}),
        "destination": {"bucket": bucket, **place},
        "schedule": None,
        **changes,
    }


CRASH = export("crash")
WRONG_ACCOUNT = export("wrong-account", FOCUS_BUCKET, account_id=DATA_ACCOUNT)
NO_BUCKET = export("no-bucket", "finops-nowhere")
FOREIGN_BUCKET = export("foreign-bucket", FOCUS_BUCKET)
UNKNOWN_COLUMN = export("unknown-column", statement="SELECT line_item_unblended_costs FROM COST_AND_USAGE_REPORT")
MISSING_FILE, TRUNCATED, EMPTY = export("missing-file"), export("truncated"), export("empty")

ALL = (CRASH, WRONG_ACCOUNT, NO_BUCKET, FOREIGN_BUCKET, UNKNOWN_COLUMN, MISSING_FILE, TRUNCATED, EMPTY)


def write(folder: Path, *definitions: dict[str, Any]) -> None:
    """Write definitions to files of a folder."""
    for definition in definitions:
        (folder / f"{definition['name']}.yaml").write_text(yaml.safe_dump(definition, sort_keys=False))
