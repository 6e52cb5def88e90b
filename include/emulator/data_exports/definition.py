"""Checks an export's definition and turns it into what AWS keeps and echoes."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from emulator.protocol.errors import FieldProblem, ServiceError, invalid, invalid_field
from emulator.tables.catalog import TABLES, Table
from emulator.tables.query import Query, QueryError, parse

# The model lists the values of each member and no page the combinations. CUSTOM is what the console offers, and ZIP
# what the migration guide says of CSV; ATHENA and REDSHIFT take what legacy reports take for them:
# https://docs.aws.amazon.com/cur/latest/userguide/dataexports-migrate.html
OUTPUTS = {
    "CUSTOM": (("PARQUET", "PARQUET"), ("TEXT_OR_CSV", "GZIP"), ("TEXT_OR_CSV", "ZIP")),
    "ATHENA": (("PARQUET", "PARQUET"),),
    "REDSHIFT": (("TEXT_OR_CSV", "GZIP"),),
}
_OUTPUT = "Export.DestinationConfigurations.S3Destination.S3OutputConfigurations"
_CONFIGURATIONS = "Export.DataQuery.TableConfigurations"
_BILLING_VIEW = "BILLING_VIEW_ARN"


def accept(export: Mapping[str, Any], arn: str, account: str) -> dict[str, Any]:
    """Check everything about a definition that needs no look at S3, and give it as AWS echoes it.

    Table properties come back with their defaults and with the account's primary billing view, whether sent or
    not; a table that has no properties loses an empty map.

    :param export: AWS's Export, checked by the model.
    :raises ServiceError: ValidationException.
    """
    _check_output(export["DestinationConfigurations"]["S3Destination"]["S3OutputConfigurations"])
    query = read_query(export["DataQuery"])
    kept = copy.deepcopy(dict(export))
    kept["ExportArn"] = arn
    sent = (export["DataQuery"].get("TableConfigurations") or {}).get(query.table.name, {})
    properties = _properties(query.table, sent, account)
    if properties:
        kept["DataQuery"]["TableConfigurations"] = {query.table.name: properties}
    else:
        kept["DataQuery"].pop("TableConfigurations", None)
    return kept


def read_query(data_query: Mapping[str, Any]) -> Query:
    """Parse a DataQuery.

    :raises ServiceError: ValidationException if the statement, a table or a property is not valid.
    """
    configurations = data_query.get("TableConfigurations") or {}
    for name, properties in configurations.items():
        if name not in TABLES:
            raise invalid_field(_CONFIGURATIONS, f"There is no table {name}")
        try:
            TABLES[name].effective_properties(properties)
        except ValueError as error:
            raise invalid_field(_CONFIGURATIONS, str(error)) from None
    try:
        return parse(data_query["QueryStatement"], configurations)
    except QueryError as error:
        raise invalid(error.summary, [FieldProblem("Export.DataQuery.QueryStatement", str(error))]) from None


def check_access(definition: Mapping[str, Any], account: str) -> None:
    """Check that the billing view of a new export is one of the account's own.

    :param definition: as :func:`accept` gives it.
    :raises ServiceError: AccessDeniedException, which CreateExport has and UpdateExport has not: an export's view
        never changes.
    """
    own = f"arn:aws:billing::{account}:billingview/"
    view = _billing_view(definition)
    if view is not None and (not view.startswith(own) or view == own):
        raise ServiceError("AccessDeniedException", f"The account has no access to the billing view {view!r}")


def check_change(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Check what UpdateExport may not change; both definitions as :func:`accept` gives them.

    AWS's pages disagree about table configurations; here all may change but the billing view. The model has one
    refresh cadence only, so that cannot change either.

    :raises ServiceError: ValidationException.
    """
    old_table, new_table = (read_query(export["DataQuery"]).table.name for export in (old, new))
    if new["Name"] != old["Name"]:
        raise invalid_field("Export.Name", f"The name of an export cannot change from {old['Name']}")
    if new_table != old_table:
        raise invalid_field("Export.DataQuery.QueryStatement", f"The table cannot change from {old_table}")
    if _billing_view(new) != _billing_view(old):
        raise invalid_field(_CONFIGURATIONS, "The billing view of an export cannot change")
    if (_overwrite(old), _overwrite(new)) == ("OVERWRITE_REPORT", "CREATE_NEW_REPORT"):
        raise invalid_field(f"{_OUTPUT}.Overwrite", "An export that overwrites cannot change to CREATE_NEW_REPORT")


def _properties(table: Table, sent: Mapping[str, str], account: str) -> dict[str, str]:
    properties = table.effective_properties(sent)
    if any(known.name == _BILLING_VIEW for known in table.properties):
        properties.setdefault(_BILLING_VIEW, f"arn:aws:billing::{account}:billingview/primary")
    return properties


def _check_output(output: Mapping[str, str]) -> None:
    accepted = OUTPUTS[output["OutputType"]]
    if (output["Format"], output["Compression"]) not in accepted:
        pairs = ", ".join(f"{format_} with {compression}" for format_, compression in accepted)
        raise invalid_field(f"{_OUTPUT}.Compression", f"OutputType {output['OutputType']} goes with {pairs}")


def _billing_view(export: Mapping[str, Any]) -> str | None:
    configurations: Mapping[str, Mapping[str, str]] = export["DataQuery"].get("TableConfigurations", {})
    return next((properties.get(_BILLING_VIEW) for properties in configurations.values()), None)


def _overwrite(export: Mapping[str, Any]) -> str:
    output: Mapping[str, str] = export["DestinationConfigurations"]["S3Destination"]["S3OutputConfigurations"]
    return output["Overwrite"]
