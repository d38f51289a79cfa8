"""HTTP requests of a node to the submitting machine about one try of a job; each method blocks its thread."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dx_local.engine.executors.remote.encryption import node_context

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from http.client import HTTPResponse

    from dx_local.engine.executors.remote.assignment import Assignment, LogLineData

_SECONDS = 8.0
"""Longest time for an answer: longer than the server holds one, and shorter than the fence."""

_PATIENT_SECONDS = 600.0


class LinkError(Exception):
    """The submitting machine cannot be reached, or does not answer as one of this version."""


class Link:
    """Sends requests over one connection, which is renewed if it breaks.

    For use in one thread at a time; only `close`, which ends a request under way, may be called in another.
    """

    def __init__(self, assignment: Assignment) -> None:
        url = urlsplit(assignment.control)
        self._path = url.path
        self.place = url.netloc
        """Host and port of the submitting machine."""
        self._certificate = assignment.certificate
        self._headers = {
            "Authorization": f"Bearer {assignment.token}",
            "Content-Type": "application/json",
        }
        self._connection: http.client.HTTPConnection | None = None
        self._is_closed = False

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
    def _stream(self, name: str, seconds: float = _SECONDS) -> Iterator[HTTPResponse]:
        connection = self._new_connection(seconds)
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
        """End the connection; later requests raise LinkError."""
        self._is_closed = True
        connection = self._connection
        if connection and connection.sock:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        self._disconnect()

    def _new_connection(self, seconds: float) -> http.client.HTTPConnection:
        if self._certificate is None:
            return http.client.HTTPConnection(self.place, timeout=seconds)
        context = node_context(self._certificate)
        return http.client.HTTPSConnection(self.place, timeout=seconds, context=context)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
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
        if self._is_closed:
            raise LinkError("the link is closed")
        data = None if body is None else json.dumps(body).encode()
        connection = self._connection or self._new_connection(_SECONDS)
        self._connection = connection
        try:
            connection.request(method, f"{self._path}/{name}", data, self._headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, ValueError, AttributeError, http.client.HTTPException) as error:
            # An AttributeError is http.client's own when another thread has closed the connection.
            connection.close()
            self._disconnect()
            raise LinkError(str(error) or type(error).__name__) from error
        if response.status != http.client.OK or not isinstance(answer, dict):
            raise LinkError(f"{name}: status {response.status}")
        return answer
