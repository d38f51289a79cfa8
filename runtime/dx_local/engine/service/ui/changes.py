"""Server-sent events: messages that are made again after each change of the platform, but not too often."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import StreamingResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from starlette.responses import Response

    from dx_local.platform.core.context import Platform
    from dx_local.platform.core.states import Transition

_PING_SECONDS = 15.0
"""Interval of comments to an idle browser; writing one shows whether it is still there."""
_PAUSE_SECONDS = 0.3
_SHARE = 0.1
"""Most of one thread's time that a stream may take."""


@dataclass(frozen=True)
class Message:
    """Data for a browser; after the last message, the browser does not connect again."""

    data: Any
    is_last: bool = False


class Changes:
    """Tells streams of changes: every transition of a job, every line of a log, and the end of the server."""

    def __init__(self, platform: Platform) -> None:
        self._closing = asyncio.Event()
        self._of_jobs: set[asyncio.Event] = set()
        self._of_logs: dict[str, set[asyncio.Event]] = {}
        platform.subscribers.append(self._on_transition)
        platform.log_subscribers.append(self._on_log)

    @contextmanager
    def of_jobs(self) -> Iterator[asyncio.Event]:
        """Yield an event that is set after each transition of a job."""
        news = asyncio.Event()
        self._of_jobs.add(news)
        try:
            yield news
        finally:
            self._of_jobs.discard(news)

    @contextmanager
    def of_log(self, job_id: str) -> Iterator[asyncio.Event]:
        """Yield an event that is set after each line of a job, and after each transition of any."""
        with self.of_jobs() as news:
            self._of_logs.setdefault(job_id, set()).add(news)
            try:
                yield news
            finally:
                self._of_logs[job_id].discard(news)
                if not self._of_logs[job_id]:
                    del self._of_logs[job_id]

    @property
    def is_closed(self) -> bool:
        """True once the server ends."""
        return self._closing.is_set()

    def close(self) -> None:
        """End all streams: the server waits for them when it ends."""
        self._closing.set()
        for news in self._of_jobs:
            news.set()

    async def pause(self, seconds: float) -> None:
        """Wait for this time, or until the server ends."""
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)

    def _on_transition(self, _transition: Transition) -> None:
        for news in self._of_jobs:
            news.set()

    def _on_log(self, job_id: str) -> None:
        for news in self._of_logs.get(job_id, ()):
            news.set()


def event_stream(
    changes: Changes, make: Callable[[], Message | None], listening: Callable[[], Any] | None = None
) -> Response:
    """Return a response that sends a message now and after changes, until the last one.

    `make` is called in a thread and may return None for no news; `listening` returns a context manager with
    an event that is set after the changes that matter, by default those of all jobs.
    """
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    events = _events(changes, make, listening or changes.of_jobs)
    return StreamingResponse(events, headers=headers, media_type="text/event-stream")


async def _events(
    changes: Changes, make: Callable[[], Message | None], listening: Callable[[], Any]
) -> AsyncIterator[str]:
    with listening() as news:
        while not changes.is_closed:
            news.clear()
            began = time.monotonic()
            message = await asyncio.to_thread(make)
            took = time.monotonic() - began
            if message is not None:
                yield f"data: {json.dumps(message.data, separators=(',', ':'))}\n\n"
                if message.is_last:
                    yield "event: end\ndata: {}\n\n"
                    return
            await changes.pause(max(_PAUSE_SECONDS, took / _SHARE))
            while not await _comes(news):
                yield ": \n\n"


async def _comes(news: asyncio.Event) -> bool:
    """Wait for news; return False if there is none until the browser needs a sign of life."""
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(news.wait(), _PING_SECONDS)
    return news.is_set()
