"""`make run`: an export and a bill estimate go through their whole lives, and everything is gone afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stack import reports
from stack.clock import set_speed
from stack.deployment import Options, Stack
from stack.errors import StackError
from stack.follow import Follower
from stack.summary import Summary

if TYPE_CHECKING:
    from stack.interrupts import Interrupts
    from stack.layout import Layout
    from stack.progress import Progress
    from stack.rest import Run

EXPORT = "export_lifecycle__cur2-daily"
ESTIMATE = "estimate_lifecycle__compute-growth"
WAIT_TASK = "await_execution"
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
            summary = self._follow(stack)
            self.progress.phase_ended("runs and reports")
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

    def _follow(self, stack: Stack) -> Summary:
        """Trigger both and bring home what a run made as soon as it has ended."""
        summary = Summary()

        def changed(run: Run, task_id: str, state: str) -> None:
            if (run.dag_id, task_id, state) == (EXPORT, WAIT_TASK, "success"):
                # AWS would deliver again and replace, within seconds, what is about to be reported on and fetched
                set_speed(stack.emulator_url, 1)

        def ended(run: Run) -> None:
            entries = stack.airflow.results(run, RESULT_TASK)
            if not entries:
                raise StackError(f"{run.dag_id} succeeded without any report. The logs are in {self.layout.logs}.")
            if run.dag_id == EXPORT:
                summary.exports = [self._fetch_export(entry, stack.emulator_url) for entry in entries]
                set_speed(stack.emulator_url, self.options.speed)
            else:
                summary.estimates = [self._fetch_estimate(entry, stack.emulator_url) for entry in entries]

        runs = [stack.airflow.trigger(EXPORT), stack.airflow.trigger(ESTIMATE)]
        self.progress.say(f"triggered both; emulated time runs {self.options.speed:g} times faster")
        Follower(stack, runs, self.limit, self.progress.say, changed, ended).to_the_end()
        return summary

    def _fetch_export(self, entry: dict[str, Any], emulator_url: str) -> dict[str, Any]:
        """Bring a period's delivery and reports to this machine; return the entry with the reports' new places."""
        if not reports.fetch_delivery(entry, emulator_url, self.layout.deliveries, self.interrupts.check):
            self.progress.say(f"{entry['name']} was delivered again meanwhile; its files are not kept")
        return self._fetch_reports(entry, emulator_url)

    def _fetch_estimate(self, entry: dict[str, Any], emulator_url: str) -> dict[str, Any]:
        """Bring an estimate and its reports to this machine; return the entry with the reports' new places."""
        reports.fetch_estimate(entry, emulator_url, self.layout.reports)
        return self._fetch_reports(entry, emulator_url)

    def _fetch_reports(self, entry: dict[str, Any], emulator_url: str) -> dict[str, Any]:
        paths = reports.fetch(entry["reports"], emulator_url, self.layout.reports, self.interrupts.check)
        return {**entry, "reports": [str(path) for path in paths]}
