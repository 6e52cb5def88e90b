"""What is launched: definitions of exports and scenarios for one campaign, and its runs in their order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import yaml

from stack.environment import PAYER
from stack.layout import REPO

TABLES = ("COST_AND_USAGE_REPORT", "FOCUS_1_2_AWS", "FOCUS_1_0_AWS")
QUOTAS = {TABLES[0]: 5, TABLES[1]: 2, TABLES[2]: 2}
"""How many exports of a table AWS lets an account have; nine in all."""
RUNS_OF_A_SCENARIO = 5
FEWEST_FOR_DOOM = 3
"""With so many exports or more, one of them only ever fails on AWS's side, and its runs must fail."""


@dataclass(frozen=True)
class Launch:
    """One DAG run to be.

    Args:
        kind: `export` or `estimate`.
        definition: the definition's name.
        run_id: unique in the campaign.
    """

    kind: str
    definition: str
    run_id: str

    @property
    def dag_id(self) -> str:
        """The definition's DAG."""
        return f"{self.kind}_lifecycle__{self.definition}"


@dataclass(frozen=True)
class Workload:
    """The definitions by name, as their files have them, and the runs in the order of their launch.

    Args:
        exports: each has two runs or more, that find one another's export.
        scenarios: each has up to five runs, each of which makes a scenario and an estimate of its own.
        doomed: the name of the export whose executions AWS fails; empty if there is none.
    """

    exports: dict[str, dict[str, Any]]
    scenarios: dict[str, dict[str, Any]]
    doomed: str
    launches: list[Launch]

    def write(self, include: Path) -> None:
        """Put the definitions in the place of the project's own."""
        for folder, definitions in (("exports", self.exports), ("scenarios", self.scenarios)):
            for path in (include / folder).glob("*.yaml"):
                path.unlink()
            for name, definition in definitions.items():
                text = yaml.safe_dump(definition, sort_keys=False)
                (include / folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def workload(runs: int) -> Workload:
    """Plan `runs` runs, at least 2: one half of exports, the other of estimates, by turns."""
    of_exports = runs // 2
    of_estimates = runs - of_exports
    exports = _exports(-(-of_exports // 2))
    scenarios = _scenarios(-(-of_estimates // RUNS_OF_A_SCENARIO))
    launches = [
        # runs of one definition are launched one after another, so that they meet
        Launch(kind, [*definitions][number * len(definitions) // count], f"chaos-{kind}-{number + 1}")
        for kind, definitions, count in (("export", exports, of_exports), ("estimate", scenarios, of_estimates))
        for number in range(count)
    ]
    by_turns = chain.from_iterable(zip_longest(launches[:of_exports], launches[of_exports:]))
    doomed = [*exports][-1] if len(exports) >= FEWEST_FOR_DOOM else ""
    return Workload(exports, scenarios, doomed, [launch for launch in by_turns if launch])


def _exports(number: int) -> dict[str, dict[str, Any]]:
    """The definitions of so many exports, or as many as the quotas allow: the project's own two, varied."""
    tables = chain.from_iterable(zip_longest(*([table] * quota for table, quota in QUOTAS.items())))
    found = {}
    for index, table in enumerate([table for table in tables if table][:number]):
        name = f"chaos-{index + 1}"
        definition = _file("exports/cur2-daily.yaml" if table == TABLES[0] else "exports/focus-monthly.yaml")
        destination = definition["destination"] | {
            "bucket": f"finops-exports-{PAYER}",
            "bucket_owner": PAYER,
            # some are replaced while they are read, others are not
            "overwrite": "CREATE_NEW_REPORT" if index % 2 else "OVERWRITE_REPORT",
        }
        found[name] = definition | {"name": name, "table": table, "destination": destination, "schedule": None}
        if table == TABLES[2]:
            del found[name]["table_properties"]  # it has none
    return found


def _scenarios(number: int) -> dict[str, dict[str, Any]]:
    """The definitions of so many scenarios: the project's own two, by turns."""
    found = {}
    for index in range(number):
        name = f"chaos-{index + 1}"
        definition = _file(f"scenarios/{('compute-growth', 'savings-plan')[index % 2]}.yaml")
        found[name] = definition | {"name": name, "schedule": None}
    return found


@cache
def _file(name: str) -> dict[str, Any]:
    definition: dict[str, Any] = yaml.safe_load((REPO / "include" / name).read_text(encoding="utf-8"))
    return definition
