"""Kill the processes that jobs leave behind on systems that do not pass orphans on to the zygote: macOS."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING

from dx_local.worker.process.listing import own_processes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

POLL_SECONDS = 0.05
"""The time between two listings, as the end of an orphan is not reported to this process."""


class UnadoptedProcesses:
    """The processes of jobs that have ended."""

    def __init__(self) -> None:
        self._listed_at = -POLL_SECONDS
        self._last: set[int] = set()

    def kill_strays(self, ended: Mapping[str, int]) -> set[int]:
        """Kill processes that have left their job's process group; return the groups that others are in.

        `ended` has the leaders of the groups by job ID. Those still in the group may be filters that pass on
        the job's last output, which ends by itself.
        """
        if not ended:
            return set()
        if time.monotonic() - self._listed_at >= POLL_SECONDS:
            self._last = set()
            for process in own_processes():
                if process.group in ended.values():
                    self._last.add(process.group)
                elif process.job_id in ended:
                    _kill(process.pid)
            # The end of ps is reported like that of a job, and would be followed by another listing.
            self._listed_at = time.monotonic()
        return self._last


def kill_all_of(job_ids: Collection[str]) -> None:
    """Kill all processes that were started with the IDs of these jobs, as far as that is known."""
    for process in own_processes():
        if process.job_id in job_ids:
            _kill(process.pid)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)
