"""A copy of the project, started with Docker Compose under a project name of its own, and its REST API."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]


def missing_engine() -> str | None:
    """Return why this machine cannot run the stack, or None."""
    if not shutil.which("docker"):
        return "the compose tests need Docker: there is no `docker` command on the PATH"
    for command, remedy in (
        (["docker", "compose", "version"], "install the Compose v2 plugin"),
        (["docker", "info"], "start the Docker engine"),
    ):
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode:
            return f"the compose tests need a Docker engine: `{' '.join(command)}` fails; {remedy}"
    return None


def copy_project(target: Path) -> None:
    """Copy what a clone of the working tree would hold: no .env, no var/, no .venv/."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listing.split("\0")):
        if (REPOSITORY / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, target / name)


def wait_until(what: str, look: Callable[[], Any], seconds: float) -> Any:
    """Call `look` every second until it returns something true, and return that; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"still waiting after {seconds} s: {what}"
        time.sleep(1)
    return found


class Stack:
    """The stack of one project folder. `folder` holds the docker-compose.yaml and the .env; ports are free ones."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.image = f"{name}:test"
        # A variable of the caller's shell would win over .env.
        kept = {key: os.environ[key] for key in os.environ if key in ("PATH", "HOME") or key.startswith("DOCKER_")}
        self._environment = kept | {
            "COMPOSE_PROJECT_NAME": name,
            "AIRFLOW_IMAGE": self.image,
            "AIRFLOW_PORT": "0",
            "EMULATOR_PORT": "0",
        }
        self._token = ""

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the project's folder with the stack's environment."""
        answer = subprocess.run(
            command, cwd=self.folder, env=self._environment, capture_output=True, text=True, check=False
        )
        if check and answer.returncode:
            output = answer.stdout + answer.stderr
            raise AssertionError(f"`{' '.join(command)}` ended with {answer.returncode}:\n{output}")
        return answer

    def compose(self, *arguments: str) -> str:
        """Run `docker compose ...` and return what it printed."""
        return self.run("docker", "compose", *arguments).stdout

    def up(self, *arguments: str) -> None:
        """`docker compose up --wait`; one that does not become healthy shows its containers and their logs."""
        answer = self.run("docker", "compose", "up", "--wait", *arguments, check=False)
        assert answer.returncode == 0, "\n".join(
            [answer.stderr[-3000:], self.compose("ps", "--all"), self.compose("logs", "--tail=25")]
        )

    def containers(self, service: str | None = None) -> list[dict[str, Any]]:
        """Return `docker inspect` of the running containers, of one service or of all."""
        ids = self.compose("ps", "--quiet", *([service] if service else [])).split()
        found: list[dict[str, Any]] = json.loads(self.run("docker", "inspect", *ids).stdout)
        return found

    def hostnames(self, service: str) -> set[str]:
        """Return the host names of a service's containers, as Airflow records them."""
        return {container["Config"]["Hostname"] for container in self.containers(service)}

    def settings(self) -> dict[str, str]:
        """Return the plain entries of .env."""
        lines = (self.folder / ".env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))

    def url(self) -> str:
        """Return the address of the API server on this machine."""
        return f"http://{self.compose('port', 'airflow-apiserver', '8080').strip()}"

    def log_in(self) -> None:
        """Get a token for the administrator that airflow-init made."""
        settings = self.settings()
        login = {"username": settings["AIRFLOW_ADMIN_USER"], "password": settings["AIRFLOW_ADMIN_PASSWORD"]}
        self._token = self.call("POST", "/auth/token", login)["access_token"]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the REST API; return its JSON, or None where it answers 404."""
        request = urllib.request.Request(
            self.url() + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from error

    def trigger(self, dag_id: str, seconds: float = 120) -> str:
        """Wait for a DAG to be known, trigger it, and return the path of its run."""
        wait_until(f"DAG {dag_id} is known", lambda: self.call("GET", f"/api/v2/dags/{dag_id}"), seconds)
        run = self.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None})
        return f"/api/v2/dags/{dag_id}/dagRuns/{run['dag_run_id']}"

    def outcome(self, run: str, seconds: float = 420) -> list[dict[str, Any]]:
        """Wait for the end of a run and return its task instances; one that does not succeed shows states and logs."""
        deadline = time.monotonic() + seconds
        while (state := self.call("GET", run)["state"]) in ("queued", "running") and time.monotonic() < deadline:
            time.sleep(1)
        tasks: list[dict[str, Any]] = self.call("GET", f"{run}/taskInstances?limit=100")["task_instances"]
        assert state == "success", f"{run}: {state} after at most {seconds} s\n" + "\n".join(
            f"{task['task_id']}: {task['state']}\n{self._end_of_log(run, task)}" for task in tasks
        )
        return tasks

    def _end_of_log(self, run: str, task: dict[str, Any]) -> str:
        if task["state"] == "success" or not task["try_number"]:
            return ""
        tries = f"{run}/taskInstances/{task['task_id']}/logs/{task['try_number']}?map_index={task['map_index']}"
        log = self.call("GET", tries) or {"content": []}
        return "\n".join(json.dumps(line) for line in log["content"][-15:])
