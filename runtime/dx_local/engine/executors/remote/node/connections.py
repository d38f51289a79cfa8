"""Connections to the submitting machine, kept for later jobs: encrypted ones take milliseconds to open."""

from __future__ import annotations

import http.client
import threading
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from dx_local.engine.executors.remote.encryption import node_context

if TYPE_CHECKING:
    from dx_local.engine.executors.remote.assignment import Assignment

_SECONDS = 8.0
"""Longest time for an answer: longer than the server holds one, and shorter than the fence."""

_MOST_IDLE_SECONDS = 60.0  # firewalls drop connections silently, but hardly so soon
_MOST_IDLE = 4


class Server(NamedTuple):
    """The submitting machine: its host and port, and its certificate if connections are encrypted."""

    place: str
    certificate: str | None

    def connect(self, seconds: float = _SECONDS) -> http.client.HTTPConnection:
        """Return a new connection, which is opened by its first request."""
        if self.certificate is None:
            return http.client.HTTPConnection(self.place, timeout=seconds)
        context = node_context(self.certificate)
        return http.client.HTTPSConnection(self.place, timeout=seconds, context=context)


def server_of(assignment: Assignment) -> Server:
    """Return the machine that has submitted an assignment."""
    return Server(urlsplit(assignment.control).netloc, assignment.certificate)


class _Idle(NamedTuple):
    server: Server
    since: float
    connection: http.client.HTTPConnection


_idle: list[_Idle] = []
_lock = threading.Lock()


def take(server: Server) -> http.client.HTTPConnection | None:
    """Return a connection that is open and idle, if there is one; the server may have closed it meanwhile."""
    _close_old()
    with _lock:
        for each in reversed(_idle):
            if each.server == server:
                _idle.remove(each)
                return each.connection
    return None


def give_back(server: Server, connection: http.client.HTTPConnection) -> None:
    """Keep a connection that has no request under way."""
    with _lock:
        _idle.append(_Idle(server, time.monotonic(), connection))
    _close_old()


def close_all() -> None:
    """Close all idle connections."""
    _close_old(most=0)


def _close_old(most: int = _MOST_IDLE) -> None:
    """Close connections that have been idle for long, and all but the last ones."""
    earliest = time.monotonic() - _MOST_IDLE_SECONDS
    with _lock:
        kept = [each for each in _idle if each.since > earliest][-most:] if most else []
        closed = [each for each in _idle if each not in kept]
        _idle[:] = kept
    for each in closed:
        each.connection.close()
