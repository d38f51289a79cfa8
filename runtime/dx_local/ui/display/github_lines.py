"""Show a run in GitHub Actions: annotations at source lines, a log group per job, and a step summary.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.console.text import plain
from dx_local.platform.core.states import FINAL
from dx_local.sizes import size_text
from dx_local.ui.display.job_output import Logs, last_lines
from dx_local.ui.display.plain_lines import MANY_OF_A_KIND, PlainLines
from dx_local.ui.fitting import time_text

if TYPE_CHECKING:
    from dx_local.engine.executors.protocol import LogLine
    from dx_local.engine.reports.failure_report import FailureReport
    from dx_local.ui.display.run_facts import Change, EntryPointFacts, JobFacts, RunFacts

_COLUMNS = ("entry point", "jobs", "done", "failed", "median", "slowest", "peak memory")


class GitHubLines(PlainLines):
    """Prints the output of each job as a group when the job ends, because groups cannot be interleaved."""

    def on_log(self, line: LogLine) -> None:
        """Leave the line in the job's file, from which its group is printed."""

    def show_output(self, change: Change) -> None:
        """Print an annotation for a failed job, and the output of a job that has ended."""
        if change.is_failure and change.job.failure:
            self.print(_annotation(change.job, change.job.failure))
        if change.after not in FINAL or not self._is_wanted(change):
            return
        lines = last_lines(self.platform, change.job.id)
        if lines:
            # With the bar, a line of a job is never taken for a workflow command.
            text = "\n".join(f"| {line}" for line in lines)
            self.print(f"::group::{change.job.label} log\n{text}\n::endgroup::")
            self.note_all_shown(change.job.id)

    def on_close(self) -> None:
        """Append the table of entry points to the step summary, if there is one."""
        path = os.environ.get("GITHUB_STEP_SUMMARY")
        if not path or not self.facts.jobs:
            return
        try:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(step_summary(self.facts))
        except OSError as error:
            self.print(f"The step summary could not be written: {path}: {error.strerror}")

    def _is_wanted(self, change: Change) -> bool:
        logs = self.options.logs
        if logs is Logs.AUTO:
            return change.is_failure or change.job.entry_point.total <= MANY_OF_A_KIND
        return logs is Logs.ALL or (logs is Logs.FAILED and change.is_failure)


def step_summary(facts: RunFacts) -> str:
    """Return a table of the entry points, and a list of the failed jobs, in Markdown."""
    root = next(iter(facts.jobs.values()))
    rows = [_COLUMNS, ("---",) * len(_COLUMNS), *(_row(facts, each) for each in facts.entry_points.values())]
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    failed = "".join(
        f"- {_markdown(job.label)}: {_markdown(job.failure.summary)}\n"
        for job in facts.failures[:20]
        if job.failure
    )
    return f"### {_markdown(root.entry_point.executable)}\n\n{table}\n" + (f"{failed}\n" if failed else "")


def _row(facts: RunFacts, entry_point: EntryPointFacts) -> tuple[str, ...]:
    seconds, slowest = entry_point.seconds, entry_point.slowest
    return (
        _markdown(facts.title(entry_point)),
        f"{entry_point.total:,}",
        f"{entry_point.done:,}",
        f"{entry_point.failed:,}",
        time_text(seconds[len(seconds) // 2]) if seconds else "",
        f"{time_text(slowest.seconds)} {_markdown(slowest.label)}" if slowest and slowest.seconds else "",
        size_text(entry_point.memory) if entry_point.memory else "",
    )


def _annotation(job: JobFacts, failure: FailureReport) -> str:
    """Return the workflow command that shows a failure at its source line."""
    source = failure.source
    place = (source.file, source.number) if source else (None, None)
    return annotation(job.label, failure.cause, *place)


def annotation(title: str, message: str, file: Path | None, line: int | None) -> str:
    """Return the workflow command that shows an error, at a line of a file if it has one."""
    properties = {"title": title}
    if file is not None and line is not None:
        # GitHub finds files by their paths in the repository.
        top = os.environ.get("GITHUB_WORKSPACE") or Path.cwd()
        properties = {"file": os.path.relpath(file, top), "line": str(line), **properties}
    text = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in properties.items())
    return f"::error {text}::{_escaped(plain(message))}"


def _escaped(text: str, more: str = "") -> str:
    """Return text in which characters with a meaning in workflow commands are escaped."""
    for character in f"%\r\n{more}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def _markdown(text: str) -> str:
    return plain(text).replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
