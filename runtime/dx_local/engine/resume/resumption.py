"""Resume an earlier run: take over its jobs if they would put out the same, and remember why others run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_local.engine.job_labels import JobLabels, name_of
from dx_local.engine.resume.comparison import asks_for_network
from dx_local.engine.resume.reasons import Reason, ReasonKind
from dx_local.errors import UsageError
from dx_local.platform.core.errors import ApiError
from dx_local.platform.core.schema import JobIdentity
from dx_local.platform.core.states import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.engine.resume.earlier_run import EarlierJob
    from dx_local.engine.resume.source import EarlierSource
    from dx_local.platform.core.context import JSON, Platform
    from dx_local.platform.core.schema import JobRow


@dataclass(frozen=True)
class ResumeResult:
    """The jobs of a resumed run: the number taken over and the time (s) that this saved, and why others ran.

    `again` has the label and the reason of each job that was not taken over; `network` the number of jobs
    that were taken over although they ask for network.
    """

    run: str
    taken_over: int
    seconds_saved: float
    again: tuple[tuple[str, str], ...]
    network: int

    def to_json(self) -> JSON:
        """Return the result for programs."""
        return {
            "run": self.run,
            "takenOver": self.taken_over,
            "secondsSaved": round(self.seconds_saved, 3),
            "again": [{"job": label, "reason": reason} for label, reason in self.again],
        }


class Resumption:
    """Takes over jobs of earlier runs: of the last one, or else of those that it resumed itself."""

    def __init__(
        self, platform: Platform, sources: list[EarlierSource], announce: Callable[[str], None]
    ) -> None:
        self._platform = platform
        self._sources = sources
        self._announce = announce
        self._labels = _Labels(platform)
        self._taken: list[EarlierJob] = []
        self._seconds_saved = 0.0
        self._again: list[tuple[str, str]] = []

    async def take_over(self, job_id: str) -> bool:
        """Finish a runnable job with the output of an earlier one if it may be; return whether it did."""
        job = self._platform.store.get("job", job_id)
        if job is None or job["try_number"]:
            return False
        is_first = not self._taken and not self._again
        path = self._labels.path_of(job_id)
        reason: Reason | None = None
        for source in self._sources:
            earlier, why_not = await source.decide(job, path)
            if is_first and source is self._sources[0]:
                self._announce(self._plan(why_not))
            if not self._is_runnable(job_id):
                return False  # it was terminated meanwhile
            if earlier is not None:
                why_not = self._taken_from(source, job, earlier)
                if why_not is None:
                    return True
            if reason is None or reason.kind is ReasonKind.NEW:
                reason = why_not
        self._again.append((path.rpartition(" → ")[2], str(reason)))
        self._platform.store.update("job", job_id, not_reused=str(reason))
        return False

    def _plan(self, root: Reason | None) -> str:
        """Return the plan for the last run; jobs that it lacks may come from those before it."""
        first, *others = self._sources
        names = ", ".join(source.name for source in others)
        note = (
            f"\nJobs that this run lacks are taken over from {names}, which it had resumed." if names else ""
        )
        return first.plan(root) + note

    def _is_runnable(self, job_id: str) -> bool:
        state = self._platform.store.value("SELECT state FROM job WHERE id = ?", job_id)
        return bool(state == State.RUNNABLE)

    def result(self) -> ResumeResult:
        """Return the decisions so far."""
        return ResumeResult(
            run=self._sources[0].name,
            taken_over=len(self._taken),
            seconds_saved=self._seconds_saved,
            again=tuple(self._again),
            network=sum(map(asks_for_network, self._taken)),
        )

    def _taken_from(self, source: EarlierSource, job: JobRow, earlier: EarlierJob) -> Reason | None:
        """Take a job over, with those that it started; return why that failed, or None."""
        try:
            taken = source.take(job, earlier)
        except (UsageError, ApiError, OSError) as error:
            return Reason(ReasonKind.OUTPUT, f"cannot be carried over: {error}")
        self._taken += taken
        self._seconds_saved += source.seconds_of(taken)
        return None


class _Labels:
    """The paths of the jobs of a run in progress, each computed once, in the order of their creation."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._labels = JobLabels()
        self._paths: dict[str, str] = {}
        self._workspaces: dict[str, str] = {}
        self._last = 0

    def path_of(self, job_id: str) -> str:
        """Return the labels from the root job to a job."""
        if job_id not in self._paths:
            self._read_new()
        return self._paths[job_id]

    def _read_new(self) -> None:
        columns = ", ".join(JobIdentity.__annotations__)
        store = self._platform.store
        rows = store.all(
            JobIdentity, f"SELECT {columns} FROM job WHERE sequence > ? ORDER BY sequence", self._last
        )
        self._last = store.value("SELECT MAX(sequence) FROM job") or 0
        for row in rows:
            parent = row["parent"] or ""
            label = self._labels.label(row, name_of(row, self._workspaces.get(parent)))
            above = self._paths.get(parent)
            self._paths[row["id"]] = f"{above} → {label}" if above else label
            self._workspaces[row["id"]] = row["workspace"]
