"""The operations of Data Exports.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_Operations_AWS_Billing_and_Cost_Management_Data_Exports.html
"""

from __future__ import annotations

import uuid
from typing import Any

from emulator.data_exports.definition import accept, check_change, read_query
from emulator.data_exports.destination import Destination
from emulator.data_exports.state import ExportRecord
from emulator.errors import ServiceError, invalid_field
from emulator.paging import page
from emulator.service import Call, Service
from emulator.settings import REGION
from emulator.tables import TABLES

DATA_EXPORTS = Service("bcm-data-exports")
_PAGE = 100


@DATA_EXPORTS.operation("CreateExport")
def create_export(call: Call) -> dict[str, Any]:
    """Create an export; its first run comes within hours."""
    export = call.params["Export"]
    name = export["Name"]
    arn = f"arn:aws:bcm-data-exports:{REGION}:{call.account}:export/{name}-{uuid.uuid4()}"
    definition = accept(export, arn, call.account)
    if any(record.name == name for record in call.world.exports.of(call.account)):
        raise invalid_field("Export.Name", f"An export named {name} already exists")
    _check_quota(call, read_query(definition["DataQuery"]).table.name)
    Destination.of(definition, call.account).check(arn, call.account)
    record = ExportRecord(
        account=call.account,
        arn=arn,
        definition=definition,
        tags=call.params.get("ResourceTags", []),
        created_at=call.now,
        updated_at=call.now,
    )
    call.world.exports.add(record)
    call.world.runner.start(record)
    return {"ExportArn": arn}


@DATA_EXPORTS.operation("UpdateExport")
def update_export(call: Call) -> dict[str, Any]:
    """Replace all fields of an export; the next run uses them. Nothing is known of an update that starts a run."""
    record = _find(call)
    export = call.params["Export"]
    if export.get("ExportArn", record.arn) != record.arn:
        raise invalid_field("Export.ExportArn", f"It differs from ExportArn, {record.arn}")
    definition = accept(export, record.arn, call.account)
    check_change(record.definition, definition)
    Destination.of(definition, call.account).check(record.arn, call.account)
    record.definition, record.updated_at = definition, call.now
    return {"ExportArn": record.arn}


@DATA_EXPORTS.operation("DeleteExport")
def delete_export(call: Call) -> dict[str, Any]:
    """Delete an export; what it delivered stays."""
    record = _find(call)
    call.world.exports.remove(record)
    return {"ExportArn": record.arn}


@DATA_EXPORTS.operation("GetExport")
def get_export(call: Call) -> dict[str, Any]:
    """Describe an export."""
    record = _find(call)
    return {"Export": record.definition, "ExportStatus": record.describe()}


@DATA_EXPORTS.operation("ListExports")
def list_exports(call: Call) -> dict[str, Any]:
    """List the account's exports; there is no filter."""
    entries = [
        {"ExportArn": record.arn, "ExportName": record.name, "ExportStatus": record.describe()}
        for record in call.world.exports.of(call.account)
    ]
    return _paged(call, "Exports", entries)


@DATA_EXPORTS.operation("ListExecutions")
def list_executions(call: Call) -> dict[str, Any]:
    """List an export's executions, newest first."""
    entries = [
        {"ExecutionId": execution.id, "ExecutionStatus": execution.describe()}
        for execution in reversed(_find(call).executions)
    ]
    return _paged(call, "Executions", entries)


@DATA_EXPORTS.operation("GetExecution")
def get_execution(call: Call) -> dict[str, Any]:
    """Describe an execution, with the export as it was when the run began."""
    execution = _find(call).execution(call.params["ExecutionId"])
    return {
        "ExecutionId": execution.id,
        "Export": execution.snapshot,
        "ExecutionStatus": execution.describe(),
    }


@DATA_EXPORTS.operation("ListTables")
def list_tables(call: Call) -> dict[str, Any]:
    """List the tables that an export can query."""
    entries = [
        {
            "TableName": table.name,
            "Description": table.description,
            "TableProperties": [
                {
                    "Name": known.name,
                    "ValidValues": list(known.valid_values) or None,
                    "DefaultValue": known.default,
                    "Description": known.description,
                }
                for known in table.properties
            ],
        }
        for table in TABLES.values()
    ]
    return _paged(call, "Tables", entries)


@DATA_EXPORTS.operation("GetTable")
def get_table(call: Call) -> dict[str, Any]:
    """Describe a table's columns under the given properties."""
    table = TABLES.get(call.params["TableName"])
    if table is None:
        raise invalid_field("TableName", f"There is no table {call.params['TableName']}")
    try:
        properties = table.effective_properties(call.params.get("TableProperties", {}))
    except ValueError as error:
        raise invalid_field("TableProperties", str(error)) from None
    return {
        "TableName": table.name,
        "Description": table.description,
        "TableProperties": properties,
        "Schema": [
            {"Name": column.name, "Type": column.type, "Description": column.description}
            for column in table.columns(properties)
        ],
    }


def _find(call: Call) -> ExportRecord:
    return call.world.exports.find(call.account, call.params["ExportArn"])


def _paged(call: Call, member: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
    items, token = page(entries, call.params.get("MaxResults", _PAGE), call.params.get("NextToken"), "NextToken")
    return {member: items, "NextToken": token}


def _check_quota(call: Call, table: str) -> None:
    """Each table has its own number of exports: 5 of CUR 2.0, 2 of the others."""
    quota = TABLES[table].export_quota
    same = [
        record
        for record in call.world.exports.of(call.account)
        if read_query(record.definition["DataQuery"]).table.name == table
    ]
    if len(same) >= quota:
        raise ServiceError(
            "ServiceQuotaExceededException",
            f"The account already has {quota} exports of {table}, which is its quota",
            resourceType="Export",
            quotaCode=f"exports-per-account-{table}",
        )
