"""HTTP requests of a node to the submitting machine about one try of a job; each method blocks its thread."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dx_local.engine.executors.remote.node.connections import give_back, server_of, take

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from http.client import HTTPResponse

    from dx_local.engine.executors.remote.assignment import Assignment, LogLineData

_PATIENT_SECONDS = 600.0


class LinkError(Exception):
    """The submitting machine cannot be reached, or does not answer as one of this version."""


class Link:
    """Sends requests over one connection, which may be that of an earlier link, and is renewed if it breaks.

    For use in one thread at a time; only `close`, which ends a request under way, may be called in another.
    """

    def __init__(self, assignment: Assignment) -> None:
        self._path = urlsplit(assignment.control).path
        self._server = server_of(assignment)
        self._headers = {
            "Authorization": f"Bearer {assignment.token}",
            "Content-Type": "application/json",
        }
        self._connection = take(self._server)
        self._lock = threading.Lock()
        self._is_busy = False
        self._is_closed = False

    @property
    def place(self) -> str:
        """Host and port of the submitting machine."""
        return self._server.place

    def begin(self, node: str, home: str, port: int | None) -> bool:
        """Return whether the try may start. Raises LinkError.

        `port` is that of the loopback interface at which the job will reach the API, if there is one.
        """
        begun = {"node": node, "home": home, "port": port}
        return bool(self._call("POST", "begin", begun).get("do") == "go")

    def may_go_on(self) -> bool:
        """Return whether the try may go on: in some seconds, or at once if not. Raises LinkError."""
        return bool(self._call("GET", "order").get("do") == "go")

    def send_lines(self, before: int, lines: Sequence[LogLineData], notes: Sequence[str]) -> None:
        """Send log lines, after `before` earlier ones, and notes for the user. Raises LinkError."""
        self._call("POST", "log", {"before": before, "lines": list(lines), "notes": list(notes)})

    def send_output(self, output: dict[str, Any]) -> None:
        """Send the output of the job. Raises LinkError."""
        self._call("POST", "output", output)

    def wheels(self, python: str) -> list[tuple[str, str]]:
        """Return the names and digests of the wheels for the job's environment. Raises LinkError."""
        # Making them may take minutes.
        with self._stream(f"wheels/{python}", _PATIENT_SECONDS) as response:
            try:
                return [(str(name), str(digest)) for name, digest in json.loads(response.read())["wheels"]]
            except (ValueError, KeyError, TypeError) as error:
                raise LinkError("wheels: not an answer of this version") from error

    def wheel(self, digest: str) -> AbstractContextManager[HTTPResponse]:
        """Yield a response with a wheel. Raises LinkError."""
        return self._stream(f"wheel/{digest}")

    def layer(self, digest: str) -> AbstractContextManager[HTTPResponse]:
        """Yield a response with the archive of a layer. Raises LinkError."""
        return self._stream(f"layers/{digest}")

    @contextmanager
    def _stream(self, name: str, seconds: float | None = None) -> Iterator[HTTPResponse]:
        connection = self._server.connect(seconds) if seconds else self._server.connect()
        try:
            connection.request("GET", f"{self._path}/{name}", headers=self._headers)
            with connection.getresponse() as response:
                if response.status != http.client.OK:
                    raise LinkError(f"{name}: status {response.status}")
                yield response
        except (OSError, http.client.HTTPException) as error:
            raise LinkError(str(error)) from error
        finally:
            connection.close()

    def close(self) -> None:
        """Leave the connection to other links, or end a request under way; later requests raise LinkError."""
        with self._lock:
            self._is_closed = True
            connection, self._connection = self._connection, None
            is_busy = self._is_busy
        if connection is None:
            return
        if not is_busy:
            give_back(self._server, connection)
            return
        if connection.sock:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        connection.close()

    def _call(self, method: str, name: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        # A connection that was open may have been closed by the server: then a new one is tried at once.
        is_new = self._connection is None
        try:
            return self._answer(method, name, body)
        except LinkError:
            if is_new:
                raise
        return self._answer(method, name, body)

    def _answer(self, method: str, name: str, body: dict[str, Any] | None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        with self._lock:
            if self._is_closed:
                raise LinkError("the link is closed")
            connection = self._connection = self._connection or self._server.connect()
            self._is_busy = True
        is_usable = False
        try:
            connection.request(method, f"{self._path}/{name}", data, self._headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
            is_usable = True
        except (OSError, ValueError, AttributeError, http.client.HTTPException) as error:
            # An AttributeError is http.client's own when another thread has closed the connection.
            connection.close()
            raise LinkError(str(error) or type(error).__name__) from error
        finally:
            with self._lock:
                self._is_busy = False
                if not is_usable:
                    self._connection = None
        if response.status != http.client.OK or not isinstance(answer, dict):
            raise LinkError(f"{name}: status {response.status}")
        return answer
