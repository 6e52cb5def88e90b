"""What a campaign launches."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from tests.chaos.workload import QUOTAS, workload

from finops.definitions import load_exports, load_scenarios
from stack.layout import REPO


@pytest.mark.parametrize("runs", [2, 3, 7, 40, 200])
def test_it_has_so_many_runs_of_both_kinds_by_turns(runs: int) -> None:
    launches = workload(runs).launches
    assert len(launches) == len({launch.run_id for launch in launches}) == runs
    kinds = [launch.kind for launch in launches]
    assert kinds[:2] == ["export", "estimate"]
    assert abs(kinds.count("export") - kinds.count("estimate")) <= 1


def test_every_definition_has_runs_and_the_quotas_are_kept() -> None:
    work = workload(40)
    runs = Counter((launch.kind, launch.definition) for launch in work.launches)
    assert all(2 <= runs["export", name] <= 3 for name in work.exports)
    assert all(runs["estimate", name] == 5 for name in work.scenarios)
    assert Counter(each["table"] for each in work.exports.values()) == QUOTAS


def test_the_definitions_are_good_ones(tmp_path: Path) -> None:
    shutil.copytree(REPO / "include" / "exports", tmp_path / "exports")
    shutil.copytree(REPO / "include" / "scenarios", tmp_path / "scenarios")
    work = workload(40)
    work.write(tmp_path)
    exports, scenarios = load_exports(tmp_path / "exports"), load_scenarios(tmp_path / "scenarios")
    assert (exports.errors, scenarios.errors) == ((), ())
    assert {each.name for each in exports.definitions} == set(work.exports)
    assert {each.name for each in scenarios.definitions} == set(work.scenarios)


def test_one_export_is_doomed_if_there_are_some() -> None:
    assert workload(6).doomed == ""
    assert workload(40).doomed in workload(40).exports
