"""The faults of a campaign are rules that the emulator takes."""

from __future__ import annotations

from tests.chaos.trouble import rules

from emulator.faults.rules import parse_fault


def test_the_emulator_takes_every_rule() -> None:
    for index, rule in enumerate(rules("doomed")):
        parse_fault(rule, index)


def test_without_a_doomed_export_no_delivery_fails() -> None:
    assert not [rule for rule in rules("") if "execution" in rule]
