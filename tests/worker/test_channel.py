"""Messages between executor and zygote, in whatever pieces the socket delivers them."""

from __future__ import annotations

import os
import socket
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dx_local.worker import channel

MESSAGES = st.lists(st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.booleans())))


def test_files_of_a_message_that_breaks_off_are_closed() -> None:
    read_end, write_end = os.pipe()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        socket.send_fds(ours, [channel.pack({"a": 1})[:-1]], [write_end])
        os.close(write_end)
        ours.shutdown(socket.SHUT_WR)
        assert channel.receive(theirs) is None
        assert os.read(read_end, 1) == b""
    os.close(read_end)


def test_a_message_that_is_too_long_is_not_read() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(channel.pack({"a": 1}))
        assert channel.receive_bytes(theirs, 3) is None


@given(messages=MESSAGES, size=st.integers(1, 50))
def test_messages_survive_any_cutting(messages: list[dict[str, Any]], size: int) -> None:
    data = b"".join(map(channel.pack, messages))
    received, rest = [], b""
    for start in range(0, len(data), size):
        whole, rest = channel.unpack(rest + data[start : start + size])
        received += whole
    assert (received, rest) == (messages, b"")


def test_files_travel_with_their_message() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        first, second = os.pipe()
        socket.send_fds(ours, [channel.pack({"with": "files"})], [first, second])
        ours.sendall(channel.pack({"without": "files"}))
        message, files = channel.receive(theirs) or ({}, [])
        assert message == {"with": "files"}
        assert [os.fstat(file).st_ino for file in files] == [os.fstat(first).st_ino, os.fstat(second).st_ino]
        assert channel.receive(theirs) == ({"without": "files"}, [])
        for file in (first, second, *files):
            os.close(file)


def test_hanging_up_ends_the_messages() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        ours.close()
        assert channel.receive(theirs) is None
