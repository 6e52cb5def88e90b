"""Secrets: the stack refuses to start without them, and the command that makes them never overwrites."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.compose.stack import Stack


def test_without_an_env_file_compose_names_the_remedy(project: Stack) -> None:
    answer = project.run("docker", "compose", "--env-file", "/dev/null", "config", check=False)
    assert answer.returncode != 0
    assert "run docker/make-env" in answer.stderr


def test_new_dags_are_paused_unless_the_env_file_says_otherwise(project: Stack) -> None:
    def paused(env_file: Path) -> str:
        config = project.compose("--env-file", str(env_file), "config", "--format", "json")
        environment = json.loads(config)["services"]["airflow-scheduler"]["environment"]
        return str(environment["AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION"])

    made = project.folder / ".env"
    for_aws = project.folder / "aws.env"
    for_aws.write_text(re.sub(r"(?m)^AIRFLOW_DAGS_ARE_PAUSED_AT_CREATION=.*\n", "", made.read_text()))
    assert (paused(made), paused(for_aws)) == ("False", "True")


def test_the_env_file_is_its_owners_alone(project: Stack) -> None:
    assert (project.folder / ".env").stat().st_mode & 0o777 == 0o600


def test_an_env_file_that_exists_is_left_as_it_is(project: Stack) -> None:
    before = (project.folder / ".env").read_bytes()
    project.run("docker/make-env")
    assert (project.folder / ".env").read_bytes() == before


def test_no_secret_is_written_in_the_compose_file(project: Stack) -> None:
    text = (project.folder / "docker-compose.yaml").read_text()
    secrets = [name for name in project.settings() if name.endswith(("PASSWORD", "KEY", "SECRET"))]
    assert len(secrets) == 6
    assert [name for name in secrets if f"${{{name}:-" in text] == [], "a secret must not have a default"
