"""How the levels of the tests are run and counted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests import levels
from tests.chaos import programs

PASSING = "def test_a(): pass\ndef test_b(): pass\n"
FAILING = "def test_c(): assert False\n"
SKIPPED = "import pytest\n@pytest.mark.skip\ndef test_d(): pass\n"


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(levels, "REPO", tmp_path)
    monkeypatch.setattr(levels, "REPORTS", tmp_path / "var" / "test")
    for level in ("unit", "dags"):
        (tmp_path / "tests" / level).mkdir(parents=True)
    return tmp_path


def last_lines(captured: pytest.CaptureFixture[str]) -> list[str]:
    return captured.readouterr().out.splitlines()[-3:]


def test_the_tests_of_each_level_are_counted(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repo / "tests" / "unit" / "test_it.py").write_text(PASSING)
    (repo / "tests" / "dags" / "test_it.py").write_text(PASSING + SKIPPED)
    assert levels.main(["unit", "dags"]) == 0
    unit, dags, total = last_lines(capsys)
    assert unit.split()[:3] == ["unit", "2", "passed"]
    assert dags.split()[:5] == ["dags", "2", "passed,", "1", "skipped"]
    assert total == "4 passed, 0 failed, 1 skipped"


def test_a_failure_ends_it_before_the_next_level(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repo / "tests" / "unit" / "test_it.py").write_text(PASSING + FAILING)
    assert levels.main(["unit", "dags"]) == 1
    _, note, total = last_lines(capsys)
    assert note == "unit failed; the levels after it were not run"
    assert total == "2 passed, 1 failed"


def test_a_level_without_tests_has_failed(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert levels.main(["unit"]) == 1
    assert last_lines(capsys)[-1] == "0 passed, 1 failed"


def test_a_level_whose_tests_are_all_skipped_has_failed(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repo / "tests" / "unit" / "test_it.py").write_text(SKIPPED)
    assert levels.main(["unit"]) == 1
    _, note, total = last_lines(capsys)
    assert note == "unit failed; the levels after it were not run"
    assert total == "0 passed, 0 failed, 1 skipped"


def test_a_level_that_could_not_run_stands_in_the_total(
    repo: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(levels, "BROWSERS", ("no-such-browser",))
    monkeypatch.setenv("CI", "")
    (repo / "tests" / "unit" / "test_it.py").write_text(PASSING)
    assert levels.main(["unit", "ui"]) == 0
    _, note, total = last_lines(capsys)
    assert "NOT RUN: no chromium" in note
    assert total == "2 passed, 0 failed; NOT RUN: ui"


@pytest.mark.parametrize(("ci", "said"), [("", "no chromium"), ("true", "")])
def test_only_ci_insists_on_the_browser(ci: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "BROWSERS", ("no-such-browser",))
    monkeypatch.setenv("CI", ci)
    assert said in levels.missing("ui")
    assert bool(levels.missing("ui")) == bool(said)


@pytest.mark.parametrize(("ci", "said"), [("", "no PostgreSQL"), ("true", "")])
def test_only_ci_insists_on_the_chaos(ci: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "POSTGRES", tmp_path)
    monkeypatch.setenv("CI", ci)
    assert said in levels.missing("chaos")
    assert bool(levels.missing("chaos")) == bool(said)


def test_the_compose_tests_fail_with_the_reason_where_there_is_no_engine(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": str(tmp_path)}
    command = [sys.executable, "-m", "pytest", "tests/compose", "-q", "-p", "no:cacheprovider"]
    answer = subprocess.run(
        command, cwd=levels.REPO, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert answer.returncode == 1
    assert "the compose tests need Docker: there is no `docker` command on the PATH" in answer.stdout + answer.stderr
