"""The address at which nodes reach this machine."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from dx_local.engine.executors.remote.address import NodeAddress, listen_for_nodes
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import BaseRoute


class RecordingApi:
    """An API that only records where it is to listen."""

    port = 8100

    def __init__(self) -> None:
        self.hosts: list[str] = []
        self.listens: list[str] = []

    def answer_at(self, listener: socket.socket) -> None:
        raise NotImplementedError

    def add_routes(self, routes: Sequence[BaseRoute]) -> None:
        raise NotImplementedError

    def accept_host(self, host: str) -> None:
        self.hosts.append(host)

    def listen_at(self, host: str) -> None:
        self.listens.append(host)
        if host == "203.0.113.9":
            socket.create_server((host, 0))


@pytest.mark.parametrize(
    ("chosen", "engine", "expected", "listens"),
    [
        (None, "127.0.0.1", "127.0.0.1:8100", []),
        (None, "10.1.2.3", "10.1.2.3:8100", ["10.1.2.3"]),
        ("192.168.1.4", "127.0.0.1", "192.168.1.4:8100", ["192.168.1.4"]),
        ("8.8.8.8", "10.1.2.3", "8.8.8.8:8100", ["8.8.8.8"]),
        ("203.0.113.9", "10.1.2.3", "203.0.113.9:8100", ["203.0.113.9"]),  # the other end of a tunnel
        ("10.1.2.3:9000", "10.1.2.3", "10.1.2.3:9000", []),
    ],
)
def test_the_server_listens_where_nodes_reach_it(
    chosen: str | None, engine: str, expected: str, listens: list[str]
) -> None:
    api = RecordingApi()
    address = listen_for_nodes(api, chosen, engine)
    assert (str(address), api.hosts, api.listens) == (expected, [expected], listens)
    assert address.url == f"http://{expected}"
    assert isinstance(address, NodeAddress)


@pytest.mark.parametrize(
    ("chosen", "engine", "message"),
    [
        (None, "8.8.8.8", "8.8.8.8, which is not a private address"),
        ("10.1.2.3:port", "10.1.2.3", "'10.1.2.3:port' is not an address"),
        (":80", "10.1.2.3", "':80' is not an address"),
        ("10.1.2.3:70000", "10.1.2.3", "is not an address"),
        ("no such host", "10.1.2.3", "'no such host' is unknown"),
    ],
)
def test_an_address_of_no_use_is_rejected(chosen: str | None, engine: str, message: str) -> None:
    api = RecordingApi()
    with pytest.raises(UsageError, match=message):
        listen_for_nodes(api, chosen, engine)
    assert (api.hosts, api.listens) == ([], [])
