"""Resume an earlier run: take over its jobs if they would put out the same, and remember why others run."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_local.engine.job_labels import JobLabels, name_of
from dx_local.engine.resume import plan
from dx_local.engine.resume.comparison import (
    Side,
    asks_for_network,
    difference_in_circumstances,
    difference_in_inputs,
    reason_of_input,
    reason_of_request,
    reason_of_state,
    source_of,
)
from dx_local.engine.resume.contents import SharedDigests
from dx_local.engine.resume.reasons import Reason, ReasonKind
from dx_local.engine.resume.taking_over import Taker
from dx_local.engine.resume.trust import Trust
from dx_local.errors import UsageError
from dx_local.platform.core.errors import ApiError
from dx_local.platform.core.schema import JobIdentity

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dx_local.engine.ledger.ledger import Content
    from dx_local.engine.resume.earlier_run import EarlierJob, EarlierRun
    from dx_local.engine.resume.fingerprint import Circumstances, Fingerprint
    from dx_local.platform.core.context import JSON, Platform
    from dx_local.platform.core.schema import JobRow


@dataclass(frozen=True)
class ResumeOptions:
    """The app's folder, and whether jobs that ask for network run again."""

    app: Path
    reruns_network: bool = False


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
    """Takes over jobs of an earlier run; `sides` are the earlier run and the present one."""

    def __init__(
        self,
        earlier: EarlierRun,
        sides: tuple[Side, Side],
        options: ResumeOptions,
        note: Callable[[str, Content], None],
        announce: Callable[[str], None],
    ) -> None:
        self._earlier = earlier
        self._before, self._present = sides
        self._options = options
        self._announce = announce
        self._platform = self._present.platform
        self._digests = SharedDigests()
        self._trust = Trust(earlier, self._before.contents, self._digests)
        self._taker = Taker(earlier, self._platform, self._before.contents, note)
        self._labels = _Labels(self._platform)
        self._by_fingerprint: dict[Fingerprint, EarlierJob] | None = None
        self._taken: list[EarlierJob] = []
        self._again: list[tuple[str, str]] = []
        self._learn_inputs()

    async def take_over(self, job_id: str) -> bool:
        """Finish a runnable job with the output of an earlier one if it may be; return whether it did."""
        job = self._platform.store.get("job", job_id)
        if job is None or job["try_number"]:
            return False
        is_first = not self._taken and not self._again
        path = self._labels.path_of(job_id)
        source, reason = await self._decide(job, self._earlier.by_path.get(path))
        if is_first:
            self._announce(plan.text(self._earlier, plan.predicted(self._earlier, self, reason)))
        if source is not None:
            try:
                self._taker.take(job, source)
            except (UsageError, ApiError, OSError) as error:
                reason = Reason(ReasonKind.OUTPUT, f"cannot be carried over: {error}")
            else:
                self._taken += [source, *self._earlier.below(source)]
                return True
        self._again.append((path.rpartition(" → ")[2], str(reason)))
        self._platform.store.update("job", job_id, not_reused=str(reason))
        return False

    def result(self) -> ResumeResult:
        """Return the decisions so far."""
        return ResumeResult(
            run=self._earlier.name,
            taken_over=len(self._taken),
            seconds_saved=sum(job.seconds for job in self._taken if job.id not in self._earlier.children),
            again=tuple(self._again),
            network=sum(map(asks_for_network, self._taken)),
        )

    async def _decide(
        self, job: JobRow, counterpart: EarlierJob | None
    ) -> tuple[EarlierJob | None, Reason | None]:
        """Return the earlier job to take over, or None and the reason why there is none."""
        await self._read(self._present, job)
        fingerprint = self._present.fingerprint(job)
        reason = await self._why_not(job, fingerprint, counterpart)
        if reason is None:
            return counterpart, None
        other = self._find(fingerprint)
        if other is not None and other is not counterpart and await self._problem(other) is None:
            return other, None
        return None, reason

    async def _why_not(
        self, job: JobRow, fingerprint: Fingerprint | None, counterpart: EarlierJob | None
    ) -> Reason | None:
        """Return the reason why a job cannot take over its counterpart in the earlier run, or None."""
        if counterpart is None or fingerprint is None:
            return Reason(ReasonKind.NEW)
        children = counterpart.id in self._earlier.children
        if reason := reason_of_state(counterpart, has_children=children):
            return reason
        row = self._earlier.platform.store.get("job", counterpart.id, without="output")
        assert row is not None
        await self._read(self._before, row)
        before = self._before.fingerprint(row)
        if before is None:
            return Reason(ReasonKind.NEW)
        if reason := self._difference(before.circumstances, fingerprint.circumstances, job):
            return reason
        if name := difference_in_inputs(before, fingerprint):
            return reason_of_input(name, row, job, (self._before, self._present))
        return await self._problem(counterpart)

    async def _problem(self, job: EarlierJob) -> Reason | None:
        """Return why a job with the right fingerprint cannot be taken over, or None."""
        if reason := reason_of_request(job, self._earlier, reruns_network=self._options.reruns_network):
            return reason
        if not all(self.is_unchanged(child) for child in self._earlier.below(job)):
            return Reason(ReasonKind.STARTS_OTHERS)
        for each in (job, *self._earlier.below(job)):
            if problem := await self._trust.problem_with(each):
                kind = ReasonKind.OUTPUT if each is job else ReasonKind.STARTS_OTHERS
                return Reason(kind, problem)
        return None

    def is_unchanged(self, job: EarlierJob) -> bool:
        """Return whether a job below another one would be taken over if it got the same input."""
        return job.is_done and self.change_of(job) is None

    def change_of(self, job: EarlierJob) -> Reason | None:
        """Return why a job must run again even if its input is the same, or None."""
        if reason := reason_of_request(job, self._earlier, reruns_network=self._options.reruns_network):
            return reason
        circumstances = self._circumstances_of(job)
        if circumstances is None:
            return None  # made by an unchanged job, or an analysis, which runs no code
        before, after = circumstances
        return difference_in_circumstances(before, after, self._source(self._present_executable()))

    def is_lost(self, job: EarlierJob) -> bool:
        """Return whether the output of a done job is evidently not there any more."""
        return self._trust.is_lost(job)

    def _circumstances_of(self, job: EarlierJob) -> tuple[Circumstances, Circumstances] | None:
        """Return what a job of the app depended on, and what it would depend on now."""
        row = job.row
        if row["executable"] != self._earlier.root.row["executable"]:
            return None
        region = self._platform.store.value("SELECT region FROM job ORDER BY sequence LIMIT 1")
        return (
            self._before.circumstances.at(row["executable"], row["function"], row["region"]),
            self._present.circumstances.at(self._present_executable(), row["function"], str(region)),
        )

    def _difference(self, before: Circumstances, after: Circumstances, job: JobRow) -> Reason | None:
        return difference_in_circumstances(before, after, self._source(job["executable"]))

    def _source(self, executable: str) -> str:
        return source_of(self._platform, executable, self._options.app)

    def _present_executable(self) -> str:
        return str(self._platform.store.value("SELECT executable FROM job ORDER BY sequence LIMIT 1"))

    def _find(self, fingerprint: Fingerprint | None) -> EarlierJob | None:
        """Return a done job of the earlier run with this fingerprint, whatever its label is."""
        if fingerprint is None:
            return None
        if self._by_fingerprint is None:
            self._by_fingerprint = {}
            for job in self._earlier.jobs:
                row = self._earlier.platform.store.get("job", job.id, without="output")
                if job.is_done and row and (known := self._before.fingerprint(row)):
                    self._by_fingerprint.setdefault(known, job)
        return self._by_fingerprint.get(fingerprint)

    async def _read(self, side: Side, job: JobRow) -> None:
        """Read the bytes of the objects on which a job depends, if their content is not recorded yet."""
        is_earlier = side is self._before
        for object_id, paths in side.contents.unread(side.values_of(job)).items():
            if is_earlier and not self._may_read(object_id):
                continue
            with suppress(OSError):
                side.contents.learn(object_id, await asyncio.to_thread(self._digests.read, paths))

    def _may_read(self, object_id: str) -> bool:
        """Return whether the bytes of the earlier run are those that its jobs had, although not recorded."""
        source = self._earlier.platform.store.value(
            "SELECT json_extract(fields, '$.source') FROM object WHERE id = ?", object_id
        )
        return source is not None or self._earlier.is_same_boot

    def _learn_inputs(self) -> None:
        """Use the recorded contents of the user's files that are unchanged, so as not to read them again."""
        for object_id, paths in self._before.contents.users_files():
            content = self._before.contents.bytes_of(object_id)
            if content is not None:
                with suppress(OSError):
                    self._digests.learn(paths, content)


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
