"""The services beside moto, with all their operations registered."""

from __future__ import annotations

from emulator.data_exports import operations
from emulator.data_exports.access import DATA_EXPORTS
from emulator.pricing_calculator import (
    estimate_contents,
    estimates,
    preferences,
    scenario_commitments,
    scenario_usage,
    scenarios,
    tags,
    workload_estimates,
    workload_usage,
)
from emulator.pricing_calculator.access import PRICING_CALCULATOR
from emulator.protocol.service import Service

# Importing these modules registers their operations.
_OPERATIONS = (
    operations,
    estimate_contents,
    estimates,
    preferences,
    scenario_commitments,
    scenario_usage,
    scenarios,
    tags,
    workload_estimates,
    workload_usage,
)

SERVICES: tuple[Service, ...] = (DATA_EXPORTS, PRICING_CALCULATOR)
