"""Exports and what-ifs as code: the public names.

>>> loaded = load_exports("include/exports")
>>> loaded.definitions[0].to_export()  # the Export of CreateExport
>>> [str(error) for error in loaded.errors]  # one sentence for each mistake
"""

from __future__ import annotations

from finops.definition_errors import DefinitionError
from finops.export_columns import Column
from finops.export_definition import Destination, ExportDefinition
from finops.loading import Loaded, load_exports, load_scenarios
from finops.scenario_commitments import CommitmentModification
from finops.scenario_definition import ScenarioDefinition
from finops.scenario_usage import HistoricalUsage, UsageModification

__all__ = [
    "Column",
    "CommitmentModification",
    "DefinitionError",
    "Destination",
    "ExportDefinition",
    "HistoricalUsage",
    "Loaded",
    "ScenarioDefinition",
    "UsageModification",
    "load_exports",
    "load_scenarios",
]
