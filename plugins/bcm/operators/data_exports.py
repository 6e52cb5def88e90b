"""Create, adopt, update and delete exports."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Literal

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from bcm.exactly_once import Memory, fingerprint
from bcm.exceptions import AwsRefusedError, AwsUnavailableError, BucketRefusedError, ExportExistsError
from bcm.hooks.base import NOT_FOUND_CODES, aws_errors
from bcm.hooks.bucket import PERMISSION_MESSAGE, why_refused
from bcm.hooks.data_exports import BcmDataExportsHook, check_change, differences, merged, restricted
from bcm.links import DataExportsLink
from bcm.operators.base import BcmBaseOperator

#: How long, in seconds, a new bucket policy may take until Data Exports sees it, and the pause between tries.
POLICY_SETTLES = 120.0
POLICY_PAUSE = 10.0
#: With which codes CreateExport may refuse a name that is taken; AWS does not say.
NAME_TAKEN_CODES = frozenset({"ConflictException", "ValidationException"})


class BcmExportOperator(BcmBaseOperator[BcmDataExportsHook]):
    """Base of the operators that write an export."""

    aws_hook_class = BcmDataExportsHook
    link = DataExportsLink
    operator_extra_links = (DataExportsLink(),)
    template_fields: Sequence[str] = aws_template_fields("expected_account_id", "export")
    template_fields_renderers = {"export": "json"}  # noqa: RUF012 - the base class declares it so

    def __init__(self, *, export: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.export = export

    def write(self, method: Literal["create_export", "update_export"], **request: Any) -> str:
        """Call CreateExport or UpdateExport; repeat while the bucket's policy may not have settled yet.

        :raises BucketRefusedError: when Data Exports may not write to the bucket, with the reason
        :raises AwsRefusedError: when AWS refuses the request for another reason
        """
        give_up = time.monotonic() + POLICY_SETTLES
        action = f"{method.title().replace('_', '')} {request['Export']['Name']}"
        while True:
            try:
                with aws_errors(action):
                    return str(getattr(self.hook.conn, method)(**request)["ExportArn"])
            except AwsRefusedError as error:
                if PERMISSION_MESSAGE not in str(error):
                    raise
                destination = request["Export"]["DestinationConfigurations"]["S3Destination"]
                with aws_errors("GetCallerIdentity, to find out why the bucket was refused"):
                    account = self.hook.account_id
                reason, may_settle = why_refused(
                    self._s3(), destination, account, self.hook.conn_partition, self.hook.conn_region_name
                )
                if not may_settle or time.monotonic() >= give_up:
                    raise BucketRefusedError(f"export {request['Export']['Name']}: {reason}") from error
                self.log.info("%s. Trying again in %.0f s, a new policy takes a while to be seen.", error, POLICY_PAUSE)
                time.sleep(POLICY_PAUSE)

    def _s3(self) -> Any:
        from airflow.providers.amazon.aws.hooks.s3 import S3Hook

        return S3Hook(aws_conn_id=self.aws_conn_id, verify=self.verify, config=self.botocore_config).conn


class BcmCreateExportOperator(BcmExportOperator):
    """Bring an export to the state that ``export`` describes: create it, adopt it or update it.

    .. seealso:: https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_DataExports_CreateExport.html

    CreateExport takes no idempotency token, so the name is looked up first: names are unique in an account, and a
    create whose answer was lost is found by its name. Returns the export's ARN; the XCom ``export`` has what the
    executions from now on run with, for the ``export`` of
    :class:`bcm.sensors.data_exports.BcmExportExecutionSensor`.

    :param export: the ``Export`` member of CreateExport: ``Name``, ``DataQuery``, ``DestinationConfigurations``
        (with ``S3BucketOwner`` for a bucket of another account), ``RefreshCadence`` (templated)
    :param resource_tags: ``[{"Key": ..., "Value": ...}]``, put on the export when it is created; the
        tags of an existing one stay as they are (templated)
    :param if_exists: ``adopt`` takes an existing export as it is and logs where it differs, ``update`` changes what
        differs, ``fail`` raises (templated). Only what ``export`` names is compared.
    :param kwargs: see :class:`bcm.operators.base.BcmBaseOperator`
    :raises QueryRefusedError: when the query names a table or column that does not exist
    :raises BucketRefusedError: when Data Exports may not write to the bucket
    :raises ExportExistsError: with ``if_exists="fail"``
    :raises ExportImmutableError: with ``if_exists="update"``, when AWS allows no such change
    :raises AwsRefusedError: when AWS refuses the request, e.g. over the quota of exports
    """

    template_fields: Sequence[str] = aws_template_fields("expected_account_id", "export", "resource_tags", "if_exists")

    def __init__(
        self,
        *,
        resource_tags: list[dict[str, str]] | None = None,
        if_exists: Literal["adopt", "update", "fail"] = "adopt",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.resource_tags = resource_tags
        self.if_exists = if_exists

    def act(self, context: Context) -> str:
        """Create, adopt or update; return the ARN."""
        if self.if_exists not in ("adopt", "update", "fail"):
            raise ValueError(f"if_exists: {self.if_exists!r} is none of adopt, update, fail.")
        arn, export = self._ensure(Memory(context, "bcm_export", fingerprint(self.export)))
        context["ti"].xcom_push(key="export", value=export)
        return arn

    def _ensure(self, memory: Memory) -> tuple[str, dict[str, Any]]:
        found = self.hook.find_export(self.export["Name"])
        if found is None:
            self.hook.check_query(self.export)
            return self._create(memory)
        if self.if_exists == "fail" and not memory.ours:
            raise ExportExistsError(
                f"export {self.export['Name']} exists already ({found}). Choose another name, or set if_exists to "
                "'adopt' or 'update'."
            )
        if self.resource_tags:
            self.log.info("Tags are put on an export when it is created; those of an existing one stay as they are.")
        return self._reconcile(found)

    def _create(self, memory: Memory) -> tuple[str, dict[str, Any]]:
        ours = memory.ours
        memory.intend(self.export["Name"])
        request: dict[str, Any] = {"Export": self.export}
        if self.resource_tags:
            request["ResourceTags"] = self.resource_tags
        try:
            arn = self.write("create_export", **request)
        except AwsUnavailableError:
            lost = self.hook.find_export(self.export["Name"])
            if lost is None:
                raise
            return self._reconcile(lost)
        except BucketRefusedError:
            memory.forget()
            raise
        except AwsRefusedError as error:
            # botocore repeats a request whose answer got lost; the second one then meets the export of the first
            ours = ours or _repeated(error) or (self.if_exists != "fail" and error.code in NAME_TAKEN_CODES)
            lost = self.hook.find_export(self.export["Name"]) if ours else None
            if lost is None:
                memory.forget()  # else the next try would take what gets the name for its own
                raise
            return self._reconcile(lost)
        self.log.info("Created export %s: %s.", self.export["Name"], arn)
        return arn, self.export

    def _reconcile(self, arn: str) -> tuple[str, dict[str, Any]]:
        current = self.hook.get_export(arn)["Export"]
        changes = differences(self.export, current)
        if not changes:
            self.log.info("Export %s is as wanted: %s.", self.export["Name"], arn)
        elif self.if_exists == "update":
            self.hook.check_query(self.export)
            check_change(self.export, current)
            self.log.info("Updating export %s: %s.", self.export["Name"], "; ".join(changes))
            self.write("update_export", ExportArn=arn, Export=merged(current, self.export))
        else:
            self.log.warning("Adopting export %s, which differs: %s.", self.export["Name"], "; ".join(changes))
            return arn, restricted(current, self.export)
        return arn, self.export


def _repeated(error: AwsRefusedError) -> bool:
    """Tell whether botocore had sent the refused request before."""
    response = getattr(error.__cause__, "response", {})
    return bool(response.get("ResponseMetadata", {}).get("RetryAttempts"))


class BcmUpdateExportOperator(BcmExportOperator):
    """Replace the definition of an export.

    .. seealso:: https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_DataExports_UpdateExport.html

    UpdateExport replaces every field: what ``export`` leaves out is gone. Name, table, refresh cadence and billing
    view cannot change, and the overwrite mode only from CREATE_NEW_REPORT to OVERWRITE_REPORT. Returns the ARN.

    :param export_arn: the export (templated)
    :param export: its whole new ``Export`` (templated)
    :param kwargs: see :class:`bcm.operators.base.BcmBaseOperator`
    :raises ExportImmutableError: when AWS allows no such change
    :raises AwsRefusedError: when AWS refuses the request, with code ResourceNotFoundException for an unknown ARN
    """

    template_fields: Sequence[str] = aws_template_fields("expected_account_id", "export", "export_arn")

    def __init__(self, *, export_arn: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.export_arn = export_arn

    def act(self, context: Context) -> str:
        """Check the change, then make it."""
        self.hook.check_query(self.export)
        check_change(self.export, self.hook.get_export(self.export_arn)["Export"])
        return self.write("update_export", ExportArn=self.export_arn, Export=self.export)


class BcmDeleteExportOperator(BcmBaseOperator[BcmDataExportsHook]):
    """Delete an export. What it has delivered stays in the bucket; an export that is gone already is a success.

    .. seealso:: https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_DataExports_DeleteExport.html

    :param export_arn: the export (templated)
    :param kwargs: see :class:`bcm.operators.base.BcmBaseOperator`
    """

    aws_hook_class = BcmDataExportsHook
    link = DataExportsLink
    operator_extra_links = (DataExportsLink(),)
    template_fields: Sequence[str] = aws_template_fields("expected_account_id", "export_arn")

    def __init__(self, *, export_arn: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.export_arn = export_arn

    def act(self, context: Context) -> None:
        """Delete the export."""
        try:
            with aws_errors(f"DeleteExport {self.export_arn}"):
                self.hook.conn.delete_export(ExportArn=self.export_arn)
        except AwsRefusedError as error:
            if error.code not in NOT_FOUND_CODES:
                raise
            self.log.info("Export %s is gone already.", self.export_arn)
