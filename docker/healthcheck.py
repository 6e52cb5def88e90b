"""Tell in a fraction of a second whether this container's Airflow process is alive.

``healthcheck.py job SchedulerJob|DagProcessorJob|TriggererJob``: has the job of this host left a heartbeat in the
metadata database lately? ``healthcheck.py worker``: does this host's Celery worker answer a ping through the broker?

`airflow jobs check` and Airflow's Celery application ask the same questions, but importing Airflow costs several
CPU seconds, again in every container at every interval. Exit code 0 is healthy; 1 comes with the reason.
"""

from __future__ import annotations

import os
import socket
import sys

HEARTBEAT_SECONDS = (
    30  # what Airflow itself allows a scheduler, triggerer and dag processor ([...] health_check_threshold)
)
REPLY_SECONDS = 5


def job(job_type: str) -> str | None:
    """Return why the job of this host is not alive, or None."""
    import psycopg2

    url = os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "")
    with psycopg2.connect(url, connect_timeout=REPLY_SECONDS) as database, database.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM now() - max(latest_heartbeat)) FROM job"
            " WHERE job_type = %s AND hostname = %s AND state = 'running'",
            (job_type, socket.gethostname()),
        )
        age = cursor.fetchone()[0]
    if age is None:
        return f"no running {job_type} of host {socket.gethostname()} in the metadata database"
    return None if age <= HEARTBEAT_SECONDS else f"the last heartbeat of {job_type} is {age:.0f} s old"


def worker() -> str | None:
    """Return why the Celery worker of this host is not alive, or None."""
    from celery import Celery

    name = f"celery@{socket.gethostname()}"
    app = Celery(broker=os.environ["AIRFLOW__CELERY__BROKER_URL"])
    answers = app.control.inspect([name], timeout=REPLY_SECONDS).ping()
    return None if answers else f"{name} does not answer within {REPLY_SECONDS} s"


def main(arguments: list[str]) -> int:
    """Run the named check and return the exit code."""
    match arguments:
        case ["job", job_type]:
            reason = job(job_type)
        case ["worker"]:
            reason = worker()
        case _:
            reason = __doc__
    if reason:
        sys.stderr.write(f"{reason}\n")
    return 1 if reason else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
