"""The address at which nodes reach this machine."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

from dx_local.engine.cluster.settings import split_address
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from dx_local.engine.cluster.settings import ClusterSettings

_LOOPBACK = "127.0.0.1"
# Reserved for documentation; connecting a datagram socket sends nothing, but chooses a route.
_ELSEWHERE = ("192.0.2.1", 9)
_HINT = "Choose the address at which nodes reach this machine with --listen."


def reachable_address(settings: ClusterSettings, listen: str | None) -> str:
    """Return the IP address of --listen, or else that of the default route of this machine.

    Raises UsageError if there is none.
    """
    if listen is not None:
        return str(resolved_address(listen)[0])
    if settings.on == "local":
        return _LOOPBACK
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(_ELSEWHERE)
            return str(probe.getsockname()[0])
    except OSError:
        raise UsageError("the address of this machine for nodes could not be found", _HINT) from None


def is_own_address(address: str) -> bool:
    """Return whether this machine can listen at an address; otherwise it is the other end of a tunnel."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def resolved_address(listen: str) -> tuple[ipaddress.IPv4Address, int | None]:
    """Return the IP address and the port, if there is one, of --listen.

    Raises UsageError if it is no address, or one at which no node can reach this machine.
    """
    try:
        host, port = split_address(listen)
    except ValueError as error:
        raise UsageError(f"--listen: {error}") from None
    try:
        address = ipaddress.IPv4Address(socket.gethostbyname(host))
    except OSError as error:
        raise UsageError(f"the address {host!r} is unknown: {error.strerror}", _HINT) from None
    except UnicodeError:  # of the encoding of host names
        raise UsageError(f"{host!r} is not the name of a host", _HINT) from None
    if address.is_unspecified or address.is_multicast:
        raise UsageError(f"nodes cannot reach this machine at {address}", _HINT)
    if address.is_loopback and host not in {str(address), "localhost"}:  # as Debian names the machine itself
        raise UsageError(f"{host!r} is the loopback address {address} on this machine", _HINT)
    return address, port
