"""Filter expressions of historical usage, over one line of a bill."""

from __future__ import annotations

import pytest

from emulator.pricing_calculator.expressions import Attributes, matches, problem

LINE = Attributes(
    {"SERVICE": ["Amazon Simple Storage Service", "AmazonS3"], "LINKED_ACCOUNT": ["444455556666"], "AZ": [""]},
    {"user_team": "checkout"},
    {"business_unit": "Commerce"},
)
SERVICE = {"dimensions": {"key": "SERVICE", "values": ["AmazonS3"]}}
OTHER = {"dimensions": {"key": "LINKED_ACCOUNT", "values": ["111122223333"]}}


def tag(*values, key="team", options=()):
    return {"tags": {"key": key, "values": list(values), "matchOptions": list(options)}}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({}, True),
        (SERVICE, True),
        (OTHER, False),
        ({"dimensions": {"key": "SERVICE", "values": ["Amazon Simple Storage Service", "x"]}}, True),
        ({"and": [SERVICE, OTHER]}, False),
        ({"or": [SERVICE, OTHER]}, True),
        ({"or": [OTHER, OTHER]}, False),
        ({"not": OTHER}, True),
        ({"not": SERVICE}, False),
        ({"and": [SERVICE, {"or": [OTHER, {"not": tag("search")}]}]}, True),
        (tag("checkout"), True),
        (tag("checkout", key="user:team"), True),
        (tag("search", "checkout"), True),
        (tag("Checkout"), False),
        (tag("Checkout", options=["EQUALS", "CASE_INSENSITIVE"]), True),
        (tag("check", options=["STARTS_WITH"]), True),
        (tag("out", options=["ENDS_WITH"]), True),
        (tag("eck", options=["CONTAINS", "CASE_SENSITIVE"]), True),
        (tag("eck"), False),
        (tag(options=["ABSENT"]), False),
        (tag(key="project", options=["ABSENT"]), True),
        (tag("checkout", key="project"), False),
        ({"dimensions": {"key": "AZ", "matchOptions": ["ABSENT"]}}, True),
        ({"costCategories": {"key": "business_unit", "values": ["Commerce"]}}, True),
        ({"costCategories": {"key": "other", "values": ["Commerce"]}}, False),
    ],
)
def test_a_line_passes(expression, expected):
    assert matches(expression, LINE) is expected


@pytest.mark.parametrize(
    ("expression", "word"),
    [
        ({"dimensions": {"key": "COLOUR", "values": ["red"]}}, "COLOUR"),
        ({"and": [SERVICE, {"not": tag("x", options=["LIKE"])}]}, "LIKE"),
    ],
)
def test_what_cost_explorer_does_not_know_is_named(expression, word):
    assert word in problem(expression)


def test_nothing_is_wrong_with_what_it_knows():
    assert problem({"and": [SERVICE, {"or": [OTHER, tag("x", options=["EQUALS", "CASE_SENSITIVE"])]}]}) is None
