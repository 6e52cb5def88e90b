"""Waits on AWS Data Exports in the triggerer."""

from __future__ import annotations

from typing import Any

from bcm.hooks.data_exports import BcmDataExportsHook
from bcm.looks import ExecutionLook
from bcm.triggers.base import BcmBaseTrigger


class BcmExportExecutionTrigger(BcmBaseTrigger):
    """Fires when an execution of an export has ended.

    The event is a verdict of ``bcm.statuses``: ``outcome`` (success, execution_failed, vanished, refused,
    unknown_status, timeout), and for an execution its ``export_arn``, ``execution_id``, ``status``,
    ``status_reason``, ``created_at`` and ``completed_at``.

    :param export_arn: the export
    :param execution_id: the execution; None takes the newest that the next two allow
    :param since: ISO 8601 time; only executions created then or later
    :param export: only executions whose snapshot of the export has what this ``Export`` names
    :param kwargs: see :class:`bcm.triggers.base.BcmBaseTrigger`
    """

    hook_class = BcmDataExportsHook

    def __init__(
        self,
        *,
        export_arn: str,
        execution_id: str | None = None,
        since: str | None = None,
        export: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.export_arn = export_arn
        self.execution_id = execution_id
        self.since = since
        self.export = export

    def awaited(self) -> dict[str, Any]:
        """Return the arguments that say what is awaited."""
        names = ("export_arn", "execution_id", "since", "export")
        return {name: getattr(self, name) for name in names}

    def look(self) -> ExecutionLook:
        """Return what this trigger looks at."""
        return ExecutionLook.rendered(self.export_arn, self.execution_id, self.since, self.export)
