"""The event loop of a command: uvloop's, on which an event costs less than on asyncio's own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import uvloop

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


def run(work: Coroutine[object, object, T]) -> T:
    """Run work to its end in a loop of its own and return what it returns, as `asyncio.run` does."""
    return uvloop.run(work)


async def to_the_end(work: Coroutine[object, object, T]) -> T:
    """Return what work returns; cancelled meanwhile, let it end all the same, then raise CancelledError."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
