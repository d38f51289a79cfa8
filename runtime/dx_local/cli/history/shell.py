"""`dx-local shell`: a shell in place of a job that has ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from dx_local.cli.boundary import CommandResult, boundary
from dx_local.cli.completion.candidates import complete_jobs
from dx_local.cli.history.options import app_option, run_option
from dx_local.cli.job_options import job_options

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.engine.settings import JobOptions


@dataclass(frozen=True)
class _Options:
    """The values of the options, as click passes them."""

    wanted: str
    app: Path
    run_name: str
    job: JobOptions


@click.command("shell", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("wanted", metavar="[JOB]", default="last", shell_complete=complete_jobs)
@app_option
@run_option
@job_options
def command(**options: Any) -> None:
    """Open a shell in place of a job of a kept run, as the job has left it.

    The shell runs in a sandbox like that of the job, in a copy of its home, with
    its environment and the variables of its input; dx sees a copy of the run's
    platform. Nothing that you change is kept. Without JOB, it is the first job that
    failed by itself, or else the last one.

    \b
    Examples:
      dx-local shell
      dx-local shell 'process[57]'
      dx-local shell main --app my-app --run -2

    Exit codes: 2 wrong use, such as without a terminal.
    """  # noqa: D301 - click wants a real backspace
    chosen = _Options(**options)
    boundary(lambda: _shell(chosen), as_json=False)


def _shell(options: _Options) -> CommandResult:
    import uvloop

    from dx_local.cli.stopping import until_stopped
    from dx_local.engine.history.kept_jobs import choose_job, kept_jobs
    from dx_local.engine.history.kept_runs import choose_run
    from dx_local.engine.job_shell import ended_job, run_shell
    from dx_local.engine.settings import JobSettings
    from dx_local.ui.display.progress import Messages

    run = choose_run(options.app, options.run_name)
    with run.opened() as platform:
        chosen = choose_job(kept_jobs(platform), options.wanted)
        job = ended_job(platform, chosen.id, chosen.label)
    settings = JobSettings.from_options(options.job)
    _, exit_code = uvloop.run(until_stopped(run_shell(run.folder, job, settings, Messages())))
    return CommandResult(exit_code)
