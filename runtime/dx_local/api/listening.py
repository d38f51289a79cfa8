"""Sockets at which the API's server listens."""

from __future__ import annotations

import socket

HOST = "127.0.0.1"
BACKLOG = 1024
"""Connections that wait to be accepted."""


def listen(port: int, host: str = HOST) -> socket.socket:
    """Return a socket that listens on a port, by default of the loopback interface. Raises OSError.

    With 0, the kernel chooses the port.
    """
    listener = socket.create_server((host, port), backlog=BACKLOG)
    set_no_delay(listener)
    return listener


def set_no_delay(listener: socket.socket) -> None:
    """Have each connection send at once; else its second answer waits 40 ms for a delayed ACK.

    Connections inherit this. Asyncio sets it too, but only on sockets created with a protocol number.
    """
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
