"""Running the operator that ensures an export, and what of it reached AWS."""

from __future__ import annotations

from typing import Any

from tests.unit.bcm.support import StateStore, a_context

from bcm.operators.data_exports import BcmCreateExportOperator
from emulator.server import Emulator


def ensure(export: dict[str, Any], context: Any = None, **kwargs: Any) -> str:
    """Run the operator as one try of a task."""
    operator = BcmCreateExportOperator(task_id="t", export=export, **kwargs)
    return operator.execute(context or a_context(StateStore()))


def calls(emu: Emulator, *operations: str) -> list[str]:
    """The writing requests that reached AWS, or those of the named operations."""
    wanted = operations or ("CreateExport", "UpdateExport", "DeleteExport")
    return [one["operation"] for one in emu.requests(service="bcm-data-exports") if one["operation"] in wanted]
