"""The log lines of a kept run or of one in progress, without the opening lines of workers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from dx_local.engine.history.kept_jobs import choose_job, kept_jobs
from dx_local.errors import UsageError
from dx_local.platform.execution.job_logs import OPENING_ENDS, OPENING_STARTS, LogReader, log_paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dx_local.engine.history.kept_jobs import KeptJob
    from dx_local.engine.history.kept_runs import KeptRun
    from dx_local.platform.core.context import Platform
    from dx_local.platform.core.schema import JobTry

_POLL_SECONDS = 0.3


class LabelledLine(NamedTuple):
    """A line that a job printed, and the job's label."""

    label: str
    text: str


def log_lines(
    run: KeptRun, wanted: str | None = None, *, only_failed: bool = False, follow: bool = False
) -> Iterator[LabelledLine]:
    """Yield the lines of one job or of all jobs, job after job; `only_failed` leaves those that failed first.

    If `follow` is true, lines of a run in progress are yielded as they are written, until the run ends.
    Raises UsageError if there is no such job; with `follow`, once it can no longer come.
    """
    readers: dict[Path, _JobLog] = {}
    while True:
        # Asked before the logs are read, so that no line is missed that was written in between.
        is_last_look = not (follow and run.is_in_use())
        try:
            # The database is closed before any line is yielded: a caller may never ask for the next one.
            with run.opened() as platform:
                logs = list(_logs(platform, wanted, only_failed=only_failed))
        except UsageError:
            if is_last_look:
                raise
            logs = []
        for path, job in logs:
            log = readers.setdefault(path, _JobLog(job.id, path))
            for text in log.new_lines():
                yield LabelledLine(job.label, text)
        if is_last_look:
            return
        time.sleep(_POLL_SECONDS)


def _logs(platform: Platform, wanted: str | None, *, only_failed: bool) -> Iterator[tuple[Path, KeptJob]]:
    """Yield the path of each log, with its job; a job has one log for each of its tries."""
    jobs = kept_jobs(platform)
    for job in jobs if wanted is None else [choose_job(jobs, wanted)]:
        if only_failed and not job.is_cause:
            continue
        row: JobTry = {"id": job.id, "function": job.function, "try_number": job.try_number}
        for path in log_paths(platform, row):
            yield path, job


class _JobLog:
    """The log of one try of a job, read as it grows."""

    def __init__(self, job_id: str, path: Path) -> None:
        self._reader = LogReader(job_id, path)
        self._end_of_opening = OPENING_ENDS.format(job_id)
        self._is_opening = True

    def new_lines(self) -> Iterator[str]:
        for entry in self._reader.rest():
            if entry.number == 0 and not entry.text.startswith(OPENING_STARTS):
                self._is_opening = False
            if not self._is_opening:
                yield entry.text
            elif entry.text.endswith(self._end_of_opening):
                self._is_opening = False
