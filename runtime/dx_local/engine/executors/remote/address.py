"""The address at which nodes reach this machine, and the checks before it listens there."""

from __future__ import annotations

import errno
import ipaddress
import socket
from typing import TYPE_CHECKING, NamedTuple

from dx_local.errors import UsageError

if TYPE_CHECKING:
    from dx_local.engine.executors.protocol import Api


class NodeAddress(NamedTuple):
    """A host and a port as nodes write them."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL of the API for nodes, without a trailing slash."""
        return f"http://{self}"


def listen_for_nodes(api: Api, chosen: str | None, engine_address: str) -> NodeAddress:
    """Let the API listen at the address by which nodes reach this machine, and return it.

    `chosen` is the user's `ADDRESS` or `ADDRESS:PORT`. Without it, the address of the engine is used if it is
    private, because tokens travel unencrypted. An address that is not of this machine is taken for the other
    end of a tunnel (`ssh -R`), and nothing more listens here. Raises UsageError.
    """
    address = _parsed(chosen, api.port) if chosen else NodeAddress(engine_address, api.port)
    ip = _resolved(address.host)
    if not chosen and not (ip.is_private or ip.is_loopback):
        raise UsageError(
            f"nodes would reach this machine at {address.host}, which is not a private address",
            f"Anyone who can read the traffic could use the tokens of jobs. Pass --listen {address.host} if"
            " this network is trusted, or another address.",
        )
    api.accept_host(str(address))
    if not ip.is_loopback and address.port == api.port:
        try:
            api.listen_at(str(ip))
        except OSError as error:
            if not (chosen and error.errno == errno.EADDRNOTAVAIL):
                raise UsageError(
                    f"the server cannot listen at {address}: {error.strerror}",
                    "Pass --listen with an address of this machine that nodes can reach.",
                ) from error
    return address


def _parsed(text: str, own_port: int) -> NodeAddress:
    host, _, port = text.partition(":")
    if not host or (":" in text and not (port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16)):
        raise UsageError(f"{text!r} is not an address", "Write ADDRESS or ADDRESS:PORT, such as 10.0.0.1.")
    return NodeAddress(host, int(port) if port else own_port)


def _resolved(host: str) -> ipaddress.IPv4Address:
    try:
        return ipaddress.IPv4Address(socket.gethostbyname(host))
    except OSError as error:
        raise UsageError(
            f"the address {host!r} is unknown: {error.strerror}", "Pass --listen with an IP address."
        ) from error
