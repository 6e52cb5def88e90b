"""How the stack waits for its parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack.deployment import Options, Stack
from stack.errors import StackError
from stack.layout import Layout
from stack.rest import ApiError


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(Layout(tmp_path / "run"), Options(patience=5))


def test_an_answer_that_fails_or_stays_away_is_waited_out(stack: Stack) -> None:
    answers: list[ApiError | bool] = [ApiError("database is locked", 500), ApiError("timed out"), True]

    def done() -> bool:
        answer = answers.pop(0)
        if isinstance(answer, ApiError):
            raise answer
        return answer

    stack.wait(done, "it")
    assert answers == []


def test_a_refusal_is_not(stack: Stack) -> None:
    def done() -> bool:
        raise ApiError("forbidden", 403)

    with pytest.raises(ApiError, match="forbidden"):
        stack.wait(done, "it")


def test_what_never_comes_is_named(tmp_path: Path) -> None:
    stack = Stack(Layout(tmp_path / "run"), Options(patience=0))
    with pytest.raises(StackError, match="the emulator was not ready within 0 s"):
        stack.wait(lambda: False, "the emulator")
