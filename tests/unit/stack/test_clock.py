"""The emulator's clock, set from outside."""

from __future__ import annotations

import pytest

from emulator.server import running
from stack.clock import set_speed
from stack.errors import StackError
from stack.processes import free_port


def test_the_emulators_time_slows_down() -> None:
    with running(speed=1200) as emulator:
        set_speed(emulator.url, 1)
        assert emulator.clock.speed == 1


def test_an_emulator_that_does_not_answer_is_told_in_a_sentence() -> None:
    with pytest.raises(StackError, match="did not set its clock"):
        set_speed(f"http://127.0.0.1:{free_port()}", 1)
