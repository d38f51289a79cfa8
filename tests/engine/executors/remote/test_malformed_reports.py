"""Requests to the routes for nodes that no node sends: they are rejected, and the job goes on unharmed."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from tests.engine.executors.remote.engines import WatchedEngine, executor_of

from dx_local.engine.executors import registry
from dx_local.testing import run_app

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from tests.conftest import MakeApp

KILL = b'{"do":"kill"}'
LINE = ["main", "STDOUT", "text", 1]


def log(**fields: Any) -> str:
    return json.dumps({"before": 0, "lines": [], "notes": [], **fields})


MALFORMED = [
    ("POST", "begin", "", 400),
    ("POST", "begin", "[]", 400),
    ("POST", "begin", '{"node": "n"}', 400),
    ("POST", "begin", '{"node": "n", "home": "h", "port": 0}', 400),
    ("POST", "begin", '{"node": "n", "home": "h", "port": true}', 400),
    ("POST", "begin", '{"node": "n", "home": "h", "port": "evil.example:80"}', 400),
    ("POST", "begin", "[" * 100_000, 400),
    ("POST", "log", "{}", 400),
    ("POST", "log", log(lines=5), 400),
    ("POST", "log", log(lines=[LINE[:3]]), 400),
    ("POST", "log", log(lines=[["main", "STDOUT and more", "text", 1]]), 400),
    ("POST", "log", log(lines=[["main", "STDOUT", "text", 10**40]]), 400),
    ("POST", "log", log(lines=[["main", "STDOUT", "text", -1]]), 400),
    ("POST", "log", log(before="1e400"), 400),
    ("POST", "log", '{"before": 1e400, "lines": [], "notes": []}', 400),
    ("POST", "output", "[]", 400),
    ("POST", "output", '{"x": NaN}', 400),
    ("GET", "layers/" + "0" * 64, "", 404),
    ("GET", "layers/..%2F..%2F..%2Fetc%2Fpasswd", "", 404),
    ("GET", "layers/../../../../etc/passwd", "", 404),
    ("GET", "wheel/..%2F..%2Fetc%2Fpasswd", "", 404),
    ("GET", "wheels/--help", "", 400),
    ("GET", "wheels/3.12;id", "", 400),
    ("GET", "begin", "", 404),
    ("POST", "nothing", "{}", 404),
]


def request(control: str, token: str | None, method: str, path: str, body: str = "") -> tuple[int, bytes]:
    url = urlsplit(control)
    connection = http.client.HTTPConnection(url.netloc, timeout=60)
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    connection.request(method, f"{url.path}/{path}", body, headers)
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


class AttackedEngine(WatchedEngine):
    """Sends malformed requests about each assignment before it runs."""

    answers: dict[str, Any]

    def submit(self, assignment: Mapping[str, Any], job_class: str | None) -> Future[dict[str, Any]]:
        return self._threads.submit(self._attack, dict(assignment), job_class)

    def _attack(self, assignment: dict[str, Any], job_class: str | None) -> dict[str, Any]:
        control, token = assignment["control"], assignment["token"]
        for method, path, body, _ in MALFORMED:
            self.answers[f"{method} {path} {body}"] = request(control, token, method, path, body)[0]
        next_try = f"{control.rpartition('/')[0]}/1"
        other_job = control.replace(assignment["job"], "job-000000000000000000000001")
        good = '{"node": "n", "home": "h", "port": null}'
        self.answers["foreign"] = [
            request(url, given, "POST", "begin", good)
            for url, given in (
                (control, None),
                (control, ""),
                (control, token[:-1]),
                (control, "\xe4" * 32),
                (next_try, token),
                (other_job, token),
            )
        ]
        self.answers["log of others"] = request(control, "no token", "POST", "log", log(lines=[LINE]))[0]
        self.answers["api"] = request(
            f"{control.partition('/dx-local/')[0]}/system", token, "POST", "whoami", "{}"
        )[0]
        return super().submit(assignment, job_class).result()


@pytest.fixture
def attacked(monkeypatch: pytest.MonkeyPatch) -> type[AttackedEngine]:
    kind = type("Attacked", (AttackedEngine,), {"assignments": [], "results": [], "answers": {}})
    monkeypatch.setitem(registry.EXECUTORS, "attacked", executor_of(kind))
    return kind


def test_malformed_requests_are_rejected_and_the_job_goes_on(
    make_app: MakeApp, attacked: type[AttackedEngine], capfd: pytest.CaptureFixture[str]
) -> None:
    app = make_app("main() { echo alive; }", interpreter="bash")
    run = run_app(app, executor="attacked")
    answers = attacked.answers
    assert run.log.strip() == "alive"
    expected = {f"{method} {path} {body}": status for method, path, body, status in MALFORMED}
    assert {name: answers[name] for name in expected} == expected
    assert answers["foreign"] == [(200, KILL)] * 6
    assert (answers["log of others"], answers["api"]) == (404, 401)
    assert "Traceback" not in capfd.readouterr().err
