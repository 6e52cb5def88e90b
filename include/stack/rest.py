"""Airflow's REST API, as far as the stack and its tests need it."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from stack.errors import StackError
from stack.interrupts import Interrupts

TIMEOUT = 20.0
NOT_FOUND = 404
UNAUTHORIZED = 401
CONFLICT = 409
SERVER_ERROR = 500
RETRY_PAUSES = (0.5, 2.0, 5.0)
"""Seconds between the attempts of a request that meets a fault of the server's own."""


class ApiError(StackError):
    """Airflow's API refused a request or did not answer; `status` is None if there was no answer."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status

    @property
    def passing(self) -> bool:
        """Whether the same request may well succeed later: no answer in time, or trouble on the server's side.

        SQLite's "database is locked" is a 500.
        """
        return self.status is None or self.status >= SERVER_ERROR


@dataclass(frozen=True)
class Run:
    """One DAG run: its DAG's id and its own."""

    dag_id: str
    run_id: str

    @property
    def path(self) -> str:
        """Where the API keeps it."""
        return f"/api/v2/dags/{quote(self.dag_id, safe='')}/dagRuns/{quote(self.run_id, safe='')}"


class AirflowApi:
    """A small client of Airflow's REST API v2; it never uses a proxy.

    Args:
        url: the API server, e.g. `http://127.0.0.1:8080`.
        user: a user of the simple auth manager.
        password: the user's password.
        interrupts: where waiting for an answer looks for a Ctrl-C.
    """

    def __init__(self, url: str, user: str, password: str, interrupts: Interrupts | None = None) -> None:
        self.url = url
        self.user = user
        self.password = password
        self._interrupts = interrupts or Interrupts()
        self._token: str | None = None
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def request(self, method: str, path: str, body: object = None, **query: str | int) -> Any:
        """Send an authenticated request and return the decoded answer.

        A fault of the server's own is not believed at once: two writers of an SQLite database can lock each other
        out for seconds. So a request is one that may be sent twice. Raises `ApiError`.
        """
        for pause in (*RETRY_PAUSES, None):
            try:
                if self._token is None:
                    login = {"username": self.user, "password": self.password}
                    self._token = self._send("POST", "/auth/token", login)["access_token"]
                return self._send(method, path, body, query)
            except ApiError as error:
                if error.status == UNAUTHORIZED:
                    self._token = None  # it lives for a day; the next request asks for a new one
                if pause is None or error.status is None or error.status < SERVER_ERROR:
                    raise
                self._interrupts.pause(pause)
        raise AssertionError("the last attempt returns or raises")

    def _send(
        self,
        method: str,
        path: str,
        body: object = None,
        query: dict[str, str | int] | None = None,
        timeout: float = TIMEOUT,
    ) -> Any:
        address = f"{self.url}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        call = urllib.request.Request(address, data, headers, method=method)  # noqa: S310  our own address

        def exchange() -> Any:
            with self._opener.open(call, timeout=timeout) as answer:
                return json.load(answer)

        try:
            return self._interrupts.during(exchange)
        except urllib.error.HTTPError as error:
            detail = error.read().decode(errors="replace")[:500]
            raise ApiError(f"Airflow answered {method} {path} with {error.code}: {detail}", error.code) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ApiError(f"Airflow did not answer {method} {path}: {error}") from error

    def health(self) -> dict[str, str | None]:
        """The status of each component by name; empty while the API server does not answer yet."""
        try:
            answer = self._send("GET", "/api/v2/monitor/health")
        except ApiError:
            return {}
        return {name: (part or {}).get("status") for name, part in answer.items()}

    def serves_tasks(self) -> bool:
        """Whether the part of the API that tasks talk to answers.

        It is built at its first request, for seconds, and a task gives up waiting after 5 s.
        """
        try:
            self._send("GET", "/execution/health", timeout=1.0)
        except ApiError:
            return False
        return True

    def knows(self, dag_id: str) -> bool:
        """Whether the DAG has been parsed and stored."""
        try:
            self.request("GET", f"/api/v2/dags/{quote(dag_id, safe='')}/details")
        except ApiError as error:
            if error.status == NOT_FOUND:
                return False
            raise
        return True

    def import_errors(self) -> dict[str, str]:
        """The DAG files that could not be imported: stack trace by file name."""
        found = self.request("GET", "/api/v2/importErrors", limit=100)["import_errors"]
        return {entry["filename"]: entry["stack_trace"] for entry in found}

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None, run_id: str | None = None) -> Run:
        """Start a manual run, with `conf` as its Params, once: the run's id is ours, so that it cannot be doubled.

        With a `run_id` of the caller's that also holds for a call that is made again.
        """
        run = Run(dag_id, run_id or f"manual__{datetime.now(UTC).isoformat()}")
        body = {"dag_run_id": run.run_id, "logical_date": None, "conf": conf or {}}
        try:
            self.request("POST", f"/api/v2/dags/{quote(dag_id, safe='')}/dagRuns", body)
        except ApiError as error:
            if error.status != CONFLICT:  # a request that was answered with a fault had made it all the same
                raise
        return run

    def state(self, run: Run) -> str:
        """The run's state: queued, running, success or failed."""
        return str(self.request("GET", run.path)["state"])

    def tasks(self, run: Run) -> list[dict[str, Any]]:
        """The run's task instances as the API describes them (`task_id`, `map_index`, `state`, `try_number`, ...)."""
        answer = self.request("GET", f"{run.path}/taskInstances", limit=100)
        found: list[dict[str, Any]] = answer["task_instances"]
        return found

    def xcom(self, run: Run, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """The value that a task pushed; raises `ApiError` with status 404 if it pushed none."""
        path = f"{run.path}/taskInstances/{quote(task_id, safe='')}/xcomEntries/{quote(key, safe='')}"
        return self.request("GET", path, map_index=map_index, deserialize="true")["value"]

    def results(self, run: Run, task_id: str) -> list[Any]:
        """The return values of a task's successful instances by map index; one of a task that is not mapped."""
        indexes = sorted(
            task["map_index"] for task in self.tasks(run) if (task["task_id"], task["state"]) == (task_id, "success")
        )
        return [self.xcom(run, task_id, map_index=index) for index in indexes]
