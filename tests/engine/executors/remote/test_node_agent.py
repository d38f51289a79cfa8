"""The node's side alone: the fence, orders to kill, repeated log lines, layers that arrive damaged."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from tests.worker.conftest import Sleep

from dx_local.engine.executors.remote.assignment import Assignment, EnvironmentOrder, LayerReference
from dx_local.engine.executors.remote.node import guard, layer_cache
from dx_local.engine.executors.remote.node.agent import Agent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ASSIGNMENT = Assignment(
    job="job-000000000000000000000001",
    try_number=0,
    function="main",
    interpreter="bash",
    home={
        "job_input.json": "{}\n",
        "dnanexus-job.json": "{}\n",
        "dnanexus-executable.json": "{}\n",
        "job-000000000000000000000001.code.sh": "main() { :; }",
    },
    variables={"DX_JOB_ID": "job-000000000000000000000001"},
    loopback_port=1,
    environment=EnvironmentOrder("none", None, ()),
    layers=(),
    settings={"isolation": "auto", "network": "auto"},
    control="http://127.0.0.1:1/dx-local/node/job-000000000000000000000001/0",
    token="secret",
)


class Submitter:
    """A submitting machine that answers as a test wants."""

    def __init__(self) -> None:
        self.order = "go"
        self.is_silent = False
        self.hangs_up = False
        self.connections = 0
        self.lines: list[Any] = []
        self.has_printed = threading.Event()
        self.layer = b""
        submitter = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                submitter.connections += 1
                super().setup()

            def do_GET(self) -> None:
                if "/layers/" in self.path:
                    self._answer(submitter.layer)
                else:
                    self._answer(json.dumps({"do": submitter.order}).encode())

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if self.path.endswith("/log"):
                    submitter.lines += body["lines"]
                    submitter.has_printed.set()
                self._answer(b'{"do": "go"}')

            def _answer(self, body: bytes) -> None:
                if submitter.is_silent:
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = submitter.hangs_up

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.control = ASSIGNMENT.control.replace(":1/", f":{self.server.server_port}/")
        threading.Thread(target=self.server.serve_forever, args=[0.05], daemon=True).start()

    def end(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def agent() -> Iterator[Agent]:
    made = Agent(watches_parent=False)
    yield made
    made.close()


@contextmanager
def running(agent: Agent, submitter: Submitter, **changes: Any) -> Iterator[list[dict[str, Any]]]:
    """Run an assignment in a thread; the list has the result at the end."""
    results: list[dict[str, Any]] = []
    assignment = replace(ASSIGNMENT, control=submitter.control, **changes)
    thread = threading.Thread(target=lambda: results.append(agent.run(assignment.as_json())), daemon=True)
    thread.start()
    yield results
    thread.join(60)
    assert results


def home_of(code: str) -> dict[str, str]:
    return {**ASSIGNMENT.home, "job-000000000000000000000001.code.sh": code}


@pytest.mark.parametrize(("cause", "expected"), [("silence", None), ("order", -15)])
def test_a_job_is_killed_by_order_and_by_silence(
    agent: Agent, monkeypatch: pytest.MonkeyPatch, cause: str, expected: int | None
) -> None:
    monkeypatch.setattr(guard, "FENCE_SECONDS", 1.0)
    submitter, sleep = Submitter(), Sleep()
    with running(agent, submitter, home=home_of(f"main() {{ echo ready; {sleep.command}; }}")) as results:
        assert submitter.has_printed.wait(60)
        assert sleep.runs(1)
        if cause == "silence":
            submitter.is_silent = True
        else:
            submitter.order = "kill"
    assert results[0]["exit_code"] == expected
    assert sleep.has_ended()
    submitter.end()


def test_a_job_ends_with_the_parent_of_its_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    agent, submitter, sleep = Agent(watches_parent=True), Submitter(), Sleep()
    try:
        with running(agent, submitter, home=home_of(f"main() {{ echo ready; {sleep.command}; }}")) as results:
            assert submitter.has_printed.wait(60)
            monkeypatch.setattr("os.getppid", lambda: 1)
        assert results[0]["exit_code"] is None
        assert sleep.has_ended()
    finally:
        agent.close()
        submitter.end()


def test_nothing_is_left_of_an_agent_that_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    agent, submitter, sleep = Agent(watches_parent=False), Submitter(), Sleep()
    with running(agent, submitter, home=home_of(f"main() {{ echo ready; {sleep.command}; }}")):
        assert submitter.has_printed.wait(60)
        agent.close()
    assert sleep.has_ended()
    assert list(tmp_path.iterdir()) == []
    submitter.end()


@pytest.mark.parametrize("layer", [b"", b"no archive"])
def test_a_layer_that_is_not_the_requested_one_fails_the_job(
    agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layer: bytes
) -> None:
    monkeypatch.setattr(layer_cache, "cache_dir", lambda _: tmp_path)
    submitter = Submitter()
    submitter.layer = layer
    with running(agent, submitter, layers=(LayerReference("0" * 64, 1),)) as results:
        pass
    assert results[0]["reason"] == "ExecutionError"
    assert "layer" in results[0]["message"]
    assert not [path for path in (tmp_path / "layers").iterdir() if path.is_dir()]
    submitter.end()


@pytest.mark.parametrize("hangs_up", [False, True])
def test_jobs_use_the_connections_of_earlier_ones_while_they_are_open(agent: Agent, hangs_up: bool) -> None:
    submitter = Submitter()
    submitter.hangs_up = hangs_up
    for _ in range(3):
        with running(agent, submitter, home=home_of("main() { echo ready; sleep 0.4; }")) as results:
            pass
        assert results[0]["exit_code"] == 0
    assert len(submitter.lines) == 3
    # Each job uses three; one that waits for an answer when its job ends is closed.
    assert (submitter.connections < 3 * 3) == (not hangs_up)
    submitter.end()


def test_a_try_that_may_not_begin_starts_nothing(agent: Agent) -> None:
    assert agent.run(ASSIGNMENT.as_json())["exit_code"] is None  # nothing listens there
