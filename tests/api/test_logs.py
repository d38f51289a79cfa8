"""Tests of the web socket of job logs: authentication, messages, and the end of the log."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from dx_local.platform.core import states
from dx_local.platform.execution import job_events, jobs
from dx_local.platform.execution.job_logs import LogWriter, log_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import ServedPlatform

    from dx_local.platform.core.context import Context

END = {"source": "SYSTEM", "msg": "END_LOG"}


def say(served: ServedPlatform, job: str, *lines: str, level: str = "STDOUT", at: int = 1) -> None:
    """Write a line to the log of a job, as its executor does."""

    def write(context: Context) -> None:
        path = log_path(context.platform, jobs.get(context, job))
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = LogWriter(path)
        writer.write([line.encode() for line in lines], level, at)
        writer.close()
        for subscriber in context.platform.log_subscribers:
            subscriber(job)

    served.inside(write)


def subjob(served: ServedPlatform, parent: str) -> str:
    request = {"function": "part", "input": {}}
    job: str = served.post("/job/new", request, token=served.token_of(parent))["id"]
    return job


def end(served: ServedPlatform, job: str) -> None:
    failure = states.Failure("AppError", "over")
    served.inside(lambda context: job_events.fail(context.platform, job, failure))


@contextmanager
def listen(served: ServedPlatform, job: str, **wish: Any) -> Iterator[ClientConnection]:
    """Open the log of a job with these options in the first message."""
    with connect(f"ws://127.0.0.1:{served.port}/{job}/getLog/websocket") as socket:
        socket.send(json.dumps({"access_token": served.token, "token_type": "Bearer", **wish}))
        yield socket


def hear(socket: ClientConnection) -> list[dict[str, Any]]:
    """Return all messages up to the end of the log."""
    messages: list[dict[str, Any]] = []
    while True:
        message = json.loads(socket.recv(timeout=20))
        if message == END:
            return messages
        messages.append(message)


def log_of(served: ServedPlatform, job: str, **wish: Any) -> list[str]:
    """Return the existing lines of the log."""
    with listen(served, job, tail=False, **wish) as socket:
        return [message["msg"] for message in hear(socket)]


def test_a_line_has_all_that_the_client_shows(served: ServedPlatform) -> None:
    job = served.job()
    say(served, job, "hello", level="STDERR", at=1234)
    with listen(served, job, tail=False) as socket:
        assert hear(socket) == [
            {"timestamp": 1234, "source": "APP", "level": "STDERR", "job": job, "line": 0, "msg": "hello"}
        ]


def test_the_log_of_a_job_without_one_is_empty(served: ServedPlatform) -> None:
    assert log_of(served, served.job()) == []


def test_a_log_goes_on_until_its_job_has_ended(served: ServedPlatform) -> None:
    job = served.job()
    say(served, job, "before")
    with listen(served, job, tail=True) as socket:
        assert json.loads(socket.recv(timeout=20))["msg"] == "before"
        say(served, job, "one", "two")
        assert [json.loads(socket.recv(timeout=20))["msg"] for _ in range(2)] == ["one", "two"]
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.1)
        end(served, job)
        assert hear(socket) == []


def test_unread_lines_arrive_once_and_in_order(served: ServedPlatform) -> None:
    job = served.job()
    said = [str(number) for number in range(3000)]
    with listen(served, job, tail=True) as socket:
        for start in range(0, len(said), 500):
            say(served, job, *said[start : start + 500])
        end(served, job)
        assert [message["msg"] for message in hear(socket)] == said


def test_a_tree_is_merged_by_time_and_takes_in_new_jobs(served: ServedPlatform) -> None:
    root = served.job()
    early, other = subjob(served, root), served.job()
    say(served, root, "first", at=1)
    say(served, early, "second", at=2)
    say(served, root, "third", at=3)
    with listen(served, root, recurseJobs=True, tail=True) as socket:
        assert [json.loads(socket.recv(timeout=20))["msg"] for _ in range(3)] == ["first", "second", "third"]
        late = subjob(served, early)
        say(served, other, "of another tree")
        say(served, late, "of a new job", at=4)
        end(served, root)
        assert [(message["job"], message["msg"]) for message in hear(socket)] == [(late, "of a new job")]


def test_without_the_tree_only_the_job_is_heard(served: ServedPlatform) -> None:
    root = served.job()
    say(served, subjob(served, root), "child")
    say(served, root, "root")
    assert log_of(served, root) == ["root"]


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        pytest.param({"numRecentMessages": 2}, ["c", "d"], id="recent"),
        pytest.param({"numRecentMessages": 0}, [], id="none"),
        pytest.param({"levels": ["STDERR", "INFO"]}, ["b", "c"], id="levels"),
        pytest.param({"levels": ["STDERR", "INFO"], "numRecentMessages": 1}, ["c"], id="recent-of-levels"),
        pytest.param({"excludeMetrics": True, "metricsFormat": "text"}, ["a", "b", "c", "d"], id="metrics"),
    ],
)
def test_a_client_receives_the_requested_lines(
    served: ServedPlatform, wish: dict[str, Any], expected: list[str]
) -> None:
    job = served.job()
    for text, level in (("a", "STDOUT"), ("b", "STDERR"), ("c", "INFO"), ("d", "STDOUT")):
        say(served, job, text, level=level)
    assert log_of(served, job, **wish) == expected


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        pytest.param({"access_token": "stale"}, "InvalidAuthentication", id="token"),
        pytest.param({"access_token": None}, "InvalidAuthentication", id="no-token"),
        pytest.param({"token_type": "Basic"}, "InvalidAuthentication", id="token-type"),
        pytest.param({"levels": ["LOUD"]}, "InvalidInput", id="level"),
        pytest.param({"numRecentMessages": "many"}, "InvalidInput", id="number"),
        pytest.param({"try": 3}, "InvalidInput", id="try"),
    ],
)
def test_invalid_options_are_rejected_with_the_reason(
    served: ServedPlatform, wish: dict[str, Any], error: str
) -> None:
    with listen(served, served.job(), **wish) as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=20)
    assert closed.value.rcvd
    assert closed.value.rcvd.code == 1008
    assert json.loads(closed.value.rcvd.reason)["type"] == error


def test_an_unknown_job_is_not_found(served: ServedPlatform) -> None:
    with listen(served, "job-" + "0" * 24) as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=20)
    assert "ResourceNotFound" in str(closed.value)


def test_a_job_hears_no_job_of_a_project_that_it_cannot_see(served: ServedPlatform) -> None:
    stranger = served.token_of(served.job(project=None))
    with (
        listen(served, served.job(), access_token=stranger) as socket,
        pytest.raises(ConnectionClosed, match=r"ResourceNotFound|PermissionDenied"),
    ):
        socket.recv(timeout=20)


@pytest.mark.parametrize("message", ["", "no JSON", "[]", b"\xff\xfe", "[" * 100_000])
def test_a_first_message_that_is_not_a_hash_is_rejected(served: ServedPlatform, message: str | bytes) -> None:
    with connect(f"ws://127.0.0.1:{served.port}/{served.job()}/getLog/websocket") as socket:
        socket.send(message)
        with pytest.raises(ConnectionClosed, match="MalformedJSON"):
            socket.recv(timeout=20)


@pytest.mark.parametrize("name", ["Origin", "Host"])
def test_no_web_page_can_listen(served: ServedPlatform, name: str) -> None:
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        name: "http://evil.example" if name == "Origin" else "evil.example",
    }
    reply = served.request("GET", f"/{served.job()}/getLog/websocket", headers=headers)
    assert (reply.status, reply.json["error"]["type"]) == (401, "PermissionDenied")


def test_clients_that_go_away_are_forgotten(served: ServedPlatform) -> None:
    job = served.job()
    for _ in range(3):
        with listen(served, job, tail=True) as socket:
            say(served, job, "x")
            socket.recv(timeout=20)
    deadline = time.monotonic() + 10
    while served.inside(lambda context: len(context.platform.log_subscribers)) > 0:
        assert time.monotonic() < deadline
        time.sleep(0.01)
