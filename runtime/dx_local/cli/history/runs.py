"""`dx-local runs`: list the kept runs of an app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dx_local.cli.boundary import CommandResult, boundary
from dx_local.cli.history.options import app_argument

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.engine.history.kept_runs import KeptRun, RunSummary


@click.command("runs", context_settings={"help_option_names": ["-h", "--help"]})
@app_argument
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(app: Path, as_json: bool) -> None:
    """List the kept runs of the app in folder APP (default: here), the last one at the end.

    A run is named by the local time at which it began. Each line has its state,
    jobs that are done, duration and size on disk; failed runs have the first job
    that failed, and reruns the job that ran again.

    \b
    Examples:
      dx-local runs
      dx-local runs my-app --json

    Exit codes: 2 wrong use.
    """  # noqa: D301 - click wants a real backspace
    boundary(lambda: _runs(app), as_json=as_json)


def _runs(app: Path) -> CommandResult:
    from dx_local.engine.history.kept_runs import kept_runs

    found = [(run, run.summary()) for run in kept_runs(app)]
    data = {"runs": [_as_json(run, summary) for run, summary in found]}
    return CommandResult(0, data, show=lambda: _show(app, found))


def _as_json(run: KeptRun, summary: RunSummary) -> dict[str, Any]:
    return {
        "name": run.name,
        "folder": run.folder,
        "state": summary.state,
        "started": summary.started,
        "seconds": summary.seconds,
        "jobs": summary.jobs,
        "done": summary.done,
        "bytes": summary.size,
        "failure": summary.failure and summary.failure.to_json(),
        "repeats": summary.repeats,
        "problem": summary.problem,
    }


def _show(app: Path, found: list[tuple[KeptRun, RunSummary]]) -> None:
    from dx_local.ui.results.tables import print_table

    if not found:
        click.echo(f"{str(app)!r} has no kept runs", err=True)
        return
    print_table([_cells(run, summary) for run, summary in found], right=(2, 3, 4))


def _cells(run: KeptRun, summary: RunSummary) -> tuple[str, ...]:
    from dx_local.sizes import size_text
    from dx_local.ui.results.tables import duration_text

    jobs = f"{summary.done}/{summary.jobs} jobs" if summary.jobs else ""
    seconds = "" if summary.seconds is None else duration_text(summary.seconds)
    return (run.name, summary.state, jobs, seconds, size_text(summary.size), _remark(summary))


def _remark(summary: RunSummary) -> str:
    rerun = f"rerun of {summary.repeats}" if summary.repeats else ""
    return "; ".join(filter(None, (rerun, _why(summary))))


def _why(summary: RunSummary) -> str:
    failure = summary.failure
    if failure is None:
        return summary.problem or ""
    message = failure.explanation.strip().partition("\n")[0]
    return f"{failure.job_path.rpartition(' → ')[2]}: {message or failure.reason}"
