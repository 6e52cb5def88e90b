"""Whether anything was lost or doubled: Airflow's runs against AWS's ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.chaos.ledger import KEPT_IN, Account, Outcome
from tests.chaos.workload import Workload

COMPLETE, FAILED = "COMPLETE", "FAILED"
DELIVERED = "DELIVERY_SUCCESS"


def faults(workload: Workload, runs: list[Outcome], aws: Account) -> list[str]:
    """One sentence for everything that is not as it must be; none if all is well."""
    exports = [run for run in runs if run.launch.kind == "export"]
    estimates = [run for run in runs if run.launch.kind == "estimate"]
    return [
        *_lost(runs, aws),
        *(sentence for run in exports for sentence in _export(run, workload, aws)),
        *(sentence for run in estimates for sentence in _estimate(run, workload, aws)),
        *_too_many_exports(exports, aws),
        *_too_many_estimates(estimates, aws),
        *_bill(estimates, aws),
        *(
            f"{operation} was called {times} times; nobody asked for it."
            for operation, times in aws.changed.items()
            if times
        ),
    ]


def _lost(runs: list[Outcome], aws: Account) -> Iterator[str]:
    for run in runs:
        name = run.launch.run_id
        if run.state not in ("success", "failed"):
            yield f"{name} did not end: it is {run.state or 'unknown to Airflow'}."
        if run.state == "success":
            if not run.reports:
                yield f"{name} succeeded without a report."
            for uri in sorted(set(run.reports) - aws.objects):
                yield f"{name} succeeded, but its report {uri} is not there."


def _export(run: Outcome, workload: Workload, aws: Account) -> Iterator[str]:
    name, of = run.launch.run_id, run.launch.definition
    if of not in aws.exports:
        yield f"{name}: there is no export {of}."
        return
    if run.made and run.made != aws.exports[of]:
        yield f"{name} took {run.made} for its export, which is {aws.exports[of]}."
    statuses = aws.executions[aws.exports[of]]
    if run.state == "failed":
        yield from _rightly_failed(run, of == workload.doomed, f"AWS has not failed an execution of {of}")
    elif run.state == "success" and statuses.get(run.awaited) != DELIVERED:
        status = statuses.get(run.awaited, "unknown to AWS")
        yield f"{name} succeeded with execution {run.awaited or 'none'}, which is {status}."


def _estimate(run: Outcome, workload: Workload, aws: Account) -> Iterator[str]:
    name = run.launch.run_id
    _, status = aws.estimates.get(run.made, ("", "unknown to AWS"))
    if run.state == "failed":
        yield from _rightly_failed(run, status == FAILED, f"its bill estimate {run.made or 'none'} is {status}")
    elif run.state == "success" and (status != COMPLETE or run.awaited != run.made):
        yield f"{name} succeeded with bill estimate {run.awaited or 'none'}; its own is {run.made or 'none'}, {status}."
    scenario = workload.scenarios[run.launch.definition]
    wanted = tuple(len(scenario.get(f"{kind}_modifications", ())) for kind in ("usage", "commitment"))
    if run.scenario not in aws.scenarios:
        yield f"{name} has no bill scenario in AWS."
    elif aws.scenarios[run.scenario] != wanted:
        yield f"{name}: its bill scenario has {aws.scenarios[run.scenario]} modifications, not {wanted}."


def _rightly_failed(run: Outcome, rightly: bool, instead: str) -> Iterator[str]:
    waits = KEPT_IN[run.launch.kind][1]
    if not rightly:
        yield f"{run.launch.run_id} failed ({', '.join(run.failed)}), but {instead}."
    elif run.failed != (waits,):
        yield f"{run.launch.run_id} failed by {', '.join(run.failed) or 'no task'} instead of {waits}."


def _too_many_exports(runs: list[Outcome], aws: Account) -> Iterator[str]:
    for name in sorted(aws.exports.keys() - {run.launch.definition for run in runs}):
        yield f"Export {name} belongs to no definition: one too many."
    for (operation, name), times in sorted(aws.created.items()):
        if times > 1:
            yield f"{operation} has made {name} {times} times."


def _too_many_estimates(runs: list[Outcome], aws: Account) -> Iterator[str]:
    for kind, claimed in (("estimate", [run.made for run in runs]), ("scenario", [run.scenario for run in runs])):
        for identifier, times in Counter(filter(None, claimed)).items():
            if times > 1:
                yield f"Bill {kind} {identifier} is that of {times} runs."
    for identifier in sorted(aws.scenarios.keys() - {run.scenario for run in runs}):
        yield f"Bill scenario {identifier} belongs to no run: one too many."
    owned = {run.made for run in runs}
    names = {name for identifier, (name, _) in aws.estimates.items() if identifier in owned}
    for identifier, (name, status) in sorted(aws.estimates.items()):
        # a task that is tried again after AWS has failed its estimate makes another, with a number at its name
        replaced = status == FAILED and f"{name}-2" in names
        if identifier not in owned and not replaced:
            yield f"Bill estimate {name} ({identifier}, {status}) belongs to no run: one too many."


def _bill(runs: list[Outcome], aws: Account) -> Iterator[str]:
    succeeded = sum(run.state == "success" for run in runs)
    if aws.charged != succeeded:
        yield f"AWS charges {aws.charged} bill estimates for {succeeded} runs that succeeded."
