"""The operations of Data Exports on exports, executions and tables.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_Operations_AWS_Billing_and_Cost_Management_Data_Exports.html
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from functools import partial
from typing import Any

from emulator.data_exports.access import DATA_EXPORTS, find, paged
from emulator.data_exports.definition import accept, check_access, check_change, read_query
from emulator.data_exports.destination import Destination
from emulator.data_exports.state import Execution, ExportRecord
from emulator.data_exports.tags import with_tags
from emulator.protocol.errors import ServiceError, invalid_field
from emulator.protocol.paging import positions
from emulator.protocol.service import Call
from emulator.settings import REGION
from emulator.tables.catalog import TABLES, Table


@DATA_EXPORTS.operation("CreateExport")
def create_export(call: Call) -> dict[str, Any]:
    """Create an export; its first run comes within hours.

    AWS wants more of a caller than that the bucket is open: service-linked roles for recommendations and carbon,
    ``cur:PutReportDefinition`` for CUR 2.0. IAM is not evaluated here.
    """
    export, exports = call.params["Export"], call.world.exports
    name = export["Name"]
    arn = f"arn:aws:bcm-data-exports:{REGION}:{call.account}:export/{name}-{_next_uuid(call)}"
    definition = accept(export, arn, call.account)
    check_access(definition, call.account)
    if any(record.name == name for record in exports.of(call.account)):
        raise invalid_field("Export.Name", f"An export named {name} already exists")
    table = read_query(definition["DataQuery"]).table
    _check_quota(call, table)
    tags = with_tags({}, call.params.get("ResourceTags", []))
    Destination.of(definition, call.account).check(arn, call.account)
    record = ExportRecord(call.account, arn, table.name, definition, tags, created_at=call.now, updated_at=call.now)
    exports.add(record)
    call.world.runner.start(record)
    return {"ExportArn": arn}


@DATA_EXPORTS.operation("UpdateExport")
def update_export(call: Call) -> dict[str, Any]:
    """Replace all fields of an export; the next run uses them. Nothing is known of an update that starts a run."""
    record = find(call)
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
    record = find(call)
    call.world.exports.remove(record)
    return {"ExportArn": record.arn}


@DATA_EXPORTS.operation("GetExport")
def get_export(call: Call) -> dict[str, Any]:
    """Describe an export."""
    record = find(call)
    return {"Export": record.definition, "ExportStatus": record.describe()}


@DATA_EXPORTS.operation("ListExports")
def list_exports(call: Call) -> dict[str, Any]:
    """List the account's exports; there is no filter."""

    def describe(record: ExportRecord) -> dict[str, Any]:
        return {"ExportArn": record.arn, "ExportName": record.name, "ExportStatus": record.describe()}

    return paged(call, "Exports", partial(call.world.exports.after, call.account), 0, describe)


@DATA_EXPORTS.operation("ListExecutions")
def list_executions(call: Call) -> dict[str, Any]:
    """List an export's executions, newest first; all are kept for as long as the export is."""

    def describe(execution: Execution) -> dict[str, Any]:
        return {"ExecutionId": execution.id, "ExecutionStatus": execution.describe()}

    executions = find(call).executions

    def walk(before: int) -> Iterator[tuple[int, Execution]]:
        return ((place, executions[place]) for place in range(before - 1, -1, -1))

    return paged(call, "Executions", walk, len(executions), describe)


@DATA_EXPORTS.operation("GetExecution")
def get_execution(call: Call) -> dict[str, Any]:
    """Describe an execution, with the export as it was when the run began."""
    execution = find(call).execution(call.params["ExecutionId"])
    return {
        "ExecutionId": execution.id,
        "Export": execution.snapshot,
        "ExecutionStatus": execution.describe(),
    }


@DATA_EXPORTS.operation("ListTables")
def list_tables(call: Call) -> dict[str, Any]:
    """List the tables that an export can query."""

    def describe(table: Table) -> dict[str, Any]:
        properties = [
            {
                "Name": known.name,
                "ValidValues": list(known.valid_values) or None,
                "DefaultValue": known.default,
                "Description": known.description,
            }
            for known in table.properties
        ]
        return {"TableName": table.name, "Description": table.description, "TableProperties": properties}

    return paged(call, "Tables", positions(list(TABLES.values())), -1, describe)


@DATA_EXPORTS.operation("GetTable")
def get_table(call: Call) -> dict[str, Any]:
    """Describe a table's columns under the given properties; AWS's sample capitalises their types."""
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
            {"Name": column.name, "Type": column.type.capitalize(), "Description": column.description}
            for column in table.columns(properties)
        ],
    }


def _next_uuid(call: Call) -> uuid.UUID:
    """A world with the same seed gives its accounts' exports the same ids."""
    draw = call.world.draw("export", call.account, call.params["Export"]["Name"], call.world.exports.made)
    return uuid.UUID(int=draw.getrandbits(128), version=4)


def _check_quota(call: Call, table: Table) -> None:
    """Each table has its own number of exports: 5 of CUR 2.0, 2 of the others.

    https://docs.aws.amazon.com/cur/latest/userguide/dataexports-quotas.html (it gives no codes: this one is ours)
    """
    if sum(record.table == table.name for record in call.world.exports.of(call.account)) >= table.export_quota:
        raise ServiceError(
            "ServiceQuotaExceededException",
            f"The account already has {table.export_quota} exports of {table.name}, which is its quota",
            resourceId=call.params["Export"]["Name"],
            resourceType="Export",
            quotaCode=f"exports-per-account-{table.name}",
        )
