"""The protocol between executor and zygote: JSON messages and open files over a Unix stream socket.

A message is its length in four bytes, big-endian, then JSON text in UTF-8. Files travel with the first byte,
so a receiver that has the length has the files too.
"""

from __future__ import annotations

import array
import json
import os
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

EXECUTOR_FOLDER = "/.dx-local"
"""The path at which a job finds the executor's folder: sockets, and clients for dxpy's programs."""

FILE_TRANSFER_SOCKET = "file-transfer"
"""The name of the socket in the executor's folder for whole-file transfers (executors/file_transfer.py)."""

LAYERS_SOCKET = "image-layers"
"""The name of the socket in the executor's folder at which `docker` has layers unpacked (engine/images)."""

IMAGES = f"{EXECUTOR_FOLDER}/images"
"""The path at which a job finds the cache of images, read-only."""

CHANGES = f"{EXECUTOR_FOLDER}/changes"
"""The path at which a job that is to read its changes finds the upper folders of its overlays."""

TERMINAL_SOCKET = "terminal"
"""The name of the socket in the executor's folder at which jobs ask for the user's terminal."""

_LENGTH_BYTES = 4
_LONGEST = (1 << 32) - 1
_MOST_FILES = 253  # the most that Linux sends at once


def pack(message: dict[str, Any]) -> bytes:
    """Return a message in its binary form."""
    text = json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogateescape")
    return len(text).to_bytes(_LENGTH_BYTES, "big") + text


def send(channel: socket.socket, message: dict[str, Any], files: Sequence[int] = ()) -> None:
    """Send a message, and open files if any."""
    data = pack(message)
    # socket.send_fds does this, but only since Python 3.9, and workers may run 3.8.
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else []
    channel.sendall(data[channel.sendmsg([data], rights) :])


def unpack(data: bytes) -> tuple[list[dict[str, Any]], bytes]:
    """Split off the complete messages at the start of data; return them and the rest."""
    messages = []
    while len(data) >= _LENGTH_BYTES:
        end = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "big")
        if len(data) < end:
            break
        messages.append(json.loads(data[_LENGTH_BYTES:end].decode("utf-8", "surrogateescape")))
        data = data[end:]
    return messages, data


def receive(channel: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Wait for one message; return it with its files, or None if the other side closed the connection."""
    received = receive_bytes(channel)
    return received and (json.loads(received[0].decode("utf-8", "surrogateescape")), received[1])


def receive_bytes(channel: socket.socket, most: int = _LONGEST) -> tuple[bytes, list[int]] | None:
    """Wait for one message of any bytes; return it with its files.

    Returns None if the other side closed the connection, or announces more than `most` bytes.
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
