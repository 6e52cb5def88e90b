"""The client of Airflow's REST API, against a small server of our own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from stack.processes import free_port
from stack.rest import AirflowApi, ApiError, Run


class Handler(BaseHTTPRequestHandler):
    """Answers a login, knows one DAG, and remembers the requests."""

    seen: list[tuple[str, str, str | None]]

    def do_GET(self) -> None:
        self.seen.append(("GET", self.path, self.headers.get("Authorization")))
        known = self.path.startswith("/api/v2/dags/known/")
        self.answer(200 if known else 404, {"state": "success", "value": {"rows": 1}})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.seen.append(("POST", self.path, body))
        self.answer(201, {"access_token": "abc", "dag_run_id": "manual__1"})

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
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


@pytest.fixture
def api(server: str) -> AirflowApi:
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


def test_a_manual_run_has_no_logical_date(api: AirflowApi) -> None:
    assert api.trigger("known", {"month": "2026-11"}) == Run("known", "manual__1")
    assert json.loads(Handler.seen[-1][2] or "") == {"logical_date": None, "conf": {"month": "2026-11"}}


def test_a_proxy_is_never_used(api: AirflowApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert AirflowApi(api.url, "admin", "secret").knows("known")


def test_a_server_that_is_not_up_has_no_health() -> None:
    assert AirflowApi(f"http://127.0.0.1:{free_port()}", "admin", "secret").health() == {}
