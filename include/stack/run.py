"""`make run`: an export and a bill estimate go through their whole lives, and everything is gone afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stack import reports
from stack.deployment import Options, Stack
from stack.follow import Follower
from stack.summary import Summary

if TYPE_CHECKING:
    from stack.interrupts import Interrupts
    from stack.layout import Layout
    from stack.progress import Progress
    from stack.rest import AirflowApi, Run

EXPORT = "export_lifecycle__cur2-daily"
ESTIMATE = "estimate_lifecycle__compute-growth"
RESULT_TASK = "run_reports"


@dataclass
class Demonstration:
    """One run of the two DAGs from nothing to the summary.

    Args:
        layout: the stack's folders.
        options: the stack's options.
        limit: seconds for the two DAG runs.
        interrupts: where waiting looks for a Ctrl-C.
        progress: prints, and counts the time.
    """

    layout: Layout
    options: Options
    limit: float
    interrupts: Interrupts
    progress: Progress

    def run(self) -> None:
        """Do it all; raises `StackError` with the whole story if something does not work."""
        say = self.progress.say
        with Stack(self.layout, self.options, interrupts=self.interrupts, say=say) as stack:
            self.progress.phase_ended("set-up")
            say(f"Airflow answers at {stack.airflow.url}; waiting for the DAGs to be parsed")
            stack.wait_for_dags(EXPORT, ESTIMATE)
            self.progress.phase_ended("DAG parsing")
            runs = [stack.airflow.trigger(EXPORT), stack.airflow.trigger(ESTIMATE)]
            say(f"triggered both; emulated time runs {self.options.speed:g} times faster")
            Follower(stack, runs, self.limit, say).to_the_end()
            self.progress.phase_ended("runs")
            summary = self._summary(stack.airflow, *runs)
            self._fetch(summary, stack.emulator_url)
            self.progress.phase_ended("reports")
        self.progress.phase_ended("tear-down")
        summary.seconds = round(self.progress.seconds, 1)
        summary.write(self.layout.summary)
        say("all stopped")
        print()
        for line in summary.headlines():
            print(line)
        for page in [path for entry in summary.entries() for path in entry["reports"] if path.endswith(".html")]:
            print(f"report page: {page}")
        print(f"summary: {self.layout.summary}")
        print(self.progress.split())

    def _fetch(self, summary: Summary, emulator_url: str) -> None:
        """Bring the reports, and what they were made of, to this machine before the emulator ends."""
        for entry in summary.exports:
            if not reports.fetch_delivery(entry, emulator_url, self.layout.deliveries):
                self.progress.say(f"{entry['name']} was delivered again meanwhile; its files are not kept")
        for entry in summary.estimates:
            reports.fetch_estimate(entry, emulator_url, self.layout.reports)
        for entry in summary.entries():
            entry["reports"] = [
                str(path) for path in reports.fetch(entry["reports"], emulator_url, self.layout.reports)
            ]

    def _summary(self, airflow: AirflowApi, export: Run, estimate: Run) -> Summary:
        return Summary([airflow.xcom(export, RESULT_TASK)], [airflow.xcom(estimate, RESULT_TASK)])
