"""What a campaign reads from the logs."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.chaos.campaign import TRIGGER_FAILED, failed_triggers


@pytest.mark.parametrize("said", TRIGGER_FAILED)
@pytest.mark.parametrize("log", ["triggerer-1.log", "airflow/task_id=wait/attempt=1.log.trigger.28.log"])
def test_a_trigger_that_failed_by_itself_is_told(tmp_path: Path, log: str, said: str) -> None:
    path = tmp_path / log
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"event": "Waiting for bill estimate 1."}\n')
    assert failed_triggers(tmp_path) == []
    path.write_text(f'{{"event": "{said}. Dependent tasks will be failed."}}\n')
    assert failed_triggers(tmp_path) == [f"A trigger failed by itself: {path}"]
