"""Find the cause of a failed run: the job that failed first, its source line and its last log lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_app_wizard.console.text import plain
from dx_app_wizard.dxapp.model import FILE_NAME
from dx_local.engine.job_labels import job_label, job_path, with_job_paths
from dx_local.engine.reports import failure_log, source_lines
from dx_local.engine.reports.input_texts import input_texts
from dx_local.engine.reports.wrong_values import wrong_value
from dx_local.platform.core.store import Row
from dx_local.platform.execution.job_logs import line_count, log_paths

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dx_app_wizard.lint.findings import Finding
    from dx_local.engine.reports.source_lines import SourceLine
    from dx_local.engine.reports.wrong_values import WrongValue
    from dx_local.platform.core.context import JSON, Platform
    from dx_local.platform.core.schema import JobRow
    from dx_local.platform.core.store import Store

_LOG_LINES = 20
_COUNTS = """
SELECT COUNT(*) AS jobs, SUM(state = 'done') AS done, SUM(state != 'done' AND started IS NULL) AS not_started,
    SUM(state != 'done' AND started IS NOT NULL) AS ended
FROM job WHERE id GLOB 'job-*'
"""


@dataclass(frozen=True)
class Subject:
    """The job to look at: the one that failed, or the one that returned a wrong value to it."""

    job_id: str
    label: str
    path: str


@dataclass(frozen=True)
class FailureReport:
    """The cause of a failed run: the first job that failed, and pointers to more information.

    `message` is that of the platform; `explanation` is for people, with the paths of jobs in place of their
    IDs, and names the output and job that a wrong value came from. `subject` is the job that `source`,
    `inputs` and the log belong to. `excerpt` has the last lines of the log without frames outside the app's
    code, and `log_lines` is the number of all. `missing_programs` are those that a shell did not find.
    `others` sums up the other jobs. `findings` are the linter's warnings about the code, one of which may
    explain the failure; `hint` is a way to learn more. `is_final` is true if the job could not run for a
    reason outside of its app, so that to run it again would not help.
    """

    job_id: str
    job_path: str
    reason: str
    message: str
    explanation: str
    subject: Subject
    job_input: JSON
    inputs: tuple[str, ...]
    source: SourceLine | None
    log_tail: tuple[str, ...]
    excerpt: tuple[str, ...]
    log_lines: int
    log_file: Path | None
    missing_programs: tuple[str, ...] = ()
    others: str = ""
    findings: tuple[Finding, ...] = ()
    hint: str | None = None
    is_final: bool = False

    @property
    def cause(self) -> str:
        """The explanation, after programs that were missing unless it names them."""
        missing = [line for line in self.missing_programs if _without_place(line) not in self.explanation]
        return "\n".join([*missing, self.explanation])

    @property
    def summary(self) -> str:
        """The cause as one line."""
        return next(iter(self.cause.strip().splitlines()), "")

    @property
    def advice(self) -> str | None:
        """The hint, or None if the cause contains it."""
        return None if self.hint and self.hint in self.cause else self.hint

    @property
    def finding_lines(self) -> list[str]:
        """The linter's warnings, each as one line."""
        return [_finding_line(finding) for finding in self.findings]

    def text(self) -> str:
        """Return the report as lines of plain text, from the cause to the log and a hint."""
        lines = [f"{self.job_path} failed: {self.reason}: {self.cause}"]
        if self.source:
            lines += [f"  at {self.source.file}:{self.source.number}", f"      {self.source.text}"]
        if self.inputs:
            lines.append(f"  input: {'   '.join(self.inputs)}")
        if self.log_tail:
            owner = "its log" if self.subject.job_id == self.job_id else f"the log of {self.subject.path}"
            lines += [f"  last lines of {owner}:", *(f"  | {line}" for line in self.log_tail)]
        if self.findings:
            lines += ["  dx-local lint reports:", *(f"  | {line}" for line in self.finding_lines)]
        if self.log_file:
            lines.append(f"  log: {self.log_file}")
        if self.advice:
            lines.append(f"  hint: {self.advice}")
        return plain("\n".join(lines))

    def to_json(self) -> JSON:
        """Return the report for programs."""
        source = self.source and {
            "file": str(self.source.file.absolute()), "line": self.source.number, "text": self.source.text
        }  # fmt: skip
        is_other = self.subject.job_id != self.job_id
        return {
            "job": self.job_id,
            "path": self.job_path,
            "reason": self.reason,
            "message": self.message,
            "explanation": self.cause,
            "producer": {"job": self.subject.job_id, "path": self.subject.path} if is_other else None,
            "input": self.job_input,
            "source": source,
            "log": None if self.log_file is None else str(self.log_file),
            "logTail": list(self.log_tail),
            "findings": [finding.to_json() for finding in self.findings],
            "hint": self.hint,
        }


def explain(platform: Platform, job: JobRow, app: Path, warnings: Sequence[Finding] = ()) -> FailureReport:
    """Return a report on a job that is not done; `app` is the folder with the user's own code.

    `warnings` are the linter's findings in the app; the report repeats those that concern its code.
    """
    store = platform.store
    cause_id = job["failure_from"]["id"] if job["failure_from"] else job["id"]
    cause = store.get("job", cause_id) or job
    message = cause["failure_message"] or f"the job was {cause['state']}"
    wrong = wrong_value(platform, cause)
    subject = wrong.producer if wrong else cause
    log = next(reversed(log_paths(platform, subject)), None)
    lines = failure_log.last_lines(log) if log else ()
    job_input = subject["input"] or subject["original_input"]
    return FailureReport(
        job_id=cause["id"],
        job_path=job_path(store, cause),
        reason=cause["failure_reason"] or str(cause["state"]).capitalize(),
        message=message,
        explanation=failure_log.relative(
            with_job_paths(store, _explanation(store, cause, wrong) or message), app
        ),
        subject=Subject(subject["id"], job_label(store, subject), job_path(store, subject)),
        job_input=cause["input"] or cause["original_input"],
        inputs=input_texts(store, job_input),
        source=_source(store, subject, wrong, lines, app),
        log_tail=lines[-_LOG_LINES:],
        excerpt=tuple(failure_log.excerpt(lines, app)[-_LOG_LINES:]),
        log_lines=_line_count(log, lines) if log else 0,
        log_file=log,
        missing_programs=failure_log.missing_programs(lines, app),
        others=_others(store),
        findings=tuple(finding for finding in warnings if finding.file not in (None, FILE_NAME)),
    )


def _explanation(store: Store, cause: JobRow, wrong: WrongValue | None) -> str | None:
    """Return the message on a wrong value, or None if the message of the platform explains it."""
    if wrong is None or wrong.problem is None:
        return None
    owner = "" if wrong.producer["id"] == cause["id"] else f" of {job_path(store, wrong.producer)}"
    return f"output {wrong.field!r}{owner}: {wrong.problem}"


def _source(
    store: Store, subject: JobRow, wrong: WrongValue | None, lines: Sequence[str], app: Path
) -> SourceLine | None:
    """Return the line that failed; of a wrong value or input, the line that returned or passed it."""
    named = source_lines.named_in(lines, app) if wrong is None else None
    root = store.value("SELECT executable FROM job ORDER BY sequence LIMIT 1")
    if subject["executable"] != root:  # its code is not in the folder of the app
        return named
    if wrong is not None:
        return source_lines.making_output(app, subject["function"], wrong.field)
    if named and named.text == source_lines.ENTRY_CALL:
        return source_lines.starting_job(app, subject["function"], subject["original_input"]) or named
    return named


def _line_count(log: Path, lines: Sequence[str]) -> int:
    try:
        return line_count(log)
    except OSError:  # the job has removed the index, or its folder
        return len(lines)


def _others(store: Store) -> str:
    """Return a sentence on the other jobs of the run; empty if there are none."""
    counts = store.one(Row, _COUNTS)
    if counts is None or counts["jobs"] < 2:
        return ""
    parts = [f"{counts['done']:,} of {counts['jobs']:,} jobs done"]
    parts += [f"{counts['ended'] - 1:,} ended with it"] if counts["ended"] > 1 else []
    parts += [f"{counts['not_started']:,} not started"] if counts["not_started"] else []
    return ", ".join(parts)


def _without_place(line: str) -> str:
    return line.rpartition(": ")[0].rpartition(": ")[2] + ": command not found"


def _finding_line(finding: Finding) -> str:
    place = finding.file if finding.line is None else f"{finding.file}:{finding.line}"
    hint = f" ({finding.hint})" if finding.hint else ""
    return f"{place}: {finding.message}{hint} [{finding.rule}]"
