"""Which reports there are, and which of them an export's DAG runs. Only headers are read: this runs at each parse."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from finops.definition_errors import DefinitionError, choice
from finops.export_definition import ExportDefinition
from finops.report_files import Report, ReportError, read_report

_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Catalogue:
    """The report files of a folder.

    :param reports: the good ones, by name
    :param errors: one for each bad one
    """

    reports: dict[str, Report]
    errors: tuple[ReportError, ...]


def load_reports(folder: Path) -> Catalogue:
    """Read the headers of a folder's report files. Raises nothing: see ``errors``."""
    reports: dict[str, Report] = {}
    errors: list[ReportError] = []
    for path in sorted(folder.glob("*.sql")):
        try:
            if not _NAME.fullmatch(path.stem):
                raise ReportError(
                    f"{path.name}: a report's file name may hold letters, digits, '_' and '-'. Rename it."
                )
            reports[path.stem] = read_report(path)
        except ReportError as error:
            errors.append(error)
    return Catalogue(reports, tuple(errors))


def reports_of(
    definitions: Sequence[ExportDefinition], catalogue: Catalogue
) -> tuple[list[tuple[ExportDefinition, list[str]]], list[DefinitionError]]:
    """Pair each export with the names of the reports that it may run.

    :return: the pairs, and an error for each export that asks for a report that there is not
    """
    pairs: list[tuple[ExportDefinition, list[str]]] = []
    errors: list[DefinitionError] = []
    for definition in definitions:
        fitting = [name for name, report in catalogue.reports.items() if report.fits(definition.table)]
        unknown = [name for name in definition.reports or () if name not in fitting]
        if unknown:
            problem = f"{', '.join(unknown)}: no report of include/reports that fits table {definition.table}"
            errors.append(DefinitionError(f"export {definition.name}", "reports", problem, choice(unknown[0], fitting)))
        else:
            pairs.append((definition, fitting))
    return pairs, errors
