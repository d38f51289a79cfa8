"""Ten clients that work on a server at once until it is killed, and what they were told has been done."""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.local_server import LocalServer

_CLIENTS = 10


@dataclass
class Acknowledged:
    """The requests of one client that the server acknowledged."""

    opened: set[str] = field(default_factory=set)
    uploaded: set[str] = field(default_factory=set)
    closed: dict[str, str] = field(default_factory=dict)  # file ID → MD5
    jobs: set[str] = field(default_factory=set)
    finds: int = 0


class Client:
    """One client that does what clients do, as fast as it can, on a connection of its own."""

    def __init__(self, server: LocalServer, applet: str, seed: int) -> None:
        variables = server.ready["variables"]
        token = json.loads(variables["DX_SECURITY_CONTEXT"])["auth_token"]
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._connection = http.client.HTTPConnection(
            "127.0.0.1", int(variables["DX_APISERVER_PORT"]), timeout=60
        )
        self._url = server.ready["url"]
        self._project = server.project
        self._applet = applet
        self._random = random.Random(seed)
        self.done = Acknowledged()

    def hammer(self, until: threading.Event) -> Acknowledged:
        """Work until told to stop, or until the server is gone."""
        with closing(self._connection), suppress(ConnectionError, http.client.HTTPException):
            while not until.is_set():
                self._upload()
                self.done.jobs.add(
                    self._post(f"/{self._applet}/run", {"project": self._project, "input": {}})["id"]
                )
                self._find()
        return self.done

    def _upload(self) -> None:
        data = self._random.randbytes(self._random.choice([0, 10, 1000, 300_000]))
        md5 = hashlib.md5(data).hexdigest()
        file: str = self._post("/file/new", {"project": self._project, "name": md5})["id"]
        self.done.opened.add(file)
        ticket = self._post(f"/{file}/upload", {"index": 1, "size": len(data), "md5": md5})
        self._request("PUT", ticket["url"].removeprefix(self._url), data, ticket["headers"])
        self.done.uploaded.add(file)
        self._post(f"/{file}/close", {})
        self.done.closed[file] = md5

    def _find(self) -> None:
        found = self._post("/system/findDataObjects", {"scope": {"project": self._project}, "limit": 20})
        assert found["results"]
        self.done.finds += 1

    def _post(self, path: str, request: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(
            self._request("POST", path, json.dumps(request).encode(), self._headers)
        )
        return answer

    def _request(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        data = response.read()
        assert response.status == 200, data
        return data


def hammer(server: LocalServer, seconds: float, number: int) -> list[Acknowledged]:
    """Have ten clients work for so long, then end the server by a signal; return what they were told."""
    applet = server.new_applet("quick", "main() { true; }")
    clients = [Client(server, applet, seed) for seed in range(_CLIENTS)]
    over = threading.Event()
    with ThreadPoolExecutor(_CLIENTS) as pool:
        working = [pool.submit(client.hammer, over) for client in clients]
        while not all(client.done.closed for client in clients):
            time.sleep(0.05)
        time.sleep(seconds)
        if number != signal.SIGKILL:
            over.set()
            return [work.result() for work in working]
        server.end(number)
        return [work.result() for work in working]


def check(server: LocalServer, told: list[Acknowledged]) -> None:
    """Hold what the clients were told against what the server has."""
    closed = {file: md5 for one in told for file, md5 in one.closed.items()}
    uploaded, opened, job_ids = (
        {entity for one in told for entity in getattr(one, name)} for name in ("uploaded", "opened", "jobs")
    )
    assert all(one.closed for one in told)
    for file, md5 in closed.items():
        assert server.describe(file)["state"] == "closed"
        assert hashlib.md5(content(server, file)).hexdigest() == md5
    for file in uploaded - closed.keys():
        server.post(f"/{file}/close")
        assert hashlib.md5(content(server, file)).hexdigest() == server.describe(file)["name"]
    for file in opened - uploaded:
        assert server.describe(file)["state"] == "open"
    for job in job_ids:
        assert server.final(job)["state"] in {"done", "failed"}


def content(server: LocalServer, file: str) -> bytes:
    url = server.post(f"/{file}/download", {"preauthenticated": True})["url"]
    connection = http.client.HTTPConnection("127.0.0.1", int(server.ready["variables"]["DX_APISERVER_PORT"]))
    with closing(connection):
        connection.request("GET", url.removeprefix(server.ready["url"]))
        return connection.getresponse().read()
