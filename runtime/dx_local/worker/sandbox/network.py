"""The network of jobs whose app does not request network access: a loopback with only the API on it.

The network is made once, because that takes milliseconds; to enter it costs a job next to nothing. A socket
belongs to the network in which it was created, whichever process accepts connections on it. So the API server
answers there through a listener that was passed to it, without entering the network and without a relay.
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
from typing import TYPE_CHECKING, NoReturn

from dx_local.worker import channel
from dx_local.worker.sandbox import mounts

if TYPE_CHECKING:
    from dx_local.worker.sandbox.mounts import Syscall

_LOOPBACK = "127.0.0.1"
_MOST_WAITING_CLIENTS = 1024
_SET_FLAGS = 0x8914  # SIOCSIFFLAGS
_SET_ADDRESS = 0x8916  # SIOCSIFADDR
_SET_NETMASK = 0x891C  # SIOCSIFNETMASK
_UP = 0x1
# Jobs are root in a user namespace below the one that owns the network, and so have no privileges in it.
# These settings let them use low ports and ping all the same. Source: ip-sysctl.
_SYSCTLS = {"ip_unprivileged_port_start": "0", "ping_group_range": "0 0"}
_LOCAL_ADDRESS = re.compile(r"\|-- (\S+)\n\s+/32 host LOCAL")
_MOST_ADDRESSES = 32


class Network:
    """A network that contains only its jobs and the API.

    `listener` is the socket, as a file, on which the API server is to accept connections.
    """

    def __init__(self, port: int) -> None:
        """Make the network, with the API at this port. Raises OSError if the system does not permit it.

        A process cannot return from a new network, so a child enters it and sends the open files back.
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
            raise OSError(errno.ECHILD, "The process that sets up the network ended early")
        message, files = received
        if message["error"]:
            raise OSError(*message["error"])
        self.listener, self._namespace = files

    def entry_call(self) -> Syscall:
        """Return the call by which a child of the process that made the network enters it.

        It must be made before the child enters a sandbox, in which it has no privileges over the network.
        """
        return mounts.enter_namespace(self._namespace, mounts.NEW_NETWORK)


def _make(port: int, theirs: socket.socket) -> NoReturn:
    try:
        addresses = _local_addresses()
        mounts.perform([mounts.unshare(mounts.NEW_NETWORK)])
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        fcntl.ioctl(listener, _SET_FLAGS, struct.pack("16sH22x", b"lo", _UP))
        _add_to_loopback(addresses, listener)
        for name, value in _SYSCTLS.items():
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


def _local_addresses() -> list[str]:
    """Return this machine's own addresses, as far as the kernel lists them."""
    found: set[str] = set()
    with contextlib.suppress(OSError):
        found.update(_LOCAL_ADDRESS.findall(Path("/proc/self/net/fib_trie").read_text("ascii")))
    return sorted(address for address in found if not address.startswith("127."))


def _add_to_loopback(addresses: list[str], any_socket: socket.socket) -> None:
    """Add these addresses to the loopback: Spark and others bind to the address of the machine's name."""
    for number, address in enumerate(addresses[:_MOST_ADDRESSES]):
        name = f"lo:{number}".encode()
        for command, value in ((_SET_ADDRESS, address), (_SET_NETMASK, "255.255.255.255")):
            request = struct.pack("16sHH4s16x", name, socket.AF_INET, 0, socket.inet_aton(value))
            with contextlib.suppress(OSError):
                fcntl.ioctl(any_socket, command, request)
