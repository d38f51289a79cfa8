"""One earlier run as the source of jobs to take over: decide for each job of the present run, and take it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dx_local.engine.resume import plan
from dx_local.engine.resume.comparison import (
    Side,
    difference_in_circumstances,
    difference_in_inputs,
    reason_of_input,
    reason_of_request,
    reason_of_state,
    source_of,
)
from dx_local.engine.resume.reasons import Reason, ReasonKind
from dx_local.engine.resume.taking_over import Taker
from dx_local.engine.resume.trust import Trust
from dx_local.platform.core.errors import ApiError
from dx_local.platform.core.executable import applet_fields
from dx_local.platform.data import file_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dx_local.engine.ledger.ledger import Content
    from dx_local.engine.resume.contents import SharedDigests
    from dx_local.engine.resume.earlier_run import EarlierJob, EarlierRun
    from dx_local.engine.resume.fingerprint import Circumstances, Fingerprint
    from dx_local.platform.core.schema import JobRow


_OF_ALL_JOBS = frozenset(
    {
        ReasonKind.CODE, ReasonKind.DEPENDENCY, ReasonKind.PYTHON, ReasonKind.NETWORK,
        ReasonKind.IGNORE_REUSE, ReasonKind.STARTS_OTHERS,
    }
)  # fmt: skip
"""Reasons that hold for all jobs of an entry point, so that no other one can be taken over instead."""


@dataclass(frozen=True)
class ResumeOptions:
    """The app's folder, and whether jobs that ask for network run again."""

    app: Path
    reruns_network: bool = False


class EarlierSource:
    """The jobs of one earlier run; `sides` are that run and the present one."""

    def __init__(
        self,
        earlier: EarlierRun,
        sides: tuple[Side, Side],
        options: ResumeOptions,
        digests: SharedDigests,
        note: Callable[[str, Content], None],
    ) -> None:
        self._earlier = earlier
        self._before, self._present = sides
        self._options = options
        self._platform = self._present.platform
        self._digests = digests
        self._trust = Trust(earlier, self._before.contents, self._digests)
        self._taker = Taker(earlier, self._platform, self._before.contents, note)
        self._by_fingerprint: dict[str, dict[Fingerprint, EarlierJob]] = {}  # by function
        self._learn_inputs()

    @property
    def name(self) -> str:
        """The name of the earlier run."""
        return self._earlier.name

    async def decide(self, job: JobRow, path: str) -> tuple[EarlierJob | None, Reason | None]:
        """Return the job of the earlier run to take over, or None and the reason why there is none.

        `path` has the labels of the job, by which its counterpart in the earlier run is found.
        """
        counterpart = self._earlier.by_path.get(path)
        await self._read(self._present, job)
        fingerprint = self._present.fingerprint(job)
        reason = await self._why_not(job, fingerprint, counterpart)
        if reason is None:
            return counterpart, None
        if reason.kind in _OF_ALL_JOBS:
            return None, reason
        other = await self._find(fingerprint)
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

    def take(self, job: JobRow, earlier: EarlierJob) -> list[EarlierJob]:
        """Take a job over, and return it with the jobs below it. Raises UsageError, ApiError and OSError."""
        self._taker.take(job, earlier)
        return [earlier, *self._earlier.below(earlier)]

    def seconds_of(self, jobs: list[EarlierJob]) -> float:
        """Return the time that jobs ran, without those that waited for jobs which they started."""
        return sum(job.seconds for job in jobs if job.id not in self._earlier.children)

    def plan(self, root: Reason | None) -> str:
        """Return the plan of the run that resumes this one; `root` is why its first job runs, if it does."""
        return plan.text(self._earlier, plan.predicted(self._earlier, self, root))

    def is_unchanged(self, job: EarlierJob) -> bool:
        """Return whether a job below another one would be taken over if it got the same input."""
        return job.is_done and self.change_of(job) is None

    def change_of(self, job: EarlierJob) -> Reason | None:
        """Return why a job must run again even if its input is the same, or None."""
        if reason := reason_of_request(job, self._earlier, reruns_network=self._options.reruns_network):
            return reason
        circumstances = self._circumstances_of(job)
        if circumstances is None:
            return None
        before, after = circumstances
        return difference_in_circumstances(before, after, self._source(self._present_executable()))

    def is_lost(self, job: EarlierJob) -> bool:
        """Return whether the output of a done job is evidently not there any more."""
        return self._trust.is_lost(job)

    def _circumstances_of(self, job: EarlierJob) -> tuple[Circumstances, Circumstances] | None:
        """Return what a job depended on, and what it would depend on now; None for an analysis.

        Another applet than that of the app was made by an unchanged job, so that only its Python can differ.
        """
        row = job.row
        if row["executable"] != self._earlier.root.row["executable"]:
            try:
                before = self._before.circumstances.at(row["executable"], row["function"], row["region"])
                applet = applet_fields(self._earlier.platform.store, row["executable"], row["region"])
            except ApiError:
                return None
            python = self._present.circumstances.python_of(str(applet["runSpec"].get("release")))
            return before, replace(before, python=python)
        region = self._platform.store.value("SELECT region FROM job ORDER BY sequence LIMIT 1")
        return (
            self._before.circumstances.at(row["executable"], row["function"], row["region"]),
            self._present.circumstances.at(self._present_executable(), row["function"], str(region)),
        )

    def _difference(self, before: Circumstances, after: Circumstances, job: JobRow) -> Reason | None:
        return difference_in_circumstances(before, after, self._source(job["executable"]))

    def _source(self, executable: str) -> str | None:
        return source_of(self._platform, executable, self._options.app)

    def _present_executable(self) -> str:
        return str(self._platform.store.value("SELECT executable FROM job ORDER BY sequence LIMIT 1"))

    async def _find(self, fingerprint: Fingerprint | None) -> EarlierJob | None:
        """Return a done job of the earlier run with this fingerprint, whatever its label is."""
        if fingerprint is None:
            return None
        if fingerprint.function not in self._by_fingerprint:
            found: dict[Fingerprint, EarlierJob] = {}
            for job in (*self._earlier.jobs, *self._earlier.discarded):
                if job.row["function"] != fingerprint.function or not job.is_done:
                    continue
                row = self._earlier.platform.store.get("job", job.id, without="output")
                assert row is not None
                await self._read(self._before, row)
                if known := self._before.fingerprint(row):
                    found.setdefault(known, job)
            self._by_fingerprint[fingerprint.function] = found
        return self._by_fingerprint[fingerprint.function].get(fingerprint)

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
        store = self._earlier.platform.store
        return file_bytes.is_users_own(store, object_id) or self._earlier.is_same_boot

    def _learn_inputs(self) -> None:
        """Use the recorded contents of the user's files that are unchanged, so as not to read them again."""
        for object_id, paths in self._before.contents.users_files():
            content = self._before.contents.bytes_of(object_id)
            if content is not None:
                with suppress(OSError):
                    self._digests.learn(paths, content)
