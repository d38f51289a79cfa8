"""The address at which nodes reach this machine, and the encryption of their connections."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

import pytest
from tests.engine.executors.remote.engines import own_address

from dx_local.engine.cluster.settings import ClusterSettings
from dx_local.engine.executors.remote.address import NodeAddress, listen_for_nodes
from dx_local.engine.executors.remote.encryption import make_identity, node_context
from dx_local.engine.executors.remote.parsl.engine import ParslEngine
from dx_local.engine.settings import JobSettings
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from starlette.routing import BaseRoute

FAR = "203.0.113.9"
"""An address that no machine has."""


class RecordingApi:
    """An API that only records where it is to answer."""

    def __init__(self) -> None:
        self.hosts: list[str] = []
        self.places: list[tuple[str, bool]] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    def answer_at(self, listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        host, port = listener.getsockname()
        self.places.append((f"{host}:{port}", tls is not None))
        listener.close()

    def add_routes(self, routes: Sequence[BaseRoute]) -> None:
        raise NotImplementedError

    def accept_host(self, host: str) -> None:
        self.hosts.append(host)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def api() -> Iterator[RecordingApi]:
    made = RecordingApi()
    yield made
    made.close()


def test_nodes_on_this_machine_use_its_own_port(api: RecordingApi) -> None:
    address = listen_for_nodes(api, None, "127.0.0.1")
    assert address == NodeAddress("127.0.0.1", api.port)
    assert address.url == f"http://127.0.0.1:{api.port}"
    assert (api.hosts, api.places) == ([f"127.0.0.1:{api.port}"], [])


def test_another_loopback_address_is_not_encrypted(api: RecordingApi) -> None:
    address = listen_for_nodes(api, "127.0.0.2", "127.0.0.1")
    assert address.certificate is None
    assert (api.hosts, api.places) == ([str(address)], [(f"127.0.0.2:{api.port}", False)])


@pytest.mark.parametrize("is_chosen", [False, True])
def test_connections_from_other_machines_are_encrypted(api: RecordingApi, is_chosen: bool) -> None:
    own = own_address()
    address = listen_for_nodes(api, own if is_chosen else None, "127.0.0.1" if is_chosen else own)
    assert address.url == f"https://{own}:{api.port}"
    assert address.certificate
    assert (api.hosts, api.places) == ([], [(f"{own}:{api.port}", True)])


def test_a_tunnel_ends_at_the_same_port_of_the_loopback_interface(api: RecordingApi) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = listen_for_nodes(api, f"{FAR}:{port}", "127.0.0.1")
    assert address.url == f"https://{FAR}:{port}"
    assert api.places == [(f"127.0.0.1:{port}", True)]


@pytest.mark.parametrize(
    ("chosen", "engine", "message"),
    [
        (None, "8.8.8.8", "8.8.8.8, which is not a private address"),
        (FAR, "127.0.0.1", f"{FAR} is not an address of this machine"),
        ("10.1.2.3:port", "10.1.2.3", "'10.1.2.3:port' is not an address"),
        (":80", "10.1.2.3", "':80' is not an address"),
        ("10.1.2.3:70000", "10.1.2.3", "is not an address"),
        ("no such host", "10.1.2.3", "'no such host' is unknown"),
        ("", "10.1.2.3", "'' is not an address"),
        ("[fd00::2]:8100", "10.1.2.3", "is not an address"),
        ("0.0.0.0", "10.1.2.3", "nodes cannot reach this machine at 0.0.0.0"),
        ("127.1", "10.1.2.3", "'127.1' is the loopback address 127.0.0.1 on this machine"),
        ("..", "10.1.2.3", "'..' is not the name of a host"),
    ],
)
def test_an_address_of_no_use_is_rejected(
    api: RecordingApi, chosen: str | None, engine: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        listen_for_nodes(api, chosen, engine)
    assert (api.hosts, api.places) == ([], [])


def test_a_port_that_is_taken_is_named(api: RecordingApi) -> None:
    with pytest.raises(UsageError, match=f"cannot listen at 127.0.0.1:{api.port}: Address already in use"):
        listen_for_nodes(api, f"{FAR}:{api.port}", "127.0.0.1")


def test_a_tunnel_needs_the_port_of_parsl() -> None:
    settings = JobSettings(executor="parsl", cluster=ClusterSettings(on="local"), listen=f"{FAR}:8100")
    with pytest.raises(UsageError, match=f"{FAR} is not an address of this machine") as caught:
        ParslEngine(settings, None)  # type: ignore[arg-type]  # it reports nothing before its start
    assert "set `worker_port`" in str(caught.value.hint)


@pytest.mark.parametrize("is_trusted", [True, False])
def test_a_node_trusts_only_the_certificate_of_its_assignment(is_trusted: bool) -> None:
    identity = make_identity()
    trusted = identity if is_trusted else make_identity()
    client, server = (ssl.MemoryBIO(), ssl.MemoryBIO()), (ssl.MemoryBIO(), ssl.MemoryBIO())
    ours = node_context(trusted.certificate).wrap_bio(client[0], server[0])
    theirs = identity.context.wrap_bio(server[0], client[0], server_side=True)
    with pytest.raises(ssl.SSLWantReadError):
        ours.do_handshake()
    with pytest.raises(ssl.SSLWantReadError):
        theirs.do_handshake()
    if not is_trusted:
        with pytest.raises(ssl.SSLCertVerificationError):
            ours.do_handshake()
        return
    ours.do_handshake()
    assert ours.version() == "TLSv1.3"
