"""The folders of a stack."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from stack.errors import StackError
from stack.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "run", cache=tmp_path / "cache")


def test_nothing_of_an_earlier_stack_stays(layout: Layout) -> None:
    layout.prepare()
    layout.summary.write_text("old")
    layout.prepare()
    assert not layout.summary.exists()


def test_a_folder_that_no_stack_made_is_left_as_it_is(layout: Layout) -> None:
    layout.folder.mkdir()
    (layout.folder / "thesis.txt").write_text("three years of work")
    with pytest.raises(StackError, match="holds files that no stack made"):
        layout.prepare()
    assert (layout.folder / "thesis.txt").read_text() == "three years of work"


def test_a_file_is_no_folder(layout: Layout) -> None:
    layout.folder.write_text("")
    with pytest.raises(StackError, match="is a file"):
        layout.prepare()


def test_an_empty_folder_will_do(layout: Layout) -> None:
    layout.folder.mkdir(mode=0o755)
    layout.prepare()
    assert layout.airflow_home.is_dir()


def test_the_folder_is_for_this_user_alone(layout: Layout) -> None:
    layout.prepare()
    assert stat.S_IMODE(layout.folder.stat().st_mode) == 0o700


def test_a_second_stack_is_told_who_has_the_folder(layout: Layout) -> None:
    with layout.locked(), pytest.raises(StackError, match=f"process {os.getpid()}"), layout.locked():
        pass


def test_the_folder_is_free_again_afterwards(layout: Layout) -> None:
    with layout.locked():
        pass
    with layout.locked():
        pass
