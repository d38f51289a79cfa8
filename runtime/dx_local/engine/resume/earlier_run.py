"""The jobs of an earlier run, with their labels, children and objects, for the run that resumes it."""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_local.engine.job_labels import JobLabels, name_of
from dx_local.engine.ledger.ledger import boot_id, read_ledger
from dx_local.engine.run_folder import claimed_for_reading, reading
from dx_local.errors import UsageError
from dx_local.platform.core.context import STORE_NAME
from dx_local.platform.core.schema import JobIdentity
from dx_local.platform.core.states import FINAL, State
from dx_local.platform.core.store import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_local.engine.ledger.ledger import Ledger
    from dx_local.platform.core.context import JSON, Platform
    from dx_local.platform.core.store import Store


class _JobRow(JobIdentity):
    state: str
    executable: str
    region: str
    started: int | None
    stopped: int | None
    modified: int
    root: str
    reused_from: str | None
    failure_from: JSON | None
    depends_on: list[str]
    requested: JSON
    try_number: int


_COLUMNS = ", ".join(_JobRow.__annotations__)
_ROWS = f"SELECT {_COLUMNS} FROM job ORDER BY sequence"


@dataclass(frozen=True)
class EarlierJob:
    """A job of the earlier run; `path` has the labels from the root job to this one."""

    row: _JobRow
    label: str
    path: str

    @property
    def id(self) -> str:
        """The ID of the job."""
        return self.row["id"]

    @property
    def is_done(self) -> bool:
        """True if the job is done."""
        return self.row["state"] == State.DONE.value

    @property
    def failed_by_itself(self) -> bool:
        """True if the job failed, and not because another one did."""
        source = self.row["failure_from"]
        return self.row["state"] == State.FAILED.value and (source is None or source["id"] == self.id)

    @property
    def seconds(self) -> float:
        """The time for which it ran; 0 if it was itself taken over."""
        if self.row["started"] is None or self.row["stopped"] is None:
            return 0.0
        return (self.row["stopped"] - self.row["started"]) / 1000


@dataclass
class EarlierRun:
    """An earlier run, opened for reading: its platform, ledger and jobs in the order of their creation.

    `discarded` has the jobs that were started by a try which failed. They count only as jobs that are done.
    """

    name: str
    platform: Platform
    ledger: Ledger
    jobs: list[EarlierJob]
    is_same_boot: bool
    """True if the machine has not been started since: everything that was written is there."""
    discarded: list[EarlierJob] = field(default_factory=list)
    by_path: dict[str, EarlierJob] = field(default_factory=dict)
    children: dict[str, list[EarlierJob]] = field(default_factory=dict)
    _made: dict[str, list[str]] | None = None

    @property
    def root(self) -> EarlierJob:
        """The first job."""
        return self.jobs[0]

    def job(self, job_id: str) -> EarlierJob:
        """Return the job with an ID."""
        return self._by_id[job_id]

    def __post_init__(self) -> None:
        self._by_id = {job.id: job for job in (*self.jobs, *self.discarded)}
        for job in self.jobs:
            self.by_path.setdefault(job.path, job)
            if job.row["parent"]:
                self.children.setdefault(job.row["parent"], []).append(job)

    def below(self, job: EarlierJob) -> Iterator[EarlierJob]:
        """Yield the descendants of a job in the order of their creation, parents before children."""
        for child in self.children.get(job.id, ()):
            yield child
            yield from self.below(child)

    def value(self, job: EarlierJob, column: str) -> Any:
        """Return a column of a job that may be large: its input or output."""
        return self.platform.store.value(f"SELECT {column} FROM job WHERE id = ?", job.id)

    def made_by(self, job: EarlierJob) -> list[str]:
        """Return the closed data objects that a job created."""
        if self._made is None:
            self._made = _objects_by_job(self.platform.store)
        return self._made.get(job.id, [])

    def resumed_from(self) -> Path | None:
        """Return the folder of the run that this one resumed, or None; a run that is done needs no other."""
        name = self.root.row["requested"].get("resumes")
        if name is None or self.root.is_done:
            return None
        folder = self.platform.folder.parent / Path(name).name
        return folder if (folder / STORE_NAME).is_file() else None

    def has_ended(self) -> bool:
        """Return whether the first job ended."""
        return self.root.row["state"] in {state.value for state in FINAL}


@contextmanager
def opened(folder: Path) -> Iterator[EarlierRun]:
    """Open a run that has ended, and keep it from being removed meanwhile.

    Raises UsageError for a run in progress or without jobs, UnknownSchema and sqlite3.Error.
    """
    with claimed_for_reading(folder) as is_free, reading(folder) as platform:
        if not is_free:
            raise UsageError(f"run {folder.name} is in progress", "Resume it when it has ended.")
        found = list(_jobs(platform))
        if not found:
            raise UsageError(f"run {folder.name} has no jobs", "Start the app with `dx-local run`.")
        ledger = read_ledger(folder)
        yield EarlierRun(
            name=folder.name,
            platform=platform,
            ledger=ledger,
            jobs=[job for job, is_discarded in found if not is_discarded],
            discarded=[job for job, is_discarded in found if is_discarded],
            is_same_boot=ledger.boot is not None and ledger.boot == boot_id(),
        )


def _jobs(platform: Platform) -> Iterator[tuple[EarlierJob, bool]]:
    """Yield all jobs, and whether the try that started each of them was followed by another one."""
    rows = platform.store.all(_JobRow, _ROWS)
    workspaces = {row["id"]: row["workspace"] for row in rows}
    labels = JobLabels()
    paths: dict[str, str] = {}
    tries = {row["id"]: row["try_number"] for row in rows}
    discarded: set[str] = set()
    for row in rows:
        label = labels.label(row, name_of(row, workspaces.get(row["parent"] or "")))
        above = paths.get(row["parent"] or "")
        paths[row["id"]] = f"{above} → {label}" if above else label
        parent, by_try = row["parent"] or "", row["parent_try"]
        if parent in discarded or (by_try is not None and tries.get(parent, by_try) != by_try):
            discarded.add(row["id"])
        yield EarlierJob(row, label, paths[row["id"]]), row["id"] in discarded


def _objects_by_job(store: Store) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    query = "SELECT id, json_extract(created_by, '$.job') AS job FROM object WHERE state = 'closed'"
    for row in store.all(Row, query):
        if row["job"]:
            found[row["job"]].append(row["id"])
    return found
