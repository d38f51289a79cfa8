"""The clocks of time limits, which can be stopped."""

from __future__ import annotations

import asyncio

from dx_local.engine.scheduling.time_limits import TimeLimits


def test_a_stopped_clock_does_not_reach_the_limit() -> None:
    async def check() -> None:
        reached: asyncio.Queue[tuple[str, int]] = asyncio.Queue()
        limits = TimeLimits(lambda *job: reached.put_nowait(job))
        limits.begin("job-stopped", 10)
        limits.stop("job-stopped")
        limits.begin("job-running", 20)
        assert await reached.get() == ("job-running", 20)
        limits.go_on("job-stopped")
        assert await reached.get() == ("job-stopped", 10)

    asyncio.run(check())
