"""The environment of the stack's processes."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from stack import environment
from stack.layout import Layout


@pytest.fixture
def airflow(tmp_path: Path) -> dict[str, str]:
    return variables(Layout(tmp_path / "run"))


def variables(layout: Layout) -> dict[str, str]:
    return environment.airflow(
        layout,
        environment.Secrets(),
        port=1234,
        emulator_url="http://127.0.0.1:5",
        database="postgresql+psycopg2:///airflow",
        schedules=False,
    )


@pytest.mark.parametrize(
    "name", ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "HTTPS_PROXY", "AIRFLOW__CORE__EXECUTOR", "PYTHONHOME"]
)
def test_nothing_of_the_users_leaks_in(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "the user's")
    assert "the user's" not in environment.base().values()


@pytest.mark.parametrize("name", ["HOME", "LANG", "SSL_CERT_FILE"])
def test_home_locale_and_certificates_are_kept(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "kept")
    assert environment.base()[name] == "kept"


def test_aws_credentials_come_from_the_connection_alone(airflow: dict[str, str]) -> None:
    aws = {name for name in airflow if name.startswith("AWS_")}
    assert aws == {"AWS_EC2_METADATA_DISABLED", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"}


def test_the_connection_points_at_the_emulator_with_the_payers_key(airflow: dict[str, str]) -> None:
    connection = json.loads(airflow["AIRFLOW_CONN_AWS_DEFAULT"])
    assert connection["extra"]["endpoint_url"] == "http://127.0.0.1:5"
    assert connection["login"].endswith(environment.PAYER)


def test_tasks_reach_the_api_server_at_its_own_port(airflow: dict[str, str]) -> None:
    assert airflow["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:1234/execution/"


def test_the_dags_see_the_layouts_include_folder(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "run", include=tmp_path / "include")
    assert variables(layout)["PYTHONPATH"] == str(tmp_path / "include")


def test_the_database_is_the_one_that_was_named(airflow: dict[str, str]) -> None:
    assert airflow["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == "postgresql+psycopg2:///airflow"


def test_every_stack_has_its_own_secrets() -> None:
    one, other = environment.Secrets(), environment.Secrets()
    assert not {one.password, one.jwt, one.api, one.fernet_key} & {
        other.password,
        other.jwt,
        other.api,
        other.fernet_key,
    }


def test_the_password_file_is_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "passwords.json"
    environment.write_passwords(path, "secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text()) == {"admin": "secret"}
