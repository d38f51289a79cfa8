"""The address at which nodes reach this machine, and the checks before it listens there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from dx_local.api.listening import HOST, listen
from dx_local.engine.cluster.addresses import is_own_address, resolved_address
from dx_local.engine.executors.remote.encryption import make_identity
from dx_local.errors import UsageError

if TYPE_CHECKING:
    import socket

    from dx_local.engine.executors.protocol import Api


class NodeAddress(NamedTuple):
    """A host and a port as nodes write them, and the server's certificate if connections are encrypted."""

    host: str
    port: int
    certificate: str | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL of the API for nodes, without a trailing slash."""
        return f"{'https' if self.certificate else 'http'}://{self}"


def listen_for_nodes(api: Api, chosen: str | None, engine_address: str) -> NodeAddress:
    """Let the API listen at the address by which nodes reach this machine, and return it.

    `chosen` is the user's `ADDRESS` or `ADDRESS:PORT`. Without it, the address of the engine is used if it is
    private. An address that is not of this machine is taken for the other end of a tunnel (`ssh -R`), whose
    near end is the same port of the loopback interface. Connections are encrypted unless nodes reach the
    loopback interface. Raises UsageError.
    """
    ip, port = resolved_address(engine_address if chosen is None else chosen)
    host = str(ip)
    if chosen is None and not (ip.is_private or ip.is_loopback):
        raise UsageError(
            f"nodes would reach this machine at {host}, which is not a private address",
            f"Everyone could try to connect. Pass --listen {host} if that is intended, or another address.",
        )
    place = host
    if not is_own_address(place):
        if port is None:
            raise UsageError(
                f"{host} is not an address of this machine",
                "Choose an address by which nodes reach this machine, or the far end of a tunnel"
                f" (ssh -R) with its port: --listen {host}:8100.",
            )
        place = HOST
    address = NodeAddress(host, port or api.port)
    if ip.is_loopback:
        api.accept_host(str(address))
        if (place, address.port) != (HOST, api.port):
            api.answer_at(_listener(place, address.port))
        return address
    identity = make_identity()
    api.answer_at(_listener(place, address.port), identity.context)
    return address._replace(certificate=identity.certificate)


def _listener(host: str, port: int) -> socket.socket:
    try:
        return listen(port, host)
    except OSError as error:
        raise UsageError(
            f"the server cannot listen at {host}:{port}: {os.strerror(error.errno or 0)}",
            "Pass --listen with another port, as in --listen 10.0.0.1:8100.",
        ) from error
