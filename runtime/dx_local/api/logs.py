"""The web socket of a job's log, as used by `dx watch`: first the existing lines, then new ones as they come.

The first message of the client contains its token and options. At the end of the log, the server sends the
message END_LOG, and the client closes the connection. Lines are read from the logs on disk at the pace of the
client; notifications of the platform only mark the logs that have grown.

Source: dxpy.utils.job_log_client.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from heapq import merge
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from dx_local.api.answers import check_origin
from dx_local.platform.core import access
from dx_local.platform.core.context import Context
from dx_local.platform.core.errors import (
    ApiError,
    InvalidAuthentication,
    InvalidInput,
    MalformedJSON,
    PermissionDenied,
)
from dx_local.platform.core.schema import JobState, JobTry
from dx_local.platform.core.states import FINAL
from dx_local.platform.execution import jobs
from dx_local.platform.execution.job_logs import LEVELS, LogReader, log_path
from dx_local.platform.lifecycle import restarts
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dx_local.platform.core.context import JSON, Caller, Platform
    from dx_local.platform.core.states import Transition
    from dx_local.platform.execution.job_logs import LogEntry

    _JobTry = tuple[str, int]

_MAX_RECENT = 1024 * 256
_FIRST_MESSAGE_SECONDS = 30.0
_GOODBYE_SECONDS = 10.0
_POLICY_VIOLATION = 1008
_MAX_REASON = 123  # bytes, the limit of a close frame
_COLUMNS = "job.id, job.function, job.try_number"
_END = {"source": "SYSTEM", "msg": "END_LOG"}


def log_route(platform: Platform) -> WebSocketRoute:
    """Return the route for the logs of all jobs."""

    async def endpoint(socket: WebSocket) -> None:
        try:
            check_origin(socket.headers, platform.hosts)
        except PermissionDenied as error:
            await socket.send_denial_response(Response(json.dumps(error.body()), error.status))
            return
        await socket.accept()
        with suppress(WebSocketDisconnect, OSError):
            try:
                await _stream(platform, socket)
            except ApiError as error:
                await socket.close(_POLICY_VIOLATION, _reason(error))

    return WebSocketRoute("/{job}/getLog/websocket", endpoint)


@dataclass(frozen=True)
class _LogRequest:
    """The options of a client: the job, its try, levels, subjobs, and whether to follow the log."""

    job: str
    recent: int
    levels: frozenset[str]
    with_subjobs: bool
    tail: bool
    number: int | None
    """The requested try; None for the last one and any later ones."""

    @classmethod
    def of(cls, job: str, request: JSON) -> _LogRequest:
        """Return the options in the first message. Raises InvalidInput."""
        levels = read.strings(request, "levels", list(LEVELS))
        if unknown := set(levels) - set(LEVELS):
            raise InvalidInput(
                f'"levels" may contain {", ".join(LEVELS)}, but not {", ".join(sorted(unknown))}'
            )
        return cls(
            job=job,
            recent=max(0, min(_MAX_RECENT, read.integer(request, "numRecentMessages", _MAX_RECENT))),
            levels=frozenset(levels),
            with_subjobs=read.flag(request, "recurseJobs"),
            tail=read.flag(request, "tail", default=True),
            number=jobs.requested_try(request),
        )


async def _stream(platform: Platform, socket: WebSocket) -> None:
    """Send the log to a client until its end, or until the client disconnects. Raises ApiError."""
    request = await _first_message(socket)
    wanted = _LogRequest.of(socket.path_params["job"], request)
    job = jobs.get(Context(platform, _caller(platform, request)), wanted.job)
    restarts.row_of_try(platform.store, job, wanted.number)
    disconnection = asyncio.ensure_future(_disconnected(socket))
    follower = _LogFollower(platform, wanted)
    try:
        async for entries in follower.until(disconnection):
            for entry in entries:
                await socket.send_json(_message(entry))
        await socket.send_json(_END)
        # The client treats a close frame from the server as a failure, so it has to close first.
        await asyncio.wait([disconnection], timeout=_GOODBYE_SECONDS)
    finally:
        follower.close()
        disconnection.cancel()


class _LogFollower:
    """Follow the log of a job, and on request those of its subjobs, in batches of lines."""

    def __init__(self, platform: Platform, wanted: _LogRequest) -> None:
        self._platform = platform
        self._request = wanted
        self._news = asyncio.Event()
        self._grown: set[_JobTry] = set()
        self._others: set[str] = set()
        self._readers: dict[_JobTry, LogReader] = {}
        for row in self._jobs_now():
            self._readers[_try_of(row)] = self._reader(row)
        platform.log_subscribers.append(self._log_grew)
        platform.subscribers.append(self._state_changed)

    def close(self) -> None:
        """Cancel the subscriptions to the platform."""
        self._platform.log_subscribers.remove(self._log_grew)
        self._platform.subscribers.remove(self._state_changed)

    async def until(self, disconnection: asyncio.Future[None]) -> AsyncIterator[list[LogEntry]]:
        """Yield the existing lines, then new ones as they come, until the job ends.

        Raises WebSocketDisconnect when the client has disconnected.
        """
        yield await asyncio.to_thread(self._existing_lines, list(self._readers.values()))
        while True:
            # Checked before reading, so that the last read includes all lines written before the end.
            ended = not self._request.tail or self._is_final()
            self._news.clear()
            while self._grown:
                yield self._new_lines()
            if ended:
                return
            await self._wait(disconnection)

    def _existing_lines(self, readers: list[LogReader]) -> list[LogEntry]:
        """Return the last lines of these logs, merged by time; to be run in a thread."""
        lines = merge(*(reader.rest() for reader in readers))
        return list(
            deque((line for line in lines if line.level in self._request.levels), self._request.recent)
        )

    def _new_lines(self) -> list[LogEntry]:
        """Return a batch of new lines; logs that may have more stay marked as grown."""
        grown, self._grown = self._grown, set()
        found: list[LogEntry] = []
        for job_try in grown:
            lines = self._readers[job_try].read()
            if lines:
                self._grown.add(job_try)
            found += lines
        return sorted(line for line in found if line.level in self._request.levels)

    async def _wait(self, disconnection: asyncio.Future[None]) -> None:
        news = asyncio.ensure_future(self._news.wait())
        either: set[asyncio.Future[Any]] = {news, disconnection}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
        if disconnection.done():
            raise WebSocketDisconnect

    def _log_grew(self, job: str) -> None:
        if job in self._others:
            return
        row = self._platform.store.one(JobTry, f"SELECT {_COLUMNS} FROM job WHERE id = ?", job)
        if row is None or not self._is_wanted(row):
            self._others.add(job)
            return
        self._readers.setdefault(_try_of(row), self._reader(row))
        self._grown.add(_try_of(row))
        self._news.set()

    def _state_changed(self, transition: Transition) -> None:
        if transition.job == self._request.job:
            self._news.set()

    def _is_final(self) -> bool:
        job = self._platform.store.one(
            JobState, "SELECT id, state, try_number FROM job WHERE id = ?", self._request.job
        )
        return job is None or job["state"] in FINAL or self._request.number not in (None, job["try_number"])

    def _jobs_now(self) -> list[JobTry]:
        if not self._request.with_subjobs:
            rows = self._platform.store.all(
                JobTry, f"SELECT {_COLUMNS} FROM job WHERE id = ?", self._request.job
            )
        else:
            rows = self._platform.store.all(
                JobTry,
                "WITH RECURSIVE tree(id) AS"
                " (SELECT ? UNION ALL SELECT job.id FROM job JOIN tree ON job.parent = tree.id)"
                f" SELECT {_COLUMNS} FROM tree JOIN job USING (id)",
                self._request.job,
            )
        return [self._in_wanted_try(row) for row in rows]

    def _in_wanted_try(self, row: JobTry) -> JobTry:
        if row["id"] != self._request.job or self._request.number is None:
            return row
        return {**row, "try_number": self._request.number}

    def _is_wanted(self, row: JobTry) -> bool:
        """Return whether the client wants the present output of a job."""
        if row["id"] == self._request.job:
            return self._request.number in (None, row["try_number"])
        return self._request.with_subjobs and self._is_below(row["id"])

    def _is_below(self, job: str) -> bool:
        return self._platform.store.exists(
            "WITH RECURSIVE above(id) AS"
            " (SELECT ? UNION ALL SELECT job.parent FROM job JOIN above USING (id) WHERE job.parent NOTNULL)"
            " SELECT 1 FROM above WHERE id = ?",
            job,
            self._request.job,
        )

    def _reader(self, row: JobTry) -> LogReader:
        return LogReader(row["id"], log_path(self._platform, row))


def _try_of(row: JobTry) -> _JobTry:
    return row["id"], row["try_number"]


async def _first_message(socket: WebSocket) -> JSON:
    try:
        text = await asyncio.wait_for(socket.receive_text(), _FIRST_MESSAGE_SECONDS)
        request = json.loads(text)
    except asyncio.TimeoutError:
        raise InvalidAuthentication("the first message, with the access token, did not arrive") from None
    except (KeyError, ValueError, RecursionError):
        request = None
    if not isinstance(request, dict):
        raise MalformedJSON("the first message must be a JSON hash")
    return request


def _caller(platform: Platform, request: JSON) -> Caller:
    token = request.get("access_token")
    if str(request.get("token_type")).lower() != "bearer":
        token = None
    return access.authenticate(platform.store, token if isinstance(token, str) else "")


async def _disconnected(socket: WebSocket) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await socket.receive()


def _message(entry: LogEntry) -> JSON:
    return {
        "timestamp": entry.timestamp,
        "source": "APP",
        "level": entry.level,
        "job": entry.job,
        "line": entry.number,
        "msg": entry.text,
    }


def _reason(error: ApiError) -> str:
    """Return an error in the JSON format of close frames, shortened to their limit."""
    message = error.message.encode(errors="replace").decode()  # replaces lone surrogates
    while True:
        text = json.dumps({"type": error.type, "message": message}, ensure_ascii=False)
        if len(text.encode()) <= _MAX_REASON:
            return text
        message = message[: len(message) * 3 // 4]
