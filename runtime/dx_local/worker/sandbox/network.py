"""The network of jobs whose app asks for none: a loopback of their own, at which the API answers, no more.

It is made once, since that costs milliseconds; entering it costs a job next to nothing. A socket stays in the
network in which it was made, whoever accepts what comes in at it. So the API's server can be reached there
although it has never been there, and nothing has to be relayed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import socket
import struct
from pathlib import Path
from typing import NoReturn

from dx_local.worker import channel
from dx_local.worker.sandbox import mounts

_LOOPBACK = "127.0.0.1"
_MOST_WAITING_CLIENTS = 1024
_SET_FLAGS = 0x8914  # SIOCSIFFLAGS and so on: what is set of an interface
_SET_ADDRESS = 0x8916
_SET_NETMASK = 0x891C
_UP = 0x1
# Jobs are root of a user namespace below that of the network, so of none of its rights. Source: ip-sysctl.
_FOR_ALL = {"ip_unprivileged_port_start": "0", "ping_group_range": "0 0"}
_ADDRESS_OF_MACHINE = re.compile(r"\|-- (\S+)\n\s+/32 host LOCAL")
_MOST_ADDRESSES = 32


class Network:
    """A network in which there are its own jobs and the API.

    `listener` is the file of the socket at which the API is to answer; it is for whoever serves it.
    """

    def __init__(self, port: int) -> None:
        """Make it, with the API at this port. Raises OSError where the system does not let users do this.

        Who has entered a network of its own cannot come back; so another process does, and hands it over.
        """
        ours, theirs = socket.socketpair()
        maker = os.fork()
        if maker == 0:
            _make(port, theirs)
        theirs.close()
        with ours:
            received = channel.receive(ours)
        os.waitpid(maker, 0)
        if received is None:
            raise OSError(errno.ECHILD, "The process that makes it has ended")
        message, files = received
        if message["error"]:
            raise OSError(*message["error"])
        self.listener, self._namespace = files

    def enter(self) -> None:
        """Put this process, a child of the one that made the network, into it. Raises OSError."""
        mounts.perform([mounts.join(self._namespace, mounts.NEW_NETWORK)])


def _make(port: int, theirs: socket.socket) -> NoReturn:
    try:
        addresses = _addresses_of_machine()
        mounts.perform([mounts.unshare(mounts.NEW_NETWORK)])
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        fcntl.ioctl(listener, _SET_FLAGS, struct.pack("16sH22x", b"lo", _UP))
        _add(addresses, listener)
        for name, value in _FOR_ALL.items():
            with contextlib.suppress(OSError):
                Path("/proc/sys/net/ipv4", name).write_text(value, "ascii")
        listener.bind((_LOOPBACK, port))
        listener.listen(_MOST_WAITING_CLIENTS)
        namespace = os.open("/proc/self/ns/net", os.O_RDONLY)
        channel.send(theirs, {"error": None}, [listener.fileno(), namespace])
    except OSError as error:
        channel.send(theirs, {"error": [error.errno, error.strerror, error.filename]})
    finally:
        os._exit(0)


def _addresses_of_machine() -> list[str]:
    """Return this machine's own addresses, as far as it tells them."""
    found: set[str] = set()
    with contextlib.suppress(OSError):
        found.update(_ADDRESS_OF_MACHINE.findall(Path("/proc/self/net/fib_trie").read_text("ascii")))
    return sorted(address for address in found if not address.startswith("127."))


def _add(addresses: list[str], any_socket: socket.socket) -> None:
    """Give the loopback these addresses too: Spark and others bind to what the machine's name stands for."""
    for number, address in enumerate(addresses[:_MOST_ADDRESSES]):
        name = f"lo:{number}".encode()
        for what, value in ((_SET_ADDRESS, address), (_SET_NETMASK, "255.255.255.255")):
            request = struct.pack("16sHH4s16x", name, socket.AF_INET, 0, socket.inet_aton(value))
            with contextlib.suppress(OSError):
                fcntl.ioctl(any_socket, what, request)
