"""The environment of the stack's processes, built from scratch: nothing of the user's AWS settings leaks in."""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from stack.layout import REPO

if TYPE_CHECKING:
    from stack.layout import Layout

PAYER = "111122223333"
DATA_ACCOUNT = "444455556666"
REGION = "us-east-1"
BUCKETS = (
    f"{PAYER}/finops-exports-{PAYER}",
    f"{DATA_ACCOUNT}/finops-focus-{DATA_ACCOUNT}",
    f"{PAYER}/finops-reports-{PAYER}",
)
REPORTS_URI = f"s3://finops-reports-{PAYER}/reports"
ACCESS_KEY = f"AKIADEMO{PAYER}"
SECRET_KEY = "onlyTheEmulatorTakesThisSecretKey0000000"  # noqa: S105  distinctive: a test looks for it where none may be

KEPT = ("HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")


def base() -> dict[str, str]:
    """What every process gets: the user's locale and certificates, our Python first, no AWS settings."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return kept | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": str(REPO / "include"),
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": "127.0.0.1,localhost",
        # setproctitle would write over the environment that the guard reads
        "SPT_NOENV": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_CONFIG_FILE": os.devnull,
    }


@dataclass(frozen=True)
class Secrets:
    """One stack's secrets, new at each start and never in a file but the password, which Airflow reads."""

    password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    fernet_key: str = field(default_factory=lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
    jwt: str = field(default_factory=lambda: secrets.token_urlsafe(64))
    api: str = field(default_factory=lambda: secrets.token_urlsafe(32))


def write_passwords(path: Path, password: str) -> None:
    """Write the simple auth manager's password file with the one user `admin`, readable by this user alone."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"admin": password}, file)


def aws_connection(endpoint_url: str) -> str:
    """The payer's AWS connection, as the JSON that Airflow reads from AIRFLOW_CONN_AWS_DEFAULT."""
    extra = {"region_name": REGION, "endpoint_url": endpoint_url}
    return json.dumps({"conn_type": "aws", "login": ACCESS_KEY, "password": SECRET_KEY, "extra": extra})


def airflow(
    layout: Layout, keys: Secrets, *, port: int, emulator_url: str, database: str, schedules: bool
) -> dict[str, str]:
    """The environment of Airflow's processes.

    Args:
        layout: the stack's folders.
        keys: the stack's secrets.
        port: the API server's port.
        emulator_url: the address that stands for AWS.
        database: SQLAlchemy's URL of Airflow's database.
        schedules: whether DAGs run by their schedules too, not only when triggered.
    """
    url = f"http://127.0.0.1:{port}"
    options = {
        "core": {
            "dags_folder": str(layout.dags),
            "plugins_folder": str(layout.plugins),
            "load_examples": "False",
            "executor": "LocalExecutor",
            "parallelism": "6",
            "dags_are_paused_at_creation": "False",
            "fernet_key": keys.fernet_key,
            "execution_api_server_url": f"{url}/execution/",
            "simple_auth_manager_users": "admin:admin",
            "simple_auth_manager_passwords_file": str(layout.passwords),
        },
        "database": {
            "sql_alchemy_conn": database,
            "check_migrations": "False",  # the database is fresh from `airflow db migrate`
        },
        "api": {"host": "127.0.0.1", "port": str(port), "base_url": url, "secret_key": keys.api},
        "api_auth": {"jwt_secret": keys.jwt},
        "logging": {
            "base_log_folder": str(layout.task_logs),
            "dag_processor_child_process_log_directory": str(layout.task_logs / "dag_processor"),
            "colored_console_log": "False",
        },
        "dag_processor": {
            "refresh_interval": "5",
            "min_file_process_interval": "10",
            "bundle_refresh_check_interval": "1",
        },
        "scheduler": {
            "use_job_schedule": str(schedules),
            "scheduler_idle_sleep_time": "0.3",
            "trigger_timeout_check_interval": "2",
        },
        # A task's supervisor may notice only at its next heartbeat that the task has ended or deferred. With the
        # usual 5 s, a trigger can be done before that, and the scheduler then takes the task for lost.
        "workers": {"min_heartbeat_interval": "1"},
        "bcm": {"poke_interval": "2", "max_wait": "2"},
        "usage_data_collection": {"enabled": "False"},
    }
    variables = {
        f"AIRFLOW__{section.upper()}__{name.upper()}": value
        for section, values in options.items()
        for name, value in values.items()
    }
    return (
        base()
        | variables
        | {
            "PYTHONPATH": str(layout.include),
            "AIRFLOW_HOME": str(layout.airflow_home),
            "AIRFLOW_CONN_AWS_DEFAULT": aws_connection(emulator_url),
            "AIRFLOW_VAR_FINOPS_REPORTS_URI": REPORTS_URI,
        }
    )
