"""Routes for the nodes that run jobs: they belong to one try of a job, and to its own token, not to a user.

    POST …/begin      {"node", "home", "port"} → {"do": "go" or "kill"}: the try is about to start
    GET  …/order      → {"do"}, after some seconds unless the try is to be killed before
    POST …/log        {"before", "lines", "notes"} → {}: log lines, after `before` earlier ones
    POST …/output     an output too long for the engine → {}
    GET  …/layers/D   a layer by its digest, as a tar archive
    GET  …/wheels/V   {"wheels": [[name, digest]]}: packages for a Python of version V
    GET  …/wheel/D    one of them

A try that is over, replaced or unknown gets {"do": "kill"}, and 404 for everything else.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from dx_local.api import convertors
from dx_local.api.answers import answer_json
from dx_local.platform.execution.job_logs import DEBUGGER, LEVELS
from dx_local.platform.requests import strict_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

    from starlette.requests import Request

ROOT = "/dx-local/node"
"""The beginning of the paths, which the ID of the job and the number of the try follow."""

_BLOCK = 256 << 10
_KILL = {"do": "kill"}
_LEVELS = frozenset({*LEVELS, DEBUGGER})
_LATEST = 10**13  # ms since the epoch
_VERSION = re.compile(r"\d+\.\d+(\.\d+)?", re.ASCII)


class NodeTry(Protocol):
    """A running try of a job, on a node."""

    output: dict[str, Any] | None

    def begin(self, node: str, home: str, port: int | None) -> str:
        """Return `go` if the job may start on a node, else `kill`."""
        ...

    async def order(self) -> str:
        """Return `kill` as soon as the job is to end, or `go` after some seconds."""
        ...

    def add_lines(self, before: int, lines: Sequence[tuple[str, str, str, int]]) -> None:
        """Add log lines (source, level, text, time), after `before` others."""

    def add_notes(self, notes: Sequence[str]) -> None:
        """Show messages about the node to the user."""

    def layer(self, digest: str) -> Path | None:
        """Return the folder of a layer that the job requires."""
        ...

    async def wheels(self, python: str) -> list[tuple[str, str]] | None:
        """Return the names and digests of wheels for the job's environment; None if there are none."""
        ...

    def wheel(self, digest: str) -> Path | None:
        """Return a wheel that `wheels` has named."""
        ...


def node_routes(find: Callable[[str, int, str], NodeTry | None]) -> list[Route]:
    """Return the routes for the tries that `find` returns by job ID, number of the try, and token."""

    def route(path: str, method: str, answer: Callable[[NodeTry, Request], Awaitable[Response]]) -> Route:
        async def endpoint(request: Request) -> Response:
            found = _find(find, request)
            if found is None:
                return answer_json(_KILL, 200 if path in ("begin", "order") else 404)
            try:
                return await answer(found, request)
            except (ValueError, KeyError, TypeError, ArithmeticError):
                return answer_json({"error": "the request is not one of a node of this version"}, 400)

        return Route(f"{ROOT}/{{job}}/{{number:number}}/{path}", endpoint, methods=[method])

    convertors.register()
    return [
        route("begin", "POST", _begin),
        route("order", "GET", _order),
        route("log", "POST", _log),
        route("output", "POST", _output),
        route("layers/{digest}", "GET", _layer),
        route("wheels/{python}", "GET", _wheels),
        route("wheel/{digest}", "GET", _wheel),
    ]


def _find(find: Callable[[str, int, str], NodeTry | None], request: Request) -> NodeTry | None:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind != "Bearer":
        return None
    return find(request.path_params["job"], request.path_params["number"], token)


async def _begin(found: NodeTry, request: Request) -> Response:
    body = strict_json.parse(await request.body())
    port = body["port"]
    if port is not None and not (type(port) is int and 0 < port < 1 << 16):
        raise ValueError(port)
    return answer_json({"do": found.begin(str(body["node"]), str(body["home"]), port)})


async def _order(found: NodeTry, _request: Request) -> Response:
    return answer_json({"do": await found.order()})


async def _log(found: NodeTry, request: Request) -> Response:
    body = strict_json.parse(await request.body(), replaces_surrogates=True)
    found.add_notes([str(note) for note in body["notes"]])
    lines = [(str(source), str(level), str(text), int(time)) for source, level, text, time in body["lines"]]
    if not all(level in _LEVELS and 0 <= time < _LATEST for _, level, _, time in lines):
        raise ValueError("the index of the log cannot hold such a level or time")
    found.add_lines(max(0, int(body["before"])), lines)
    return answer_json({})


async def _output(found: NodeTry, request: Request) -> Response:
    output = strict_json.parse(await request.body())
    if not isinstance(output, dict):
        raise TypeError("an output is a hash")
    found.output = output
    return answer_json({})


async def _layer(found: NodeTry, request: Request) -> Response:
    folder = found.layer(request.path_params["digest"])
    if folder is None:
        return answer_json({"error": "the job has no such layer"}, 404)
    return StreamingResponse(_tar(folder), media_type="application/x-tar")


async def _wheels(found: NodeTry, request: Request) -> Response:
    python = request.path_params["python"]
    if not _VERSION.fullmatch(python):
        raise ValueError(python)
    wheels = await found.wheels(python)
    return answer_json({"wheels": wheels}, 200 if wheels is not None else 404)


async def _wheel(found: NodeTry, request: Request) -> Response:
    path = found.wheel(request.path_params["digest"])
    if path is None:
        return answer_json({"error": "the job has no such wheel"}, 404)
    return FileResponse(path)


async def _tar(folder: Path) -> AsyncIterator[bytes]:
    """Yield the archive of a folder's content."""
    process = await asyncio.create_subprocess_exec(
        "tar",
        "--create",
        "--file=-",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        f"--directory={folder}",
        ".",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        while block := await process.stdout.read(_BLOCK):
            yield block
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
