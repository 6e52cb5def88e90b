"""
### Definition errors

Has no DAG of its own. When a file of `include/exports`, `include/scenarios` or `include/reports` is wrong, importing
this file fails with one sentence for each mistake, so that it shows as an import error in the UI, while the DAGs of
all other definitions go on.
"""

from __future__ import annotations

from airflow.sdk.exceptions import AirflowException

from finops.definitions import load_exports, load_scenarios
from finops.report_catalogue import load_reports, reports_of
from lifecycle_shared import INCLUDE, REPORTS


class DefinitionErrors(AirflowException):
    """One sentence for each mistake in the definition files."""


_exports, _scenarios = load_exports(INCLUDE / "exports"), load_scenarios(INCLUDE / "scenarios")
_reports = load_reports(REPORTS)
_mistakes = [
    *_exports.errors,
    *_scenarios.errors,
    *_reports.errors,
    *reports_of(_exports.definitions, _reports)[1],
]
if _mistakes:
    raise DefinitionErrors("\n".join(["", *map(str, _mistakes)]))
