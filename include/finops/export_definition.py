"""A data export as code: what is exported, where to, and in which shape."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from finops.definition_errors import choice, missing_either, mistake, mistakes, nearest, shown
from finops.definition_fields import AccountId, Definition, StrictModel
from finops.export_columns import Column, check_columns
from finops.tables import NOT_IN_BILLING_PERIODS, Table, known_tables

_SPACE_OUTSIDE_QUOTES = re.compile(r"('[^']*')|\s+")


def _bucket(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]", value) or ".." in value:
        remedy = "Use 3 to 63 lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit"
        raise mistake(f"{shown(value)} is not a bucket name", remedy)
    if re.fullmatch(r"[0-9]+(\.[0-9]+){3}", value) or value.startswith(("xn--", "sthree-")):
        raise mistake(f"{shown(value)} has a form that S3 refuses for bucket names", "Choose another bucket")
    return value


def _prefix(value: str) -> str:
    if not value:
        raise mistake("is empty", "Write a folder such as exports: AWS does not say where an empty prefix leads")
    if value.startswith("/") or value.endswith("/"):
        raise mistake(f"{shown(value)} begins or ends with a slash", f"Write {value.strip('/') or 'exports'}")
    if "//" in value:
        raise mistake(f"{shown(value)} has an empty segment", f"Write {re.sub('/+', '/', value)}")
    if {".", ".."} & set(value.split("/")):
        raise mistake(
            f"{shown(value)} has a segment . or .., which not every client of S3 takes as it is",
            "Write the folder itself",
        )
    if not re.fullmatch(r"[A-Za-z0-9!\-_.*'()/]{1,1024}", value):
        remedy = "Use up to 1,024 letters, digits and ! - _ . * ' ( ) with / between segments"
        raise mistake(f"{shown(value)} has characters or a length that AWS refuses", remedy)
    return value


def _region(value: str) -> str:
    if not re.fullmatch(r"[a-z]{2,5}(-[a-z]+)+-[0-9]+", value):
        raise mistake(f"{shown(value)} is not a region", "Write the bucket's region, such as us-east-1")
    return value


def _property_value(value: object) -> object:
    # An unquoted TRUE is a truth value in YAML, and what was meant is beyond doubt.
    return str(value).upper() if isinstance(value, bool) else value


class Destination(StrictModel):
    """Where AWS delivers, and in which form.

    :param bucket: existing S3 bucket with AWS's delivery policy.
    :param bucket_owner: account that owns the bucket, 12 digits; None: the export's own account.
    :param prefix: folder(s) in the bucket, without slash at either end.
    :param region: region of the bucket.
    :param format: ``PARQUET`` (compressed inside) or ``TEXT_OR_CSV`` (gzip).
    :param overwrite: ``OVERWRITE_REPORT`` replaces a period's files at every refresh; ``CREATE_NEW_REPORT`` keeps
        each delivery in a folder of its own. AWS allows a later change only from create-new to overwrite.

    https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
    """

    bucket: Annotated[str, AfterValidator(_bucket)]
    bucket_owner: AccountId | None = None
    prefix: Annotated[str, AfterValidator(_prefix)]
    region: Annotated[str, AfterValidator(_region)]
    format: Literal["PARQUET", "TEXT_OR_CSV"]
    overwrite: Literal["OVERWRITE_REPORT", "CREATE_NEW_REPORT"]

    def to_aws(self, account_id: str) -> dict[str, Any]:
        """Return AWS's ``S3Destination`` for an export of this account."""
        owner = {"S3BucketOwner": self.bucket_owner} if self.bucket_owner not in (None, account_id) else {}
        return {
            "S3Bucket": self.bucket,
            **owner,
            "S3Prefix": self.prefix,
            "S3Region": self.region,
            "S3OutputConfigurations": {
                "OutputType": "CUSTOM",
                "Format": self.format,
                "Compression": "PARQUET" if self.format == "PARQUET" else "GZIP",
                "Overwrite": self.overwrite,
            },
        }


class ExportDefinition(Definition):
    """One file of ``include/exports``: a data export that shall exist in AWS.

    :param name: AWS's name of the export: 1-128 letters, digits, '-' and '_'.
    :param table: AWS's table: ``COST_AND_USAGE_REPORT``, ``FOCUS_1_2_AWS`` or ``FOCUS_1_0_AWS``.
    :param table_properties: AWS's settings of the table; what is left out has AWS's default.
    :param columns: what to select, checked against the documented columns. Either this or ``statement``.
    :param statement: the whole ``SELECT … FROM …`` in AWS's subset of SQL, up to 36,000 characters. It is
        checked only by AWS, so it can name columns that are newer than this code.
    :param destination: where AWS delivers.
    :param reports: reports to run on each delivery, by file name without ``.sql``; None: all that fit the table.

    https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_DataExports_Export.html
    """

    table: str
    table_properties: dict[str, Annotated[str, BeforeValidator(_property_value)]] = Field(default={})
    columns: tuple[Column, ...] | None = None
    statement: str | None = Field(default=None, validate_default=True)
    destination: Destination
    reports: tuple[str, ...] | None = None

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not re.fullmatch(r"[0-9A-Za-z\-_]{1,128}", name):
            raise mistake(f"{shown(name)} is not a name that AWS takes", "Use 1 to 128 letters, digits, '-' and '_'")
        return name

    @field_validator("table")
    @classmethod
    def _check_table(cls, name: str) -> str:
        if name in NOT_IN_BILLING_PERIODS:
            problem = f"the deliveries of {name} are not in billing periods, which this version cannot verify yet"
            raise mistake(problem, "Use BcmCreateExportOperator in a DAG of your own")
        if name not in known_tables():
            raise mistake(f"{shown(name)} is not a table of Data Exports", _table_remedy(name))
        return name

    @field_validator("table_properties")
    @classmethod
    def _check_properties(cls, properties: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        if table := known_tables().get(info.data.get("table", "")):
            mistakes(
                ((key,), error) for key, value in properties.items() if (error := _property_mistake(table, key, value))
            )
        return properties

    @field_validator("columns")
    @classmethod
    def _check_columns(cls, columns: tuple[Column, ...] | None, info: ValidationInfo) -> tuple[Column, ...] | None:
        table = known_tables().get(info.data.get("table", ""))
        if columns is not None and table and "table_properties" in info.data:
            mistakes(check_columns(columns, table, info.data["table_properties"]))
        return columns

    @field_validator("statement")
    @classmethod
    def _check_statement(cls, statement: str | None, info: ValidationInfo) -> str | None:
        if "columns" not in info.data:  # it has mistakes of its own, so it is there
            return statement
        if info.data["columns"] is None and statement is None:
            raise missing_either("columns", "statement")
        if info.data["columns"] is not None and statement is not None:
            raise mistake("is there as well as columns", "Delete one of them")
        return statement and _one_line(statement, info.data.get("table"))

    @field_validator("reports")
    @classmethod
    def _check_reports(cls, reports: tuple[str, ...] | None) -> tuple[str, ...] | None:
        found: list[tuple[tuple[int, ...], PydanticCustomError]] = []
        for index, name in enumerate(reports or ()):
            if not re.fullmatch(r"[a-z0-9_]+", name):
                remedy = "Write its file name in include/reports without .sql"
                found.append(((index,), mistake(f"{shown(name)} is not the name of a report", remedy)))
            elif name in (reports or ())[:index]:
                found.append(((index,), mistake(f"{name} is there twice", "Delete one")))
        mistakes(found)
        return reports

    @property
    def bucket_owner(self) -> str:
        """The account that owns the bucket: what every read of it must expect."""
        return self.destination.bucket_owner or self.account_id

    @property
    def query_statement(self) -> str:
        """AWS's ``QueryStatement``."""
        if self.statement is not None:
            return self.statement
        return f"SELECT {', '.join(column.sql for column in self.columns or ())} FROM {self.table}"  # noqa: S608

    @property
    def resource_tags(self) -> list[dict[str, str]]:
        """The tags as ``ResourceTags`` of CreateExport."""
        return [{"Key": key, "Value": value} for key, value in self.tags.items()]

    def to_export(self) -> dict[str, Any]:
        """Return the ``Export`` member of CreateExport and UpdateExport."""
        query: dict[str, Any] = {"QueryStatement": self.query_statement}
        if self.table_properties:
            query["TableConfigurations"] = {self.table: dict(self.table_properties)}
        return {
            "Name": self.name,
            **({"Description": self.description} if self.description else {}),
            "DataQuery": query,
            "DestinationConfigurations": {"S3Destination": self.destination.to_aws(self.account_id)},
            "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
        }


def _table_remedy(name: str) -> str:
    known = f"Known: {', '.join(known_tables())}"
    likely = nearest(name, known_tables())
    return f"Did you mean {likely}? {known}" if likely else known


def _property_mistake(table: Table, key: str, value: str) -> PydanticCustomError | None:
    if key not in table.properties:
        if not table.properties:
            return mistake(f"is not a property of {table.name}", "Delete it: this table has no properties")
        return mistake(f"is not a property of {table.name}", choice(key, list(table.properties)))
    allowed = table.properties[key]
    if allowed and value not in allowed:
        return mistake(f"{shown(value)} is not allowed", choice(value, allowed))
    if not value:
        return mistake("is empty, which AWS refuses", "Delete the line to have AWS's default")
    if len(value) > 16384:
        return mistake(f"has {len(value)} characters", "AWS takes up to 16,384")
    return None


def _one_line(statement: str, table: str | None) -> str:
    """Return the statement without line breaks, after the checks that need no knowledge of columns."""
    line = _SPACE_OUTSIDE_QUOTES.sub(lambda found: found[1] or " ", statement).strip()
    if not 1 <= len(line) <= 36000:
        raise mistake(f"has {len(line)} characters", "AWS takes 1 to 36,000")
    source = re.match(r"(?i)SELECT .* FROM (\w+)( |$)", _without_texts(line))
    if not source:
        raise mistake("is not SELECT … FROM <table>", "Write one SELECT with one FROM, as AWS's subset of SQL wants")
    if table and source[1] != table:
        raise mistake(f"selects from {source[1]}, but table is {table}", "Make the two agree, in upper case")
    return line


def _without_texts(statement: str) -> str:
    return re.sub(r"'[^']*'", "''", statement)
