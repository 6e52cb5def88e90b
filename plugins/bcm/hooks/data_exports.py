"""AWS Data Exports: https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_Operations_AWS_Billing_and_Cost_Management_Data_Exports.html"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bcm.exceptions import ExportImmutableError, QueryRefusedError
from bcm.hooks.base import BcmBaseHook, aws_errors

#: The documented shape of a query: one SELECT list of columns, ``map.key`` and aliases, one table.
QUERY = re.compile(r"^\s*SELECT\s+(?P<items>.+?)\s+FROM\s+(?P<table>\w+)\b", re.IGNORECASE | re.DOTALL)


def differences(wanted: Any, actual: Any, path: str = "") -> list[str]:
    """Return where ``actual`` differs from ``wanted``, as "path: actual -> wanted".

    Only what ``wanted`` names is compared: AWS echoes table properties that nobody sent, and turns an empty map
    into none, so that plain equality would find a difference for ever.
    """
    if isinstance(wanted, Mapping):
        found = actual if isinstance(actual, Mapping) else {}
        return [
            line
            for key, value in wanted.items()
            for line in differences(value, found.get(key), f"{path}.{key}".lstrip("."))
        ]
    if wanted in (None, "") and actual in (None, ""):
        return []
    if path.endswith("QueryStatement") and isinstance(actual, str):
        wanted, actual = " ".join(str(wanted).split()), " ".join(actual.split())
    return [] if wanted == actual else [f"{path}: {actual!r} -> {wanted!r}"]


def merged(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``current`` with what ``wanted`` names: UpdateExport would drop what a request leaves out.

    Empty values that AWS echoes are left out: it refuses an empty BILLING_VIEW_ARN that is sent back.
    """
    result = {key: value for key, value in current.items() if value not in (None, "", {})}
    for key, value in wanted.items():
        known = current.get(key)
        result[key] = merged(known, value) if isinstance(known, Mapping) and isinstance(value, Mapping) else value
    return result


def restricted(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``wanted`` names, with the values of ``current``.

    What AWS adds by itself (the ARN, table properties) is left out: whether the snapshots of its executions carry
    that too is documented nowhere.
    """
    result = {}
    for key, value in wanted.items():
        known = current.get(key)
        if known not in (None, "", {}):
            both = isinstance(known, Mapping) and isinstance(value, Mapping)
            result[key] = restricted(known, value) if both else known
    return result


def check_change(wanted: Mapping[str, Any], current: Mapping[str, Any]) -> None:
    """Refuse what AWS does not allow on an existing export.

    See https://docs.aws.amazon.com/cur/latest/userguide/dataexports-edit-export-details.html

    :raises ExportImmutableError: with the field and the remedy
    """
    fixed = [
        line
        for name in ("Name", "RefreshCadence")
        if name in wanted
        for line in differences(wanted[name], current.get(name), name)
    ]
    tables = [_table(export) for export in (current, wanted)]
    if None not in tables and tables[0] != tables[1]:
        fixed.append(f"DataQuery.QueryStatement: table {tables[0]} -> {tables[1]}")
    modes = [_overwrite(export) for export in (current, wanted)]
    if modes == ["OVERWRITE_REPORT", "CREATE_NEW_REPORT"]:
        fixed.append("S3OutputConfigurations.Overwrite: OVERWRITE_REPORT -> CREATE_NEW_REPORT")
    if fixed:
        raise ExportImmutableError(
            f"export {current['Name']}: AWS does not allow this change of an existing export: {'; '.join(fixed)}. "
            "Give the new definition another name, and delete the old export when nobody needs it."
        )


def _table(export: Mapping[str, Any]) -> str | None:
    match = QUERY.match(export["DataQuery"]["QueryStatement"])
    return match["table"] if match else None


def _overwrite(export: Mapping[str, Any]) -> str | None:
    mode: str | None = export["DestinationConfigurations"]["S3Destination"]["S3OutputConfigurations"].get("Overwrite")
    return mode


class BcmDataExportsHook(BcmBaseHook):
    """Interact with AWS Data Exports (boto3 client ``bcm-data-exports``).

    :param kwargs: ``aws_conn_id``, ``region_name``, ``verify``, ``config``, as for every hook of the amazon provider
    """

    service = "bcm-data-exports"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "client_type": self.service})

    def find_export(self, name: str) -> str | None:
        """Return the ARN of the account's export called ``name``, or None. Names are unique in an account."""
        with aws_errors(f"ListExports to find {name}"):
            for page in self.conn.get_paginator("list_exports").paginate():
                for summary in page["Exports"]:
                    if summary["ExportName"] == name:
                        return str(summary["ExportArn"])
        return None

    def get_export(self, export_arn: str) -> dict[str, Any]:
        """Return ``Export`` and ``ExportStatus`` of an export.

        :raises AwsRefusedError: with code ResourceNotFoundException when it does not exist
        """
        with aws_errors(f"GetExport {export_arn}"):
            return dict(self.conn.get_export(ExportArn=export_arn))

    def get_execution(self, export_arn: str, execution_id: str) -> dict[str, Any]:
        """Return an execution: ``ExecutionId``, ``ExecutionStatus`` and ``Export`` as it was when it ran."""
        with aws_errors(f"GetExecution {execution_id} of {export_arn}"):
            return dict(self.conn.get_execution(ExportArn=export_arn, ExecutionId=execution_id))

    def check_query(self, export: Mapping[str, Any]) -> None:
        """Check the table and the columns of an export's query against GetTable, before anything is created.

        A query outside the documented shape is left for AWS to judge.

        :param export: the ``Export`` member of CreateExport
        :raises QueryRefusedError: when the table or a column does not exist with these table properties
        """
        query = export["DataQuery"]
        match = QUERY.match(query["QueryStatement"])
        if not match:
            return
        table = match["table"]
        properties = (query.get("TableConfigurations") or {}).get(table) or {}
        action = f"GetTable {table} for the query of export {export['Name']}"
        with aws_errors(action):
            schema = self.conn.get_table(TableName=table, TableProperties=properties)["Schema"]
        if match["items"].strip() == "*":
            raise QueryRefusedError(
                f"export {export['Name']}: DataQuery.QueryStatement: Data Exports takes no SELECT *. Name the columns: "
                f"{', '.join(column['Name'] for column in schema)}."
            )
        columns = {column["Name"] for column in schema}
        for item in match["items"].split(","):
            column = item.split()[0].split(".")[0] if item.split() else ""
            if column and column not in columns:
                near = sorted(columns, key=lambda name: _distance(name, column))[:1]
                raise QueryRefusedError(
                    f"export {export['Name']}: DataQuery.QueryStatement: table {table} has no column {column!r} with "
                    f"properties {properties or 'at their defaults'}. Did you mean {near[0]!r}? Names are "
                    "case-sensitive, and some columns need a table property (see the GetTable answer)."
                )


def newest_first(executions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort executions by ``CreatedAt``, the newest first; AWS promises no order."""
    return sorted(executions, key=created_at, reverse=True)


def created_at(execution: Mapping[str, Any]) -> datetime:
    """Return when an execution was created."""
    moment: datetime = execution["ExecutionStatus"]["CreatedAt"]
    return moment


def _distance(name: str, wanted: str) -> float:
    from difflib import SequenceMatcher

    return -SequenceMatcher(None, name.lower(), wanted.lower()).ratio()
