"""Find the cause of a failed run: the job that failed first, its source line and its last log lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_app_wizard.console.text import plain
from dx_app_wizard.dxapp.model import FILE_NAME
from dx_local.engine.job_labels import job_path
from dx_local.platform.execution.job_logs import job_output_bytes, log_paths

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dx_app_wizard.lint.findings import Finding
    from dx_local.platform.core.context import JSON, Platform
    from dx_local.platform.core.schema import JobRow
    from dx_local.platform.core.store import Store

_LOG_LINES = 20
_TAIL_BYTES = 64 * 1024
_PYTHON_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')
_JOB_ID = re.compile(r"\bjob-[0-9A-Za-z]{24}\b")
_BASH_LINE = re.compile(r"(?P<file>\S[^:]*): line (?P<line>\d+): ")


@dataclass(frozen=True)
class SourceLine:
    """A line of the app's own code."""

    file: Path
    number: int
    text: str


@dataclass(frozen=True)
class FailureReport:
    """The cause of a failed run: the first job that failed, and pointers to more information.

    `findings` are the linter's warnings about the code, one of which may explain the failure; `hint` is a way
    to learn more; `mentioned` has the IDs and paths of other jobs whose IDs are in the message.
    """

    job_id: str
    job_path: str
    reason: str
    message: str
    job_input: JSON
    source: SourceLine | None
    log_tail: tuple[str, ...]
    log_file: Path | None
    findings: tuple[Finding, ...] = ()
    hint: str | None = None
    mentioned: tuple[tuple[str, str], ...] = ()

    def text(self) -> str:
        """Return the report as lines of plain text, from the cause to the log and a hint."""
        lines = [f"{self.job_path} failed: {self.reason}: {self.message}"]
        lines += [f"  {job_id} is {path}" for job_id, path in self.mentioned]
        if self.source:
            lines += [f"  at {self.source.file}:{self.source.number}", f"      {self.source.text}"]
        if self.log_tail:
            lines += ["  last lines of its log:", *(f"  | {line}" for line in self.log_tail)]
        if self.findings:
            lines += [
                "  dx-local lint reports:",
                *(f"  | {_finding_line(item)}" for item in self.findings),
            ]
        if self.log_file:
            lines.append(f"  log: {self.log_file}")
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return plain("\n".join(lines))

    def to_json(self) -> JSON:
        """Return the report for programs."""
        source = self.source and {
            "file": str(self.source.file.absolute()), "line": self.source.number, "text": self.source.text
        }  # fmt: skip
        return {
            "job": self.job_id,
            "path": self.job_path,
            "reason": self.reason,
            "message": self.message,
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
    cause_id = job["failure_from"]["id"] if job["failure_from"] else job["id"]
    cause = platform.store.get("job", cause_id) or job
    log = next(reversed(log_paths(platform, cause)), None)
    tail = _last_lines(log) if log else ()
    return FailureReport(
        job_id=cause["id"],
        job_path=job_path(platform.store, cause),
        reason=cause["failure_reason"] or str(cause["state"]).capitalize(),
        message=cause["failure_message"] or f"the job was {cause['state']}",
        job_input=cause["input"] or cause["original_input"],
        source=_source_line(tail, app),
        log_tail=tail[-_LOG_LINES:],
        log_file=log,
        findings=tuple(finding for finding in warnings if finding.file not in (None, FILE_NAME)),
        mentioned=_mentioned(platform.store, cause),
    )


def _finding_line(finding: Finding) -> str:
    place = finding.file if finding.line is None else f"{finding.file}:{finding.line}"
    hint = f" ({finding.hint})" if finding.hint else ""
    return f"{place}: {finding.message}{hint} [{finding.rule}]"


def _mentioned(store: Store, cause: JobRow) -> tuple[tuple[str, str], ...]:
    """Return the IDs and paths of other jobs whose IDs are in the failure message of a job."""
    named = dict.fromkeys(_JOB_ID.findall(cause["failure_message"] or ""))
    jobs = (store.get("job", job_id) for job_id in named if job_id != cause["id"])
    return tuple((job["id"], job_path(store, job)) for job in jobs if job)


def _last_lines(log: Path) -> tuple[str, ...]:
    return tuple(job_output_bytes(log, _TAIL_BYTES).decode("utf-8", "replace").splitlines())


def _source_line(lines: tuple[str, ...], app: Path) -> SourceLine | None:
    """Return the innermost line of the app's own code in the last error message of the log."""
    folder = app.resolve()
    for line in reversed(lines):
        match = _PYTHON_FRAME.search(line) or _BASH_LINE.search(line)
        if match is None:
            continue
        file = folder / match["file"].strip()
        if folder in file.parents and file.is_file():
            text = file.read_text(encoding="utf-8", errors="replace").splitlines()
            number = int(match["line"])
            code = text[number - 1].strip() if 0 < number <= len(text) else ""
            return SourceLine(file=app / file.relative_to(folder), number=number, text=code)
    return None
