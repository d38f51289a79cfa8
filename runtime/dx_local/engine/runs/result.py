"""The result of a run: its job, output, logs and usage, and an explanation if it failed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dx_local.engine.runs.nodes import jobs_by_node
from dx_local.engine.runs.outputs import save_output
from dx_local.platform.core.schema import JobTry
from dx_local.platform.execution import job_descriptions, job_logs, job_usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from dx_local.engine.reports.failure_report import FailureReport
    from dx_local.engine.resume.resumption import ResumeResult
    from dx_local.engine.runs.preparation import PreparedRun
    from dx_local.engine.session import Session
    from dx_local.platform.core.context import JSON
    from dx_local.platform.core.schema import JobRow
    from dx_local.platform.execution.job_usage import EntryPointUsage


@dataclass(frozen=True)
class RunResult:
    """A run that has ended; `output` has local paths in place of links, `failure` is None if it is done."""

    job: JSON
    output: JSON
    folder: Path
    out: Path
    samples_used: bool
    job_count: int
    seconds: float
    failure: FailureReport | None
    log_files: tuple[Path, ...]
    usage: tuple[EntryPointUsage, ...]
    resumed: ResumeResult | None = None
    nodes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The labels of jobs by the node on which they ran; empty if all ran on this machine."""

    @property
    def log(self) -> str:
        """Everything that the jobs printed, job after job in the order of their creation."""
        return "".join(job_logs.job_output_bytes(path).decode("utf-8", "replace") for path in self.log_files)

    def explanation(self) -> str:
        """Return an explanation for a job that is not done."""
        return self.failure.text() if self.failure else f"the job ended as {self.job['state']}"


def result_of(
    session: Session,
    job_id: str,
    run: PreparedRun,
    folder: Path,
    announce: Callable[[str], None],
    resumed: ResumeResult | None = None,
) -> RunResult:
    """Save the output of a job that has ended, and return the result of its run.

    Raises DxLocalError if an output cannot be saved.
    """
    store = session.platform.store
    # The output may be large; it is read once, with the description.
    row = store.get("job", job_id, without="output")
    assert row is not None
    job = job_descriptions.describe_job(session.context, job_id, {})
    out = run.request.out or folder / "out"
    is_done = row["state"] == "done"
    all_jobs = store.all(JobTry, "SELECT id, function, try_number FROM job ORDER BY sequence")
    return RunResult(
        job=job,
        output=save_output(session.platform, job["output"], out, announce) if is_done else {},
        folder=folder,
        out=out,
        samples_used=run.samples_used,
        job_count=len(all_jobs),
        seconds=time.monotonic() - run.began,
        failure=None if is_done else _failure(session, row, run),
        log_files=tuple(path for each in all_jobs for path in job_logs.log_paths(session.platform, each)),
        usage=tuple(job_usage.by_entry_point(store)),
        resumed=resumed,
        nodes=jobs_by_node(store),
    )


def _failure(session: Session, job: JobRow, run: PreparedRun) -> FailureReport:
    from dx_local.engine.reports.failure_report import explain
    from dx_local.engine.runs.failure_hints import failure_hint

    report = explain(session.platform, job, run.request.app, run.app.warnings)
    return replace(
        report,
        hint=failure_hint(report, session.platform, run),
        is_final=report.job_id in session.driver.final_failures,
    )
