"""How long the model-based tests search: always the same few examples, or as many new ones as asked for."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_ASKED = int(os.environ.get("MODEL_EXAMPLES", 0))
#: Seconds for pytest-timeout: most of them only for finding the shortest way to a failure.
TIMEOUT = 0 if _ASKED else 600


def search(examples: int, steps: int) -> settings:
    """Give hypothesis' settings: ``examples`` that never change, or ``MODEL_EXAMPLES`` random ones, twice as long."""
    return settings(
        derandomize=not _ASKED,
        max_examples=_ASKED or examples,
        stateful_step_count=steps * 2 if _ASKED else steps,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
