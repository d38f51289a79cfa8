"""Fuzz tests: no request causes an error 500, a hang, or a file outside the folder of the platform."""

from __future__ import annotations

import http.client
import json
import socket
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.api.fuzzer import MARK, Fuzzer, Shot, World
from tests.api.good_requests import GOOD
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from dx_local.platform.core import access

if TYPE_CHECKING:
    from tests.conftest import RunningPlatform, ServedPlatform

JSON = dict[str, Any]

QUICK = 500
SLOW = 5000  # for each of four seeds
LONGEST_SECONDS = 20.0
POLICY_VIOLATION = 1008
REFUSALS = {400, 401, 404, 405, 416, 422}


class Source:
    """The first entities of a world while it is being created."""

    def __init__(self, project: str) -> None:
        self.project = project
        self.made: dict[str, list[str]] = {}

    def known(self, class_name: str) -> str:
        return self.made[class_name][-1]


def world_of(served: ServedPlatform) -> World:
    """Create one or two entities of every class, and valid and invalid tokens."""
    source = Source(served.project)

    def make(class_name: str) -> str:
        good = GOOD.get((class_name, "new"), GOOD["", "new"])(source)
        made: str = served.post(f"/{class_name}/new", good)["id"]
        source.made.setdefault(class_name, []).append(made)
        return made

    source.made["file"] = [served.post("/file/new", {"project": served.project})["id"]]
    closed = source.known("file")
    upload = served.post(f"/{closed}/upload", {"index": 1, "size": 5})["url"]
    served.request("PUT", upload, b"hello")
    served.post(f"/{closed}/close")
    for class_name in ("record", "gtable", "applet", "workflow", "project", "project", "file"):
        make(class_name)
    doomed, other_project = source.made.pop("project")
    job, other, ended = (served.job(project="CONTRIBUTE") for _ in range(3))
    for each in (job, other):
        source.made.setdefault("job", []).append(each)
    source.made["container"] = [served.variables(job)["DX_WORKSPACE_ID"]]
    app = served.post("/app/new", {**GOOD["app", "new"](source), "version": "1.0.0"})["id"]
    run = {"project": served.project, "input": {}}
    analysis = served.post(f"/{source.known('workflow')}/run", run)["id"]
    urls = [
        upload,
        served.post(f"/{source.known('file')}/upload", {"index": 1, "size": 5})["url"],
        served.post(f"/{closed}/download", {"project": served.project, "preauthenticated": True})["url"],
    ]
    tokens = {"user": served.token, "job": served.token_of(job), "ended": served.token_of(ended)}
    served.inside(lambda context: access.revoke_tokens(context.store, ended))
    entities = {
        **source.made,
        "project": [served.project, other_project],
        "app": [app, "app-app", "app-app/1.0.0"],
        "analysis": [analysis],
        "user": ["user-local", "user-self"],
    }
    return World(
        project=served.project,
        entities=entities,
        tokens={**tokens, "wrong": "x" * 43, "none": ""},
        doomed={"project": doomed, "job": other},
        urls=[url.removeprefix(served.url) for url in urls],
    )


def fire(connection: http.client.HTTPConnection, shot: Shot) -> tuple[int, str, bytes] | None:
    """Send a request and return status, content type and body; None if the connection was closed."""
    with suppress(BrokenPipeError, ConnectionResetError):  # rejected before it was sent completely
        connection.request(shot.method, shot.path, shot.body, shot.headers)
    try:
        response = connection.getresponse()
        return response.status, response.headers.get("content-type", ""), response.read()
    except (ConnectionError, http.client.HTTPException):
        connection.close()
        return None


def strictly(body: bytes) -> Any:
    """Parse JSON strictly: NaN and Infinity are errors."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(body, parse_constant=refuse)


def judge(shot: Shot, status: int, kind: str, body: bytes) -> Any:
    """Check the properties of an answer that clients rely on, and return its JSON if it has any."""
    # The time of a request to comeBackLater can keep the platform unavailable.
    unavailable = {503} if shot.path == "/system/comeBackLater" else set()
    assert status in REFUSALS | {200, 206} | unavailable, f"{status} {body[:500]!r}"
    if not kind.startswith("application/json") or shot.method == "HEAD":
        return None
    answer = strictly(body)
    assert status < 300 or {"type", "message"} <= answer["error"].keys()
    return answer


def bombard(served: ServedPlatform, world: World, seed: int, count: int) -> dict[int, int]:
    """Send a number of requests, and count the answers by status; 0 means no answer."""
    fuzzer = Fuzzer(world, seed)
    counts: dict[int, int] = {}
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=LONGEST_SECONDS)) as connection:
        for number in range(count):
            shot = fuzzer.shot()
            answered = fire(connection, shot)
            status = answered[0] if answered else 0
            counts[status] = counts.get(status, 0) + 1
            if not answered:
                continue
            try:
                answer = judge(shot, *answered)
            except (AssertionError, ValueError) as error:
                pytest.fail(f"request {number} of seed {seed}: {error}\n{shot}\n{bugs(served)}")
            if is_new(shot, answer):
                world.learn(answer["id"])
    return counts


def is_new(shot: Shot, answer: Any) -> bool:
    """Return whether an answer contains the ID of a new entity."""
    made = isinstance(answer, dict) and "id" in answer and shot.path.endswith(("/new", "/run"))
    return made and shot.path != "/project/new"


def bugs(served: ServedPlatform) -> str:
    """Return the end of the server's log of internal errors."""
    log = served.folder / "platform" / "server.log"
    return log.read_text()[-3000:] if log.exists() else ""


def escaped(served: ServedPlatform) -> list[Path]:
    """Return the files that exist because a name was used as a path."""
    places = {
        served.folder,
        *served.folder.parents,
        Path.cwd(),
        *Path.cwd().parents,
        Path.home(),
        Path("/tmp"),
    }
    found = [path for place in places if place.is_dir() for path in place.iterdir() if MARK in path.name]
    inside = [path for path in served.folder.rglob("*") if MARK in path.name]
    others = [path for path in served.folder.iterdir() if path.name not in {"platform", ".dnanexus_config"}]
    return [*found, *inside, *others]


def survives(served: ServedPlatform, seed: int, count: int) -> dict[int, int]:
    before = set(Path.cwd().iterdir())
    counts = bombard(served, world_of(served), seed, count)
    assert bugs(served) == ""
    assert escaped(served) == []
    assert set(Path.cwd().iterdir()) == before
    started = time.monotonic()
    assert served.post("/system/whoami") == {"id": "user-local"}
    assert time.monotonic() - started < 5
    return counts


def test_some_hundred_odd_requests(served: ServedPlatform) -> None:
    counts = survives(served, seed=1, count=QUICK)
    assert sum(counts.values()) == QUICK
    assert counts[200] > QUICK / 10, "too few of the requests were good enough to reach far"


def first_messages(served: ServedPlatform) -> list[str | bytes]:
    """Return a first message for a web socket: any value, with a valid token if necessary."""
    who = {"access_token": served.token, "token_type": "Bearer"}
    odd: list[Any] = [None, True, -1, 2**70, 0.5, "x", "\ud800", [], ["x"], ["\ud800"], {}, {"a": {}}]
    fields = ("levels", "numRecentMessages", "recurseJobs", "tail", "try", "token_type", "access_token")
    requests = [{**who, "tail": False, name: value} for name in fields for value in odd]
    texts = ["", "x", "[]", "null", "[" * 100_000, '{"a": NaN}', "1" * 5000]
    return [*(json.dumps(each) for each in requests), *texts, b"", b"\xff", b'{"access_token": 1}']


def test_odd_first_messages_on_web_sockets(served: ServedPlatform) -> None:
    job = served.job()
    served.post(f"/{job}/terminate")
    for message in first_messages(served):
        with connect(f"ws://127.0.0.1:{served.port}/{job}/getLog/websocket") as listening:
            listening.send(message)
            try:
                answer = json.loads(listening.recv(timeout=LONGEST_SECONDS))["msg"]
            except ConnectionClosed as closed:
                answer = closed.rcvd and closed.rcvd.code
        assert answer in {"END_LOG", POLICY_VIOLATION}, message
    assert bugs(served) == ""


def test_unfinished_requests_do_not_delay_others(served: ServedPlatform) -> None:
    file = served.post("/file/new", {"project": served.project})["id"]
    put = served.post(f"/{file}/upload", {"index": 1, "size": 500})["url"].removeprefix(served.url)
    head = "POST /system/whoami HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    body = f"Authorization: Bearer {served.token}\r\nContent-Length: 500\r\n\r\n"
    upload = f"PUT {put} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n"
    with ExitStack() as stack:
        for beginning in (*["", "PO", head, f'{head}{body}{{"a"', f"{upload}x"] * 40,):
            unfinished = stack.enter_context(socket.create_connection(("127.0.0.1", served.port)))
            unfinished.sendall(beginning.encode())
        started = time.monotonic()
        assert served.post("/system/whoami") == {"id": "user-local"}
        assert time.monotonic() - started < 5
    assert served.post(f"/{file}/describe")["state"] == "open"
    assert bugs(served) == ""


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [2, 3, 4, 5])
def test_twenty_thousand_odd_requests(served: ServedPlatform, seed: int) -> None:
    counts = survives(served, seed, SLOW)
    assert {200, 400, 401, 404, 422} <= counts.keys()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_odd_requests_while_jobs_run(running: RunningPlatform) -> None:
    survives(running, seed=6, count=SLOW)
    run_spec = {"interpreter": "bash", "code": "main() { true; }"}
    applet = running.post("/applet/new", {"project": running.project, "dxapi": "1.0.0", "runSpec": run_spec})
    job = running.post(f"/{applet['id']}/run", {"project": running.project, "input": {}})["id"]
    assert "Done" in running.dx("wait", job)
