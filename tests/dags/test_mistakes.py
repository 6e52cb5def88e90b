"""A mistake in one definition file is one import error that says how to mend it, and costs no other DAG."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.dags.conftest import INCLUDE, parse

EXPORT = "exports/cur2-daily.yaml"
SCENARIO = "scenarios/compute-growth.yaml"
Change = Callable[[dict[str, Any]], None]


def set_to(value: Any, *path: str) -> Change:
    """Set the member at a path."""

    def change(content: dict[str, Any]) -> None:
        for name in path[:-1]:
            content = content[name]
        content[path[-1]] = value

    return change


def broken(path: Path, change: Change) -> None:
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content))


def all_dags() -> set[str]:
    exports = {f"export_lifecycle__{path.stem}" for path in (INCLUDE / "exports").glob("*.yaml")}
    return exports | {f"estimate_lifecycle__{path.stem}" for path in (INCLUDE / "scenarios").glob("*.yaml")}


def only_error() -> str:
    """Parse, and give the sentences of the only import error."""
    bag = parse()
    assert list(bag.import_errors) == ["definition_errors.py"], bag.import_errors
    return bag.import_errors["definition_errors.py"]


@pytest.mark.parametrize(
    ("file", "change", "field"),
    [
        (EXPORT, set_to("12345", "account_id"), "account_id"),
        (EXPORT, set_to("NO_SUCH_TABLE", "table"), "table"),
        (EXPORT, set_to(["no_such_column"], "columns"), "columns"),
        (EXPORT, set_to("XLSX", "destination", "format"), "destination.format"),
        (EXPORT, set_to("every day", "schedule"), "schedule"),
        (EXPORT, set_to(1, "no_such_field"), "no_such_field"),
        (EXPORT, set_to(["no_such_report"], "reports"), "reports"),
        (SCENARIO, set_to("12345", "account_id"), "account_id"),
        (SCENARIO, set_to("a name with spaces", "name"), "name"),
        (SCENARIO, set_to([], "usage_modifications"), "usage_modifications"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mistake_is_named_by_file_field_and_remedy(include: Path, file: str, change: Change, field: str) -> None:
    broken(include / file, change)
    error = only_error()
    sentences = [line for line in error.splitlines() if Path(file).stem in line]
    assert len(sentences) == 1, f"one mistake is one sentence, not:\n{error}"
    name, said_field, rest = sentences[0].split(":", 2)
    assert Path(file).stem in name
    assert field.split(".")[-1] in said_field or field in rest
    assert rest.rstrip().endswith("."), f"the sentence must end with a remedy: {sentences[0]}"


@pytest.mark.parametrize("file", [EXPORT, SCENARIO])
def test_the_other_dags_go_on(include: Path, file: str) -> None:
    broken(include / file, set_to("12345", "account_id"))
    lost = {dag for dag in all_dags() if dag.endswith(f"__{Path(file).stem}")}
    assert set(parse().dags) == all_dags() - lost


def test_a_file_that_is_no_yaml_is_named(include: Path) -> None:
    (include / EXPORT).write_text("name: [unclosed\ncolumns: }")
    assert "cur2-daily.yaml" in only_error()
    assert set(parse().dags) == all_dags() - {"export_lifecycle__cur2-daily"}


def test_two_files_of_one_name_are_named(include: Path) -> None:
    (include / "exports" / "zz-copy.yaml").write_text((include / EXPORT).read_text())
    assert "cur2-daily" in only_error()
    others = all_dags() - {"export_lifecycle__cur2-daily"}
    assert others <= set(parse().dags)


def test_a_report_that_is_no_sql_costs_no_dag(include: Path) -> None:
    report = include / "reports" / "cost_by_service.sql"
    report.write_text(report.read_text().replace("SELECT", "SELEKT").replace("select", "selekt"))
    bag = parse()
    assert set(bag.dags) == all_dags()
    assert set(bag.import_errors) <= {"definition_errors.py"}


def test_every_mistake_of_several_files_is_named_at_once(include: Path) -> None:
    broken(include / EXPORT, set_to("12345", "account_id"))
    broken(include / SCENARIO, set_to("12345", "account_id"))
    error = only_error()
    assert "cur2-daily.yaml" in error
    assert "compute-growth.yaml" in error


def test_no_definition_at_all_is_no_error(include: Path) -> None:
    for path in [*include.glob("exports/*.yaml"), *include.glob("scenarios/*.yaml")]:
        path.unlink()
    bag = parse()
    assert (dict(bag.dags), bag.import_errors) == ({}, {})


def test_a_new_definition_file_is_a_new_dag(include: Path) -> None:
    content = yaml.safe_load((include / EXPORT).read_text())
    (include / "exports" / "another.yaml").write_text(yaml.safe_dump({**content, "name": "another"}))
    assert set(parse().dags) == all_dags() | {"export_lifecycle__another"}
