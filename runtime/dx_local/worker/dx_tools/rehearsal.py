"""Rehearse the programs in the tool server, so that its forks inherit what a first call leaves in memory.

That is: compiled regular expressions, caches of argparse and urllib3, modules imported on use, and code that
the interpreter has specialized. Otherwise each call makes them again, and copies the memory that they are in.
Nothing is read, sent or printed, and dxpy is left as it was.
"""

from __future__ import annotations

import contextlib
import io
import os
import socket
import sys
import warnings
from typing import TYPE_CHECKING, Any

import dxpy
import urllib3.util.connection

if TYPE_CHECKING:
    import types
    from collections.abc import Iterator

_FILE_ID = "file-000000000000000000000000"

# The commands that apps use most.
_COMMANDS = (
    ("upload", "x", "--brief"),
    ("upload", "-", "--brief", "--destination", "x", "--property", "a=b"),
    ("download", _FILE_ID),
    ("download", _FILE_ID, "-f", "-o", "x", "--no-progress"),
    ("describe", _FILE_ID, "--name"),
    ("describe", _FILE_ID, "--json"),
    ("cat", _FILE_ID),
)

# These do nothing before they have parsed their arguments.
_HELPERS = (
    "dx-jobutil-add-output",
    "dx-jobutil-new-job",
    "dx-upload-all-outputs",
    "dx-download-all-inputs",
)

# The globals of dxpy that a request reads or writes.
_STATE = (
    *("counter", "SECURITY_CONTEXT", "AUTH_HELPER", "_pool_manager"),
    *("APISERVER", "APISERVER_HOST", "APISERVER_PORT", "APISERVER_PROTOCOL"),
)
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


def rehearse_dx() -> None:
    """Parse common command lines of `dx`, and send requests to nobody. Raises what dxpy raises.

    dxpy.scripts.dx must be imported.
    """
    dx: Any = sys.modules["dxpy.scripts.dx"]
    with _unnoticed():
        for command in _COMMANDS:
            dx.parser.parse_args(command)
        dxpy.DXFile(_FILE_ID)
        with _answered_requests() as servers:
            # Without retries, before which dxpy would wait.
            dxpy.DXHTTPRequest(f"/{_FILE_ID}/describe", {}, max_retries=0)
            servers[0].sendall(_ANSWER)  # the connection is used again
            dxpy.DXHTTPRequest(f"/{_FILE_ID}/describe", {}, max_retries=0)


def rehearse_helper(program: str, code: types.CodeType) -> None:
    """Have a program print its help, if it is one of the common helpers. Raises its exceptions."""
    if os.path.basename(program) not in _HELPERS:  # noqa: PTH119
        return
    arguments = sys.argv
    sys.argv = [program, "--help"]
    try:
        with _unnoticed(), contextlib.suppress(SystemExit):
            exec(code, {"__name__": "__main__"})
    finally:
        sys.argv = arguments


@contextlib.contextmanager
def _unnoticed() -> Iterator[None]:
    """Discard output and warnings; a warning that is ignored here will still be shown by a call."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _answered_requests() -> Iterator[list[socket.socket]]:
    """Connect dxpy to sockets that have an answer ready, and restore its state; yields their other ends."""
    servers: list[socket.socket] = []
    state = {name: getattr(dxpy, name) for name in _STATE}
    official = urllib3.util.connection.create_connection

    def connect(*_arguments: Any, **_options: Any) -> socket.socket:
        client, server = socket.socketpair()
        server.sendall(_ANSWER)
        servers.append(server)
        return client

    urllib3.util.connection.create_connection = connect
    dxpy._pool_manager = None  # noqa: SLF001
    dxpy.set_api_server_info("127.0.0.1", "1", "http")
    dxpy.set_security_context({"auth_token_type": "Bearer", "auth_token": "x"})
    try:
        yield servers
    finally:
        urllib3.util.connection.create_connection = official
        vars(dxpy).update(state)
        for server in servers:
            server.close()
