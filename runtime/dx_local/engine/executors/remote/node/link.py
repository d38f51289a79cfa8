"""HTTP requests of a node to the submitting machine about one try of a job; each method blocks its thread."""

from __future__ import annotations

import http.client
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from http.client import HTTPResponse

    from dx_local.engine.executors.remote.assignment import Assignment, LogLineData

_SECONDS = 8.0
"""Longest time for an answer: longer than the server holds one, and shorter than the fence."""


class LinkError(Exception):
    """The submitting machine cannot be reached, or does not answer as one of this version."""


class Link:
    """Sends requests over one connection, which is renewed if it breaks. For use in one thread at a time."""

    def __init__(self, assignment: Assignment) -> None:
        url = urlsplit(assignment.control)
        self._path = url.path
        self._host = url.netloc
        self._headers = {
            "Authorization": f"Bearer {assignment.token}",
            "Content-Type": "application/json",
        }
        self._connection: http.client.HTTPConnection | None = None

    def begin(self, node: str, home: str) -> bool:
        """Return whether the try may start. Raises LinkError."""
        return bool(self._call("POST", "begin", {"node": node, "home": home}).get("do") == "go")

    def may_go_on(self) -> bool:
        """Return whether the try may go on: in some seconds, or at once if not. Raises LinkError."""
        return bool(self._call("GET", "order").get("do") == "go")

    def send_lines(self, before: int, lines: Sequence[LogLineData], notes: Sequence[str]) -> None:
        """Send log lines, after `before` earlier ones, and notes for the user. Raises LinkError."""
        self._call("POST", "log", {"before": before, "lines": list(lines), "notes": list(notes)})

    def send_output(self, output: dict[str, Any]) -> None:
        """Send the output of the job. Raises LinkError."""
        self._call("POST", "output", output)

    def layer(self, digest: str) -> HTTPResponse:
        """Return a response with the archive of a layer; its connection ends with it. Raises LinkError."""
        connection = http.client.HTTPConnection(self._host, timeout=_SECONDS)
        try:
            connection.request("GET", f"{self._path}/layers/{digest}", headers=self._headers)
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise LinkError(str(error)) from error
        if response.status != http.client.OK:
            response.close()
            connection.close()
            raise LinkError(f"layer {digest}: status {response.status}")
        return response

    def close(self) -> None:
        """End the connection."""
        if self._connection:
            self._connection.close()
            self._connection = None

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
        self._connection = self._connection or http.client.HTTPConnection(self._host, timeout=_SECONDS)
        try:
            self._connection.request(method, f"{self._path}/{name}", data, self._headers)
            response = self._connection.getresponse()
            text = response.read()
            answer = json.loads(text)
        except (OSError, ValueError, http.client.HTTPException) as error:
            with suppress(OSError):
                self.close()
            raise LinkError(str(error) or type(error).__name__) from error
        if response.status != http.client.OK or not isinstance(answer, dict):
            raise LinkError(f"{name}: status {response.status}")
        return answer
