"""How the model-based tests search: always the same few examples, or as many new ones as asked for."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, ParamSpec

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal.cache import LRUCache
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from hypothesis.strategies._internal.featureflags import FeatureFlags

_ASKED = int(os.environ.get("MODEL_EXAMPLES", 0))
#: Seconds for pytest-timeout: most of them only for finding the shortest way to a failure.
TIMEOUT = 0 if _ASKED else 600
#: How often each operation and each rule must have been carried out in a search, so that it cannot be vacuous.
LEAST = 5


_Params = ParamSpec("_Params")


class Unrepeatable(BaseException):
    """Something failed that no second run does the same way. hypothesis lets it through: it is no ``Exception``."""


def only_once(function: Callable[_Params, None]) -> Callable[_Params, None]:
    """Let a failure be reported as it is, where hypothesis could only try it again and say that it is flaky."""

    @wraps(function)
    def unrepeatable(*args: _Params.args, **kwargs: _Params.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except Exception as error:
            raise Unrepeatable(f"{error} (with {args[1:]})") from error

    return unrepeatable


class Life(RuleBasedStateMachine):
    """A machine that counts what it really did, over all examples of a search.

    :param tally: how often each rule and each operation was carried out, and whatever else is worth counting.
    """

    def __init__(self, tally: Counter[str]) -> None:
        super().__init__()
        self.tally = tally
        self.tally["lives"] += 1
        self.carried_out = 0

    def did(self, what: str) -> None:
        """Count something that was carried out; what merely was refused is not."""
        self.carried_out += 1
        self.tally[what] += 1


def step(**strategies: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a rule of a :class:`Life` that counts as carried out if something in it was."""

    def make(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def counted(self: Life, **values: Any) -> None:
            before = self.carried_out
            self.tally["steps"] += 1
            function(self, **values)
            self.tally[function.__name__] += self.carried_out > before

        made = rule(**strategies)(counted)
        made.is_step = True
        return made

    return make


def steps_of(machine: type[Life]) -> set[str]:
    """Name the rules of a machine that were made by :func:`step`."""
    return {name for name in dir(machine) if hasattr(getattr(machine, name), "is_step")}


def search(make: Callable[[], Life], *, examples: int, steps: int) -> None:
    """Live ``examples`` lives of ``steps`` steps that never change, or ``MODEL_EXAMPLES`` random ones, twice as long.

    hypothesis likes to draw numbers and texts that stand in our sources: it is kept from that, or the examples would
    be others after each change of any file.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(providers.HypothesisProvider, "_local_constants", Constants())
        patch.setattr(providers, "CONSTANTS_CACHE", LRUCache(1024))
        if not _ASKED:
            patch.setattr(FeatureFlags, "is_enabled", lambda self, name: True)
        kept = settings(
            derandomize=not _ASKED,
            max_examples=_ASKED or examples,
            stateful_step_count=steps * 2 if _ASKED else steps,
            phases=[Phase.generate, Phase.shrink],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        run_state_machine_as_test(make, settings=kept)


def assert_lived(tally: Counter[str], wanted: Iterable[str]) -> None:
    """Check that everything wanted was carried out often enough for the search to mean something."""
    short = {name: tally[name] for name in sorted(wanted) if tally[name] < LEAST}
    assert not short, f"hardly ever carried out in the whole search: {short}"
