"""What the reader of requests does beyond refusing: types, times, absent and unknown members.

Refusals of every trait of every operation are in test_validation_model.py.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from emulator.protocol.validation import RequestReader
from emulator.services import SERVICES

EXPORTS, CALCULATOR = SERVICES
ACTION = "BillScenarioCommitmentModificationAction"


def read(service, shape, value):
    return RequestReader().read(service.model.shape_for(shape), value)


def problems(service, shape, value):
    return {problem.name: problem.message for problem in read(service, shape, value)[1]}


def test_null_counts_as_absent_and_unknown_members_are_dropped():
    assert read(EXPORTS, "ListExportsRequest", {"MaxResults": None, "Other": 1}) == ({}, [])


def test_every_wrong_field_is_named():
    assert problems(EXPORTS, "ListExportsRequest", {"MaxResults": 301, "NextToken": "x" * 8193}) == {
        "MaxResults": "Member must have value less than or equal to 300",
        "NextToken": "Member must have length less than or equal to 8192",
    }


@pytest.mark.parametrize("value", [1795000000, 1795000000.0])
def test_timestamps_are_epoch_seconds_unless_the_model_says_otherwise(value):
    assert read(CALCULATOR, "Timestamp", value) == (datetime.fromtimestamp(1795000000, UTC), [])


@pytest.mark.parametrize("value", ["2026-11-18T11:06:40Z", "2026-11-18T13:06:40.000000000+02:00"])
def test_timestamps_are_iso_8601_where_the_model_says_so(value):
    assert read(EXPORTS, "SyntheticTimestamp_date_time", value) == (datetime.fromtimestamp(1795000000, UTC), [])


@pytest.mark.parametrize(
    ("service", "shape", "value"),
    [
        (EXPORTS, "SyntheticTimestamp_date_time", 1795000000),
        (EXPORTS, "SyntheticTimestamp_date_time", "yesterday"),
        (CALCULATOR, "Timestamp", "2026-11-18T11:06:40Z"),
        (CALCULATOR, "Timestamp", True),
        (CALCULATOR, "Timestamp", 1e300),
        (CALCULATOR, "Timestamp", -1e14),
        (CALCULATOR, "Timestamp", float("inf")),
    ],
)
def test_other_timestamps_are_refused(service, shape, value):
    assert len(read(service, shape, value)[1]) == 1


@pytest.mark.parametrize("value", [2, 2.5, -0.0, 1e308])
def test_a_double_is_any_finite_number(value):
    assert read(CALCULATOR, "Double", value) == (float(value), [])


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 10**400, True, "1", None])
def test_other_doubles_are_refused(value):
    assert len(read(CALCULATOR, "Double", value)[1]) == 1


def test_lengths_are_counted_in_characters_not_in_bytes():
    assert read(EXPORTS, "ResourceTagKey", "\U0001f4b8" * 128)[1] == []


@pytest.mark.parametrize("action", [{}, {"addSavingsPlanAction": {}, "negateSavingsPlanAction": {}}, {"other": {}}])
def test_a_union_has_exactly_one_member(action):
    assert list(problems(CALCULATOR, ACTION, action)) == [""]


@pytest.mark.parametrize("action", [{"addSavingsPlanAction": {}}, {"addSavingsPlanAction": {}, "other": 1}])
def test_a_union_does_not_count_members_that_it_does_not_know(action):
    assert problems(CALCULATOR, ACTION, action) == {}


def test_a_list_that_is_too_long_is_one_problem():
    entries = [{"id": "no id"}] * 26
    assert problems(CALCULATOR, "BatchUpdateBillScenarioUsageModificationEntries", entries) == {
        "": "Member must have length less than or equal to 25"
    }


def test_a_shape_that_holds_itself_is_read_to_its_end():
    expression = {"not": {"and": [{"or": [{"tags": {"key": 7}}]}]}}
    assert list(problems(CALCULATOR, "Expression", expression)) == ["not.and.1.member.or.1.member.tags.key"]
