"""docs/build.py: when it complains, and how it writes what DAGs of one file do not share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from airflow.sdk import DAG, Param
from docs import build


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page in which nothing is written yet."""
    path = tmp_path / "DAGS.md"
    monkeypatch.setattr(build, "PAGE", path)
    monkeypatch.setattr(build, "build", lambda: "what the DAGs do\n")
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str | None:
    monkeypatch.setattr(sys, "argv", ["docs/build.py", *arguments])
    return build.main()


def test_it_writes_the_page(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch) is None
    assert page.read_text() == "what the DAGs do\n"


def test_a_current_page_passes_the_check(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page.write_text("what the DAGs do\n")
    assert run(monkeypatch, "--check") is None


@pytest.mark.parametrize("before", [None, "what they did\n"])
def test_a_stale_page_fails_the_check_and_stays(
    page: Path, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    if before:
        page.write_text(before)
    assert "make docs" in (run(monkeypatch, "--check") or "")
    assert (page.read_text() if page.exists() else None) == before


def test_a_bar_in_a_cell_is_no_new_column() -> None:
    assert list(build.table(["a"], [["x|y"]]))[-1] == r"| x\|y |"


def test_fields_say_where_dags_differ() -> None:
    dags = [
        DAG(f"lifecycle__{name}", schedule=None, params={"limit": Param(limit, type="integer", title="Limit")})
        for name, limit in (("one", 1), ("two", 2))
    ]
    (row,) = build.form(dags)
    assert row == ["Limit<br>`limit`", "integer", "", "one: `1`<br>two: `2`", ""]


def test_dags_that_cannot_be_imported_are_told(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("from airflow.sdk import DAG\nraise ValueError('the reason')\n")
    with pytest.raises(SystemExit, match=r"(?s)cannot be described.*broken\.py.*the reason"):
        build.load_dags(tmp_path)


def test_a_docstring_becomes_one_line_of_markdown() -> None:
    assert build.summary("Do ``this``\n    and that.\n\n    More.") == "Do `this` and that."
