"""docs/emulator.md says what the emulator does: its options, its control API, its faults, its tolerated rules."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request

import pytest
from tests.peers.tables.test_focus_validator import TOLERATED

from emulator.cli import parser
from emulator.faults.rules import _CONDITIONS, parse_fault
from emulator.server import running
from stack.layout import REPO

PAGE = (REPO / "docs" / "emulator.md").read_text()
RULES = json.loads(re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0])


@pytest.mark.parametrize("rule", RULES, ids=json.dumps)
def test_every_rule_is_understood(rule: dict[str, object]) -> None:
    parse_fault(rule, 0)


def test_every_effect_has_a_rule_and_every_condition_a_word() -> None:
    assert set(_CONDITIONS) == {name for rule in RULES for name in rule if name in _CONDITIONS}
    known = {name for names in _CONDITIONS.values() for name in names}
    assert {name for name in known if f"`{name}`" not in PAGE} == set()


def test_every_option_of_the_command_is_there() -> None:
    options = {option for action in parser()._actions for option in action.option_strings if option.startswith("--")}
    assert {option for option in options - {"--help"} if option not in PAGE} == set()


def test_every_route_of_the_control_api_is_there() -> None:
    with running() as emulator, pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{emulator.url}/_emulator/nothing")
    with caught.value as answer:
        routes = re.findall(r"([A-Z]+) /_emulator/([a-z/]+)", json.load(answer)["error"])
    assert routes
    assert {route for route in routes if f"`{route[0]} {route[1]}" not in PAGE} == set()


def test_every_tolerated_rule_of_focus_is_named() -> None:
    assert {rule for rule in TOLERATED if rule not in PAGE} == set()
