"""The client of Airflow's REST API, against a small server of our own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from stack.processes import free_port
from stack.rest import AirflowApi, ApiError, Run


class Handler(BaseHTTPRequestHandler):
    """Answers a login, knows one DAG, and remembers the requests."""

    seen: list[tuple[str, str, str | None]]
    instances: list[dict[str, object]]
    faults: list[int]

    def do_GET(self) -> None:
        self.seen.append(("GET", self.path, self.headers.get("Authorization")))
        path, _, query = self.path.partition("?")
        if path.endswith("/taskInstances"):
            self.answer(200, {"task_instances": self.instances})
        elif path.endswith("/xcomEntries/return_value"):
            self.answer(200, {"value": parse_qs(query)["map_index"]})
        elif path.startswith("/api/v2/dags/broken/"):
            self.answer(500, {"detail": "database is locked"})
        else:
            self.answer(200 if path.startswith("/api/v2/dags/known/") else 404, {"state": "success"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.seen.append(("POST", self.path, body))
        faulty = self.path.endswith("/dagRuns") and self.faults
        self.answer(self.faults.pop(0) if faulty else 201, {"access_token": "abc"})

    def answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Handler.seen = []
    Handler.instances = []
    Handler.faults = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


@pytest.fixture
def api(server: str, monkeypatch: pytest.MonkeyPatch) -> AirflowApi:
    monkeypatch.setattr("stack.rest.RETRY_PAUSES", (0.0, 0.0, 0.0))
    return AirflowApi(server, "admin", "secret")


def test_it_logs_in_once(api: AirflowApi) -> None:
    api.knows("known")
    api.knows("known")
    assert [path for method, path, _ in Handler.seen if method == "POST"] == ["/auth/token"]
    assert Handler.seen[-1][2] == "Bearer abc"


def test_a_dag_that_is_not_there_is_not_known(api: AirflowApi) -> None:
    assert not api.knows("other")


def test_a_refusal_names_request_and_status(api: AirflowApi) -> None:
    with pytest.raises(ApiError, match="GET /api/v2/dags/x%2Fy/dagRuns/r with 404") as raised:
        api.state(Run("x/y", "r"))
    assert raised.value.status == 404
    assert not raised.value.passing


def test_a_fault_of_the_servers_own_and_no_answer_at_all_may_pass(api: AirflowApi) -> None:
    with pytest.raises(ApiError, match="database is locked") as raised:
        api.knows("broken")
    assert raised.value.passing
    with pytest.raises(ApiError, match="did not answer") as raised:
        AirflowApi(f"http://127.0.0.1:{free_port()}", "admin", "secret").knows("known")
    assert raised.value.passing


@pytest.mark.parametrize(
    ("instances", "results"),
    [
        ([("run_reports", -1, "success"), ("await", -1, "success")], [["-1"]]),
        ([("run_reports", 1, "success"), ("run_reports", 0, "success"), ("run_reports", 2, None)], [["0"], ["1"]]),
        ([("run_reports", -1, "skipped")], []),
    ],
)
def test_the_results_of_a_task_are_those_of_its_successful_instances(
    api: AirflowApi, instances: list[tuple[str, int, str | None]], results: list[list[str]]
) -> None:
    Handler.instances = [dict(zip(("task_id", "map_index", "state"), each, strict=True)) for each in instances]
    assert api.results(Run("known", "r"), "run_reports") == results


def test_a_manual_run_has_no_logical_date(api: AirflowApi) -> None:
    run = api.trigger("known", {"month": "2026-11"})
    sent = json.loads(Handler.seen[-1][2] or "")
    assert sent == {"dag_run_id": run.run_id, "logical_date": None, "conf": {"month": "2026-11"}}
    assert run.run_id.startswith("manual__")


@pytest.mark.parametrize("faults", [[500], [500, 500, 500], [500, 409]])
def test_a_fault_while_triggering_makes_one_run(api: AirflowApi, faults: list[int]) -> None:
    Handler.faults = list(faults)
    run = api.trigger("known")
    sent = [json.loads(body or "")["dag_run_id"] for _, path, body in Handler.seen if path.endswith("/dagRuns")]
    assert sent == [run.run_id] * (len(faults) + (faults[-1] == 500))


def test_a_run_can_have_an_id_of_the_callers(api: AirflowApi) -> None:
    assert api.trigger("known", run_id="mine") == Run("known", "mine")
    assert json.loads(Handler.seen[-1][2] or "")["dag_run_id"] == "mine"


def test_a_refusal_while_triggering_is_told(api: AirflowApi) -> None:
    Handler.faults = [400]
    with pytest.raises(ApiError, match="with 400"):
        api.trigger("known")


def test_a_proxy_is_never_used(api: AirflowApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert AirflowApi(api.url, "admin", "secret").knows("known")


def test_a_server_that_is_not_up_has_no_health() -> None:
    assert AirflowApi(f"http://127.0.0.1:{free_port()}", "admin", "secret").health() == {}
