"""How executor and zygote talk: JSON messages over a Unix stream socket, with open files beside them.

A message is its length in four bytes, big end first, then JSON text in UTF-8. Files travel with the first
byte, so whoever has read the length has them too.
"""

from __future__ import annotations

import array
import json
import os
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

HANDOVER = "handover"
"""The name of the socket in the executor's folder at which files are handed over (engine/handover.py)."""

_LENGTH_BYTES = 4
_LONGEST = (1 << 32) - 1
_MOST_FILES = 253  # as many as Linux passes on at once


def pack(message: dict[str, Any]) -> bytes:
    """Return message as it travels."""
    text = json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogateescape")
    return len(text).to_bytes(_LENGTH_BYTES, "big") + text


def send(channel: socket.socket, message: dict[str, Any], files: Sequence[int] = ()) -> None:
    """Send a message, and open files if there are any."""
    data = pack(message)
    # socket.send_fds does this, but only since Python 3.9, and workers may run 3.8.
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else []
    channel.sendall(data[channel.sendmsg([data], rights) :])


def unpack(data: bytes) -> tuple[list[dict[str, Any]], bytes]:
    """Take the whole messages off the front of data; return them and what is left."""
    messages = []
    while len(data) >= _LENGTH_BYTES:
        end = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "big")
        if len(data) < end:
            break
        messages.append(json.loads(data[_LENGTH_BYTES:end].decode("utf-8", "surrogateescape")))
        data = data[end:]
    return messages, data


def receive(channel: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Wait for one message; return it with the files that came along, or None when the other side hung up."""
    received = receive_bytes(channel)
    return received and (json.loads(received[0].decode("utf-8", "surrogateescape")), received[1])


def receive_bytes(channel: socket.socket, most: int = _LONGEST) -> tuple[bytes, list[int]] | None:
    """Wait for one message of any bytes; return it with its files.

    Returns None when the other side hung up, or is about to send more bytes than `most`.
    """
    head, files = _receive_with_files(channel, _LENGTH_BYTES)
    text = b""
    try:
        head += _receive_exactly(channel, _LENGTH_BYTES - len(head))
        length = int.from_bytes(head, "big")
        if len(head) == _LENGTH_BYTES and length <= most:
            text = _receive_exactly(channel, length)
    finally:
        if not text:
            for file in files:
                os.close(file)
    return (text, files) if text else None


def _receive_with_files(channel: socket.socket, size: int) -> tuple[bytes, list[int]]:
    # socket.recv_fds does this, but only since Python 3.9, and workers may run 3.8.
    files = array.array("i")
    data, ancillary, _flags, _address = channel.recvmsg(size, socket.CMSG_LEN(_MOST_FILES * files.itemsize))
    for level, kind, payload in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            files.frombytes(payload[: len(payload) - len(payload) % files.itemsize])
    return data, list(files)


def _receive_exactly(channel: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = channel.recv(size - len(data))
        if not piece:
            return b""
        data += piece
    return data
