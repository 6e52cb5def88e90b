"""The docker-compose.yaml on a real engine: healthy, closed, runs both lifecycles, follows edits, scales."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.compose.stack import Stack, wait_until

# the first test pays for the build and the start of everything
pytestmark = pytest.mark.timeout(1500)

LIFECYCLES = ("export_lifecycle__cur2-daily", "estimate_lifecycle__compute-growth")
SERVICES = {
    "postgres", "redis", "emulator", "airflow-apiserver", "airflow-scheduler",
    "airflow-dag-processor", "airflow-triggerer", "airflow-worker",
}  # fmt: skip


def service_of(container: dict[str, Any]) -> str:
    return str(container["Config"]["Labels"]["com.docker.compose.service"])


def test_every_service_is_healthy(stack: Stack) -> None:
    health = {service_of(c): c["State"].get("Health", {}).get("Status") for c in stack.containers()}
    assert health == dict.fromkeys(SERVICES, "healthy")


def test_ports_are_bound_to_loopback(stack: Stack) -> None:
    bound = {
        (service_of(container), address["HostIp"])
        for container in stack.containers()
        for addresses in container["NetworkSettings"]["Ports"].values()
        for address in addresses or []
    }
    assert bound == {("airflow-apiserver", "127.0.0.1"), ("emulator", "127.0.0.1")}


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_no_process_is_root(stack: Stack, service: str) -> None:
    users = stack.compose("exec", "-T", service, "sh", "-c", "cat /proc/[0-9]*/status 2>/dev/null | grep ^Uid:")
    assert users
    assert [line for line in users.splitlines() if "0" in line.split()[1:]] == []


def test_containers_can_gain_no_privilege(stack: Stack) -> None:
    loose = [
        service_of(container)
        for container in stack.containers()
        if "no-new-privileges:true" not in (container["HostConfig"]["SecurityOpt"] or [])
        or container["HostConfig"]["CapDrop"] != ["ALL"]
        or container["HostConfig"]["Privileged"]
    ]
    assert loose == []


def test_the_rest_api_asks_for_a_login(stack: Stack) -> None:
    stranger = Stack(stack.folder, stack.image.removesuffix(":test"))
    with pytest.raises(AssertionError, match="401"):
        stranger.call("GET", "/api/v2/dags")


def test_the_image_works_without_mounts(stack: Stack) -> None:
    alone = ("docker", "run", "--rm", "--network=none", "--entrypoint")
    stack.run(*alone, "python", stack.image, "-c", "import finops.definitions, emulator")
    files = stack.run(*alone, "ls", stack.image, "/opt/airflow/dags").stdout.split()
    assert {file.name for file in (stack.folder / "dags").glob("*.py")} <= {*files, "compose_probe.py"}


def test_an_edit_of_the_code_installs_nothing(stack: Stack) -> None:
    with (stack.folder / "include" / "emulator" / "__init__.py").open("a") as file:
        file.write("\n# an edit\n")
    build = stack.run("docker", "compose", "build", "--progress=plain", "airflow-init")
    assert re.search(r"^#(\d+) .*uv pip install.*\n#\1 CACHED$", build.stdout + build.stderr, re.MULTILINE)


def test_a_hung_triggerer_is_not_healthy(stack: Stack) -> None:
    def signal(name: str) -> None:
        stack.compose("exec", "-T", "airflow-triggerer", "sh", "-c", f"kill -{name} -1")

    def check() -> str:
        command = ("exec", "-T", "airflow-triggerer", "python", "/opt/healthcheck.py", "job", "TriggererJob")
        return stack.run("docker", "compose", *command, check=False).stderr

    assert check() == ""
    signal("STOP")
    try:
        wait_until("its heartbeat is too old", lambda: "the last heartbeat of TriggererJob is" in check(), 60)
    finally:
        signal("CONT")
    wait_until("it is alive again", lambda: check() == "", 60)


def test_all_dags_import(stack: Stack) -> None:
    wait_until("the DAGs are parsed", lambda: stack.call("GET", f"/api/v2/dags/{LIFECYCLES[0]}"), 120)
    errors = stack.call("GET", "/api/v2/importErrors")["import_errors"]
    assert [f"{error['filename']}: {error['stack_trace']}" for error in errors] == []


@pytest.mark.parametrize("dag_id", LIFECYCLES)
def test_a_triggered_lifecycle_succeeds(stack: Stack, dag_id: str) -> None:
    tasks = stack.outcome(stack.trigger(dag_id))
    assert tasks
    assert {task["state"] for task in tasks} <= {"success", "skipped"}


def test_an_edited_dag_is_seen(stack: Stack) -> None:
    file = stack.folder / "dags" / "compose_probe.py"

    def described_as(text: str) -> bool:
        dag = stack.call("GET", "/api/v2/dags/compose_probe")
        return bool(dag) and dag["description"] == text

    shutil.copy(Path(__file__).with_name("probe.py"), file)
    wait_until("a new DAG file is seen", lambda: described_as("first version"), 90)
    file.write_text(file.read_text().replace("first version", "second version"))
    wait_until("the edit is seen", lambda: described_as("second version"), 90)


def test_three_workers_and_two_triggerers_share_the_work(stack: Stack) -> None:
    shutil.copy(Path(__file__).with_name("probe.py"), stack.folder / "dags" / "compose_probe.py")
    stack.up("--scale", "airflow-worker=3", "--scale", "airflow-triggerer=2")
    workers, triggerers = stack.hostnames("airflow-worker"), stack.hostnames("airflow-triggerer")
    assert (len(workers), len(triggerers)) == (3, 2)

    runs = [stack.trigger(dag_id) for dag_id in ("compose_probe", *LIFECYCLES)]
    hosts = {task["hostname"] for run in runs for task in stack.outcome(run)} - {None, ""}
    # 12 slots, 12 probe tasks of ten seconds: two workers could only take them all one after the other
    assert hosts == workers

    alive = stack.call("GET", "/api/v2/jobs?job_type=TriggererJob&is_alive=true")["jobs"]
    assert {job["hostname"] for job in alive} == triggerers
