"""Requests for file transfers, by jobs with and without permission."""

from __future__ import annotations

import asyncio
import os
import socket
from array import array
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dx_local.engine.executors.file_transfer import FileTransfer
from dx_local.platform.core import access
from dx_local.platform.core.local_bytes import TEMPORARY
from dx_local.platform.data import files
from dx_local.worker import channel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import ServedPlatform

PART = 5 << 20


class Desk:
    """A platform that takes and gives files at a socket, and the requests of its jobs."""

    def __init__(self, served: ServedPlatform, *, links: bool = False) -> None:
        self.served = served
        self._handover = FileTransfer(served._platform, links=links)
        self.in_loop(lambda: self._handover.listen(served.folder))
        self.job = served.job()
        self.token = served.token_of(self.job)
        self.workspace = served.variables(self.job)["DX_WORKSPACE_ID"]

    def in_loop(self, work: Callable[[], object]) -> None:
        async def call() -> None:
            work()

        asyncio.run_coroutine_threadsafe(call(), self.served._loop).result()

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._handover.close(), self.served._loop).result()

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(30)
        connection.connect(str(self.served.folder / channel.FILE_TRANSFER_SOCKET))
        return connection

    def ask(self, *opened: int, **request: Any) -> Any:
        """Send a request with open files; return the answer."""
        message = channel.pack({"token": self.token, **request})
        with self.connect() as connection:
            passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", opened))] if opened else []
            connection.sendmsg([message], passed)
            received = channel.receive(connection)
        assert received
        return received[0]

    def new_file(self) -> str:
        made = self.served.post("/file/new", {"project": self.workspace, "name": "f"}, token=self.token)
        return str(made["id"])


@pytest.fixture(scope="module")
def desk(served_to_module: ServedPlatform) -> Iterator[Desk]:
    made = Desk(served_to_module)
    yield made
    made.close()


@pytest.fixture
def linking_desk(served: ServedPlatform) -> Iterator[Desk]:
    made = Desk(served, links=True)
    yield made
    made.close()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"hello")
    return path


@pytest.fixture
def given(desk: Desk, source: Path) -> str:
    """A file that the desk's job may see."""
    place = {"project": desk.served.project, "folder": "/", "name": "source"}
    return desk.served.inside(lambda context: files.link_local(context, source, **place))


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., int]]:
    """Open files for as long as the test takes."""
    with ExitStack() as stack:

        def open_file(name: str, flags: int = os.O_RDWR | os.O_CREAT) -> int:
            file = os.open(tmp_path / name, flags)
            stack.callback(os.close, file)
            return file

        yield open_file


def test_a_file_is_filled(desk: Desk, given: str, opened: Callable[..., int], tmp_path: Path) -> None:
    (tmp_path / "target").write_text("something longer")
    assert desk.ask(opened("target"), fetch=given, project=None) == {"size": 5}
    assert (tmp_path / "target").read_bytes() == b"hello"


@pytest.mark.parametrize("size", [0, 5])
def test_a_file_is_stored_and_closed(
    desk: Desk, opened: Callable[..., int], tmp_path: Path, size: int
) -> None:
    (tmp_path / "given").write_bytes(b"x" * size)
    file = desk.new_file()
    assert desk.ask(opened("given"), store=file, size=size, partSize=PART) == {"size": size}
    described = desk.served.post(f"/{file}/describe", {"fields": {"state": True, "size": True}})
    assert (described["state"], described["size"]) == ("closed", size)


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"fetch": "file-000000000000000000000000", "project": None},
        {"fetch": "GIVEN"},
        {"fetch": "GIVEN", "project": 3},
        {"fetch": "GIVEN", "project": "project-000000000000000000000000"},
        {"fetch": "OPEN", "project": None},
        {"fetch": ["GIVEN"], "project": None},
        {"fetch": "GIVEN", "project": None, "token": "wrong"},
        {"fetch": "GIVEN", "project": None, "token": None},
        {"store": "GIVEN", "size": 5, "partSize": PART},
        {"store": "OPEN", "size": 6, "partSize": PART},
        {"store": "OPEN", "size": 5, "partSize": 1},
        {"store": "OPEN", "size": 5, "partSize": 6 << 30},
        {"store": "OPEN", "size": 5, "partSize": "5"},
        {"store": "OPEN", "size": -5, "partSize": PART},
    ],
)
def test_what_may_not_be_is_refused(
    desk: Desk, given: str, opened: Callable[..., int], tmp_path: Path, request_: dict[str, Any]
) -> None:
    (tmp_path / "mine").write_bytes(b"other")
    names = {"GIVEN": given, "OPEN": desk.new_file()}
    asked = {key: names.get(str(value), value) for key, value in request_.items()}
    assert desk.ask(opened("mine"), **asked) == {}
    assert (tmp_path / "mine").read_bytes() == b"other"
    assert desk.served.post(f"/{names['OPEN']}/describe")["state"] == "open"


def test_a_users_own_file_is_not_filled_with_itself(
    desk: Desk, given: str, opened: Callable[..., int], source: Path
) -> None:
    desk.ask(opened("source"), fetch=given, project=None)
    assert source.read_bytes() == b"hello"


@pytest.mark.parametrize("is_linkable", [True, False])
def test_a_new_file_may_become_a_link(
    linking_desk: Desk, opened: Callable[..., int], source: Path, is_linkable: bool
) -> None:
    place = {"project": linking_desk.served.project, "folder": "/", "name": "source"}
    file = linking_desk.served.inside(lambda context: files.link_local(context, source, **place))
    answer = linking_desk.ask(opened("target"), fetch=file, project=None, linkable=is_linkable)
    if is_linkable:
        assert Path(answer["link"]).read_bytes() == b"hello"
    else:
        assert answer == {"size": 5}


def test_a_file_with_parts_is_not_taken_whole(desk: Desk, opened: Callable[..., int]) -> None:
    file = desk.new_file()
    target = desk.served.post(f"/{file}/upload", {"index": 1, "size": 1}, token=desk.token)
    desk.served.request("PUT", target["url"], b"x")
    assert desk.ask(opened("empty"), store=file, size=0, partSize=PART) == {}


def test_a_job_that_has_ended_gets_nothing(desk: Desk, given: str, opened: Callable[..., int]) -> None:
    job = desk.served.job()
    token = desk.served.token_of(job)
    assert desk.ask(opened("target"), fetch=given, project=None, token=token) == {"size": 5}
    desk.served.inside(lambda context: access.revoke_tokens(context.store, job))
    assert desk.ask(opened("target"), fetch=given, project=None, token=token) == {}


def test_another_jobs_workspace_is_out_of_reach(desk: Desk, opened: Callable[..., int], source: Path) -> None:
    file = desk.new_file()
    other = desk.served.token_of(desk.served.job())
    assert desk.ask(opened("source"), store=file, size=5, partSize=PART, token=other) == {}
    assert desk.ask(opened("source"), store=file, size=5, partSize=PART) == {"size": 5}
    assert desk.ask(opened("target"), fetch=file, project=None, token=other) == {}


@pytest.mark.parametrize("kind", ["none", "two", "read-only", "fifo", "folder", "appending"])
def test_only_one_regular_file_is_filled(
    desk: Desk, given: str, opened: Callable[..., int], tmp_path: Path, kind: str
) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    os.mkfifo(tmp_path / "fifo")
    passed: dict[str, list[tuple[str, int]]] = {
        "none": [],
        "two": [("a", os.O_RDWR), ("source", os.O_RDWR)],
        "read-only": [("a", os.O_RDONLY)],
        "fifo": [("fifo", os.O_RDWR)],
        "folder": [(".", os.O_RDONLY)],
        "appending": [("a", os.O_RDWR | os.O_APPEND)],
    }
    handed = [opened(*each) for each in passed[kind]]
    assert desk.ask(*handed, fetch=given, project=None) == {}


@pytest.mark.parametrize(
    "sent", [b"", b"\0", b"\0\0\0\5{", b"\0\0\0\2{]", b"\0\0\0\2[]", b"\xff\xff\xff\xff{}"]
)
def test_a_client_that_talks_nonsense_harms_nobody(
    desk: Desk, given: str, opened: Callable[..., int], sent: bytes
) -> None:
    read_end, write_end = os.pipe()
    with desk.connect() as connection, os.fdopen(read_end) as held:
        socket.send_fds(connection, [sent or b"\0"], [write_end])
        os.close(write_end)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(100)
        assert held.read() == ""
    assert desk.ask(opened("target"), fetch=given, project=None) == {"size": 5}


def test_a_job_that_is_gone_is_not_waited_for(desk: Desk, given: str, opened: Callable[..., int]) -> None:
    message = channel.pack({"token": desk.token, "fetch": given, "project": None})
    for _ in range(10):
        with desk.connect() as connection:
            socket.send_fds(connection, [message], [opened("target")])
    assert desk.ask(opened("target"), fetch=given, project=None) == {"size": 5}


def test_nothing_is_left_of_a_file_that_was_refused(desk: Desk, opened: Callable[..., int]) -> None:
    assert desk.ask(opened("empty"), store=desk.new_file(), size=9, partSize=PART) == {}
    assert not list((desk.served.folder / "platform" / "files").glob(f"*{TEMPORARY}"))
