"""How long the model-based tests search: always the same few examples, or as many new ones as asked for."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_ASKED = "MODEL_EXAMPLES"


def search(examples: int, steps: int) -> settings:
    """Give hypothesis' settings: ``examples`` that never change, or ``MODEL_EXAMPLES`` random ones, twice as long."""
    asked = int(os.environ.get(_ASKED, 0))
    return settings(
        derandomize=not asked,
        max_examples=asked or examples,
        stateful_step_count=steps * 2 if asked else steps,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
