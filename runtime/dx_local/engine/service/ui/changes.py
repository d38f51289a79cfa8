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
    """Tells streams of changes: every transition of a job, and every line of a log."""

    def __init__(self, platform: Platform) -> None:
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

    def _on_transition(self, _transition: Transition) -> None:
        for news in self._of_jobs:
            news.set()

    def _on_log(self, job_id: str) -> None:
        for news in self._of_logs.get(job_id, ()):
            news.set()


def event_stream(make: Callable[[], Message | None], listening: Callable[[], Any]) -> Response:
    """Return a response that sends a message now and after changes, until the last one.

    `make` is called in a thread and may return None for no news; `listening` returns a context manager with
    an event that changes set.
    """
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_events(make, listening), headers=headers, media_type="text/event-stream")


async def _events(make: Callable[[], Message | None], listening: Callable[[], Any]) -> AsyncIterator[str]:
    with listening() as news:
        while True:
            news.clear()
            began = time.monotonic()
            message = await asyncio.to_thread(make)
            took = time.monotonic() - began
            if message is not None:
                yield f"data: {json.dumps(message.data, separators=(',', ':'))}\n\n"
                if message.is_last:
                    yield "event: end\ndata: {}\n\n"
                    return
            await asyncio.sleep(max(_PAUSE_SECONDS, took / _SHARE))
            while not await _comes(news):
                yield ": \n\n"


async def _comes(news: asyncio.Event) -> bool:
    """Wait for news; return False if there is none until the browser needs a sign of life."""
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(news.wait(), _PING_SECONDS)
    return news.is_set()
