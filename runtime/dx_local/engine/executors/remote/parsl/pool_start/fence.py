"""Detect on a node that dx-local is gone, so that the node's pool must end.

Parsl's pool notices that itself after 30 s without a heartbeat, but not if its interchange ends while the
pool registers, and it may hang while it ends.
"""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

OWNER_VARIABLE = "DX_LOCAL_OWNER"
"""Environment variable with the process ID of dx-local, for a pool on the same machine."""

SILENCE_SECONDS = 40.0
"""Time without an answer of the interchange after which a pool is ended; Parsl's own time is shorter."""

_SECONDS_BETWEEN_CALLS = 5.0
_ANSWER_SECONDS = 2.0
_GREETING = b"\xff"
"""The first byte that each side of a connection of ZeroMQ sends (ZMTP 3.1, section 2.2)."""


class Fence:
    """Watches the process of dx-local, if it is on this machine, and the interchange at one of its addresses.

    A connection counts only once the interchange greets: the far end of a tunnel accepts every connection.
    """

    def __init__(self, addresses: Sequence[str], port: int, owner: int | None) -> None:
        self._addresses = addresses
        self._port = port
        self._owner = owner
        self._answered = self._called = time.monotonic()

    def problem(self) -> str | None:
        """Return the reason for which the pool must end, or None; may take some seconds."""
        if self._owner is not None and not _is_alive(self._owner):
            return "dx-local has ended."
        if time.monotonic() - self._called >= _SECONDS_BETWEEN_CALLS:
            if any(_greets(address, self._port) for address in self._addresses):
                self._answered = time.monotonic()
            self._called = time.monotonic()
        if time.monotonic() - self._answered > SILENCE_SECONDS:
            return f"Parsl's interchange has not answered for {SILENCE_SECONDS:g} seconds."
        return None


def owner_of_pool() -> int | None:
    """Return the process ID of dx-local if it is on this machine, and hide the variable with it from jobs."""
    text = os.environ.pop(OWNER_VARIABLE, None)
    return int(text) if text else None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):  # the ID may be that of another user's process by now
        return False
    return True


def _greets(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=_ANSWER_SECONDS) as connection:
            return connection.recv(1) == _GREETING
    except OSError:
        return False
