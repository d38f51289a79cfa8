"""`dx-local logs`: print the logs of a kept run, or follow one in progress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from dx_local.cli.boundary import CommandResult, boundary
from dx_local.cli.completion.candidates import complete_jobs
from dx_local.cli.history.options import app_option, run_option

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.engine.history.kept_runs import KeptRun

_INTERRUPTED = 130


@dataclass(frozen=True)
class _Options:
    """The values of the options, as click passes them."""

    job: str | None
    app: Path
    run_name: str
    follow: bool
    failed: bool


@click.command("logs", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("job", required=False, shell_complete=complete_jobs)
@app_option
@run_option
@click.option("-f", "--follow", is_flag=True, help="Print new lines until the run ends.")
@click.option("--failed", is_flag=True, help="Print only the jobs that failed by themselves.")
def command(**options: Any) -> None:
    """Print the output of all jobs of a kept run, or only that of JOB.

    JOB is a name as in progress and failure reports (process[57]), a path
    ("main → process"), or an ID. Without JOB, each line begins with the name of its
    job. With --follow, JOB need not have started.

    \b
    Examples:
      dx-local logs                       all jobs of the last run
      dx-local logs 'process[57]'
      dx-local logs --failed --run -2
      dx-local logs -f                    follow the run in progress

    Exit codes: 2 wrong use, 130 Ctrl-C.
    """  # noqa: D301 - click wants a real backspace
    chosen = _Options(**options)
    boundary(lambda: _logs(chosen), as_json=False)


def _logs(options: _Options) -> CommandResult:
    from dx_app_wizard.console.text import plain
    from dx_local.engine.history.kept_runs import choose_run
    from dx_local.engine.history.run_logs import log_lines

    run = choose_run(options.app, options.run_name)
    lines = log_lines(run, options.job, only_failed=options.failed, follow=options.follow)
    is_empty = True
    try:
        for label, text in lines:
            is_empty = False
            click.echo(plain(text if options.job else f"{label} | {text}"))
    except KeyboardInterrupt:
        return CommandResult(_INTERRUPTED)
    if is_empty and options.job and not options.follow:
        _explain_silence(run, options.job)
    return CommandResult(0)


def _explain_silence(run: KeptRun, wanted: str) -> None:
    from dx_local.engine.history.kept_jobs import choose_job, kept_jobs

    with run.opened() as platform:
        job = choose_job(kept_jobs(platform), wanted)
    if job.is_taken_over:
        click.echo(f"{job.label} was taken over: its log is in an earlier run (see --run)", err=True)
