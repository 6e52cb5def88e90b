"""What a run came to: summary.json, and the same for a person."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Summary:
    """The outcome of the demonstration; each entry is what its DAG's `run_reports` returned.

    Args:
        exports: one entry for each export and billing period; its reports are named as files of this machine.
        estimates: one entry for each estimate DAG.
        seconds: from the start of the command to this summary.
    """

    exports: list[dict[str, Any]] = field(default_factory=list)
    estimates: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    def write(self, path: Path) -> None:
        """Write it as JSON; a reader sees the whole file or none."""
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        part.replace(path)

    def entries(self) -> list[dict[str, Any]]:
        """The entries of exports and estimates."""
        return [*self.exports, *self.estimates]

    def headlines(self) -> list[str]:
        """The figures that matter, a line for each export and estimate."""
        return [_export(entry) for entry in self.exports] + [_estimate(entry) for entry in self.estimates]


def _export(entry: dict[str, Any]) -> str:
    # the report page has the currency, which is the payer's; the entry has not
    return (
        f"export {entry['name']}: {entry['status']}, {entry['billing_period']}, "
        f"{entry['rows']:,} rows, cost {entry['cost']:,.2f}"
    )


def _estimate(entry: dict[str, Any]) -> str:
    # AWS estimates in USD only
    before, after = float(entry["historical_cost"]), float(entry["estimated_cost"])
    change = f" ({(after - before) / before:+.1%})" if before else ""
    return f"estimate {entry['name']}: {entry['status']}, {before:,.2f} USD -> {after:,.2f} USD{change}"
