"""Folders of definition files: what is loaded, and what a broken file gives."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml
from tests.unit.finops.conftest import EXPORT, changed

from finops.definitions import load_exports, load_scenarios

INCLUDE = Path(__file__).resolve().parents[3] / "include"


def write(folder: Path, file: str, **changes: object) -> None:
    (folder / file).write_text(yaml.safe_dump(changed(EXPORT, changes)))


def sentences(folder: Path) -> list[str]:
    return [str(error).removeprefix(f"{folder.name}/") for error in load_exports(folder).errors]


def test_definitions_are_sorted_by_name_whatever_their_files_are_called(tmp_path: Path) -> None:
    write(tmp_path, "1.yaml", name="b")
    write(tmp_path, "2.yml", name="a")
    assert [definition.name for definition in load_exports(tmp_path).definitions] == ["a", "b"]


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    for name in ("README.md", ".hidden.yaml", "cur.yaml.bak"):
        (tmp_path / name).write_text("nonsense: [")
    assert load_exports(tmp_path).errors == ()


def test_bad_file_leaves_the_good_ones(tmp_path: Path) -> None:
    write(tmp_path, "bad.yaml", name="not a name")
    write(tmp_path, "good.yaml")
    loaded = load_exports(tmp_path)
    assert [definition.name for definition in loaded.definitions] == ["cur2-daily"]
    assert [error.file for error in loaded.errors] == [f"{tmp_path.name}/bad.yaml"]


def test_several_mistakes_of_a_file_are_all_told(tmp_path: Path) -> None:
    write(
        tmp_path, "f.yaml", account_id="1", columns=["a", "tags.b"], schedule="daily", **{"destination.format": "csv"}
    )
    fields = [error.field for error in load_exports(tmp_path).errors]
    assert sorted(fields) == ["account_id", "columns[0]", "destination.format", "schedule"]


def test_one_name_in_two_files_refuses_both(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml")
    write(tmp_path, "b.yaml")
    write(tmp_path, "c.yaml", name="other")
    assert [definition.name for definition in load_exports(tmp_path).definitions] == ["other"]
    folder = tmp_path.name
    assert sentences(tmp_path) == [
        f"a.yaml: name: cur2-daily is also the name in {folder}/b.yaml, so none of these files is used. "
        "Rename or delete one.",
        f"b.yaml: name: cur2-daily is also the name in {folder}/a.yaml, so none of these files is used. "
        "Rename or delete one.",
    ]


def test_missing_folder_is_told(tmp_path: Path) -> None:
    assert "does not exist" in str(load_exports(tmp_path / "nowhere").errors[0])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "f.yaml: the file: is empty. Fill it in after the pattern of its neighbours, or delete it."),
        (
            b"# only a comment\n",
            "f.yaml: the file: is empty. Fill it in after the pattern of its neighbours, or delete it.",
        ),
        (b"- a\n", "f.yaml: the file: holds a list where a mapping belongs. Write field: value lines."),
        (b"name: \xff\xfe", "f.yaml: the file: is not UTF-8 text. Save it as UTF-8."),
        (
            b"name: a\ntable: x\n  y: z\n",
            "f.yaml: line 3: is not valid YAML (mapping values are not allowed in this context). "
            "Look for a missing quote, a tab or wrong indentation in this line or above it.",
        ),
        (
            b"name: a\n\ttable: x\n",
            "f.yaml: line 2: is not valid YAML (found a tab character that violates indentation). "
            "Look for a missing quote, a tab or wrong indentation in this line or above it.",
        ),
        (
            b"name: a\ntable: x\nname: b\n",
            "f.yaml: line 3: is not valid YAML (name is there twice). "
            "Look for a missing quote, a tab or wrong indentation in this line or above it.",
        ),
        (
            b"name: 2026-13-45\n",
            "f.yaml: the file: is not valid YAML (month must be in 1..12). Correct the value, or put it in quotes.",
        ),
    ],
    ids=["empty", "comment", "list", "not text", "indentation", "tab", "key twice", "no such date"],
)
def test_broken_file_gives_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "f.yaml").write_bytes(content)
    assert sentences(tmp_path) == [sentence]


def test_octal_account_id_is_refused_although_yaml_reads_it(tmp_path: Path) -> None:
    write(tmp_path, "f.yaml")
    text = (tmp_path / "f.yaml").read_text().replace("'111122223333'", "012345670123")
    (tmp_path / "f.yaml").write_text(text)
    assert [error.field for error in load_exports(tmp_path).errors] == ["account_id"]


def test_what_we_ship_has_no_mistake() -> None:
    exports, scenarios = load_exports(INCLUDE / "exports"), load_scenarios(INCLUDE / "scenarios")
    assert exports.errors == scenarios.errors == ()
    assert [definition.name for definition in exports.definitions] == ["cur2-daily", "focus-monthly"]
    assert [definition.name for definition in scenarios.definitions] == ["compute-growth", "savings-plan"]


def test_loading_is_quick_enough_for_each_parse_of_a_dag_file() -> None:
    load_exports(INCLUDE / "exports")  # the first call imports croniter and reads the columns
    took = []
    for _ in range(5):
        started = time.perf_counter()
        load_exports(INCLUDE / "exports")
        load_scenarios(INCLUDE / "scenarios")
        took.append(time.perf_counter() - started)
    assert min(took) < 0.015
