"""Wait for an execution of an export."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields

from bcm.hooks.data_exports import BcmDataExportsHook
from bcm.links import DataExportsLink
from bcm.looks import ExecutionLook
from bcm.sensors.base import BcmBaseSensor
from bcm.triggers.data_exports import BcmExportExecutionTrigger


class BcmExportExecutionSensor(BcmBaseSensor):
    """Wait until an execution of an export has delivered.

    .. seealso:: https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html

    AWS starts executions by itself (the first within 24 hours of CreateExport, then up to three a day and billing
    period); nothing can start one. Without ``execution_id`` the newest execution counts that ``since`` and
    ``export`` allow. Returns ``export_arn``, ``execution_id``, ``status``, ``created_at`` and ``completed_at``.

    :param export_arn: ARN of the export (templated)
    :param execution_id: wait for this execution (templated)
    :param since: only executions created at or after this time, ISO 8601 (templated)
    :param export: an ``Export`` as CreateExport takes it: only executions whose snapshot has what it names
        (templated)
    :param timeout: seconds until the wait gives up; default 36 hours
    :param kwargs: see :class:`bcm.sensors.base.BcmBaseSensor`
    :raises ExecutionFailedError: on QUERY_FAILURE and DELIVERY_FAILURE, with AWS's reason
    :raises ResourceVanishedError: when the export no longer exists
    :raises UnknownStatusError: on a status that this version does not know
    :raises AirflowSensorTimeout: when ``timeout`` has passed
    """

    aws_hook_class = BcmDataExportsHook
    link = DataExportsLink
    operator_extra_links = (DataExportsLink(),)
    template_fields: Sequence[str] = aws_template_fields(
        "expected_account_id", "export_arn", "execution_id", "since", "export"
    )
    template_fields_renderers = {"export": "json"}  # noqa: RUF012 - the base class declares it so

    def __init__(
        self,
        *,
        export_arn: str,
        execution_id: str | None = None,
        since: str | None = None,
        export: dict[str, Any] | None = None,
        timeout: timedelta | float = timedelta(hours=36),
        **kwargs: Any,
    ) -> None:
        super().__init__(timeout=timeout, **kwargs)
        self.export_arn = export_arn
        self.execution_id = execution_id
        self.since = since
        self.export = export
        self._start_in_triggerer()

    def look(self) -> ExecutionLook:
        """Return what this sensor looks at."""
        return ExecutionLook.rendered(self.export_arn, self.execution_id, self.since, self.export)

    def trigger(self, **shared: Any) -> BcmExportExecutionTrigger:
        """Return the trigger that goes on looking."""
        return BcmExportExecutionTrigger(
            export_arn=self.export_arn,
            execution_id=self.execution_id,
            since=self.since,
            export=self.export,
            **shared,
        )
