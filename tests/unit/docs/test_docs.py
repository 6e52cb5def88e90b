"""What the documents promise is there: files, headings, commands, names, policies, examples."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bcm.exceptions import BcmError
from bcm.hooks.bucket import delivery_policy
from finops.definitions import load_exports, load_scenarios
from finops.report_catalogue import load_reports, reports_of
from stack.layout import REPO

DOCUMENTS = sorted([REPO / "README.md", REPO / "CHANGELOG.md", *(REPO / "docs").glob("*.md")])
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
POLICY = re.compile(r"<!-- delivery policy: (\S+) for (\d{12}) -->\n```json\n(.*?)```", re.DOTALL)
PARTS = ("hooks", "operators", "sensors", "triggers")
BASES = {"BcmBaseHook", "BcmBaseOperator", "BcmBaseSensor", "BcmBaseTrigger"} | {
    "BcmExportOperator",
    "BcmPricingCalculatorOperator",
    "BcmDeleteOperator",
}


def blocks(path: Path, language: str) -> list[str]:
    """The code blocks of a document in one language."""
    return [body for _, found, body in BLOCK.findall(path.read_text()) if found == language]


def slugs(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def public_names() -> list[str]:
    """The classes that a DAG's author may use."""
    names = set()
    for part in PARTS:
        package = importlib.import_module(f"bcm.{part}")
        for module in pkgutil.iter_modules(package.__path__, f"bcm.{part}."):
            members = inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
            names |= {name for name, found in members if found.__module__ == module.name and name.startswith("Bcm")}
    errors = importlib.import_module("bcm.exceptions")
    names |= {name for name, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, BcmError)}
    return sorted(names - BASES)


def of_all(language: str) -> Any:
    """Every block of a language, as parameters named by document and number."""
    return [
        pytest.param(block, id=f"{path.name}-{number}")
        for path in DOCUMENTS
        for number, block in enumerate(blocks(path, language), start=1)
    ]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", path.read_text())):
        file, _, anchor = target.partition("#")
        if "://" in target:
            continue
        found = (path.parent / file).resolve() if file else path
        if not found.exists() or (anchor and anchor not in slugs(found)):
            dead.append(target)
    assert dead == [], f"{path.name}: correct these links"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_that_is_named_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPO / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z][a-z-]*)", path.read_text(), re.MULTILINE))
    assert named <= targets


def test_every_make_target_is_in_the_readme() -> None:
    described = set(re.findall(r"^([a-z-]+):.*## ", (REPO / "Makefile").read_text(), re.MULTILINE))
    text = (REPO / "README.md").read_text()
    assert {target for target in described if not re.search(rf"`(make )?{target}\b", text)} == set()


@pytest.mark.parametrize("block", of_all("json"))
def test_json_is_json(block: str) -> None:
    assert json.loads(block)


@pytest.mark.parametrize("block", of_all("python"))
def test_python_compiles(block: str) -> None:
    compile(block.replace(", ...)", ")"), "<document>", "exec")  # a document may leave arguments out


@pytest.mark.parametrize(
    "block",
    blocks(REPO / "docs" / "operators.md", "python"),
    ids=lambda block: re.findall(r'DAG\(\s*"(\w+)"', block)[0],
)
def test_an_example_is_a_dag_file(block: str, tmp_path: Path) -> None:
    from airflow.dag_processing.dagbag import BundleDagBag

    (tmp_path / "example.py").write_text(block)
    bag = BundleDagBag(tmp_path, bundle_path=tmp_path, bundle_name="example", load_op_links=False)
    assert bag.import_errors == {}
    (dag,) = bag.dags.values()
    assert dag.tasks


@pytest.mark.parametrize("name", public_names())
def test_every_public_name_of_bcm_is_in_the_manual(name: str) -> None:
    assert f"`{name}`" in (REPO / "docs" / "operators.md").read_text()


def test_the_bucket_policies_are_those_that_the_errors_propose() -> None:
    found = POLICY.findall((REPO / "docs" / "aws.md").read_text())
    assert len(found) == 2
    for bucket, account, text in found:
        wanted = delivery_policy(bucket, account)
        policy = json.loads(text)
        (delivery,) = [each for each in policy["Statement"] if each["Sid"] == wanted["Statement"][0]["Sid"]]
        assert {**policy, "Statement": [delivery]} == wanted


def test_the_definitions_in_the_readme_are_good(tmp_path: Path) -> None:
    kinds = {"exports": load_exports, "scenarios": load_scenarios}
    for block in blocks(REPO / "README.md", "yaml"):
        kind = "exports" if "table" in yaml.safe_load(block) else "scenarios"
        folder = tmp_path / kind
        folder.mkdir()
        (folder / "example.yaml").write_text(block)
        loaded = kinds[kind](folder)
        assert loaded.errors == ()
    exports = load_exports(tmp_path / "exports").definitions
    pairs, errors = reports_of(exports, load_reports(REPO / "include" / "reports"))
    assert errors == []
    assert [fitting for _, fitting in pairs if fitting]


def test_every_billing_permission_exists() -> None:
    import botocore.session

    text = "".join(blocks(REPO / "docs" / "aws.md", "json"))
    for service in ("bcm-data-exports", "bcm-pricing-calculator"):
        operations = set(botocore.session.get_session().get_service_model(service).operation_names)
        named = set(re.findall(rf'"{service}:(\w+)"', text))
        assert named
        # a batch operation is authorised as the one that it repeats
        assert {name for name in named if not {name, f"Batch{name}"} & operations} == set()
