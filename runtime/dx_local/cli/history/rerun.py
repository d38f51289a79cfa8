"""`dx-local rerun`: run one job of a kept run again, with its recorded input and today's code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from dx_local.cli.boundary import boundary
from dx_local.cli.completion.candidates import complete_jobs_to_repeat
from dx_local.cli.help_sections import SectionedCommand
from dx_local.cli.history.options import app_option, run_option
from dx_local.cli.job_options import debug_options, job_options
from dx_local.cli.run_display import Display, display_options, out_option, run_request

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.engine.runs.preparation import RunRequest
    from dx_local.engine.settings import JobOptions


@dataclass(frozen=True)
class _Options:
    """The values of the options, as click passes them."""

    wanted: str
    app: Path
    run_name: str
    out: Path | None
    job: JobOptions
    display: Display


@click.command("rerun", cls=SectionedCommand, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("wanted", metavar="JOB", shell_complete=complete_jobs_to_repeat)
@app_option
@run_option
@out_option
@debug_options
@job_options
@display_options
def command(**options: Any) -> None:
    """Run one job of a kept run again, with its recorded input and today's code of the app.

    JOB is a name as in progress and failure reports (process[57]), a path
    ("main → process"), or an ID; `last` is the first job that failed by itself, or
    else the last one. `--run last` skips runs of this command. The job gets a run
    of its own; jobs that it starts are run as well.

    \b
    Examples:
      dx-local rerun 'process[57]'
      dx-local rerun last --debug           stops where it fails
      dx-local rerun last --xtrace
      dx-local rerun main --app my-app --run -2

    Exit codes: those of `dx-local run`.
    """  # noqa: D301 - click wants a real backspace
    chosen = _Options(**options)
    boundary(lambda: run_request(_request(chosen), chosen.display), as_json=chosen.display.as_json)


def _request(options: _Options) -> RunRequest:
    from dx_local.engine.history.kept_jobs import choose_job, kept_jobs
    from dx_local.engine.history.kept_runs import choose_run_to_repeat
    from dx_local.engine.resume.recorded_jobs import recorded_job
    from dx_local.engine.runs.preparation import RunRequest
    from dx_local.engine.settings import JobSettings

    run = choose_run_to_repeat(options.app, options.run_name)
    with run.opened() as platform:
        job = choose_job(kept_jobs(platform), options.wanted)
        recorded = recorded_job(platform, job.id, job.path)
    job_options: JobOptions = {
        **options.job,
        "objects": (*recorded.objects, *options.job["objects"]),
        "apps": (*recorded.apps, *options.job["apps"]),
    }
    return RunRequest(
        app=options.app,
        function=recorded.function,
        out=options.out,
        settings=JobSettings.from_options(job_options, options.app),
        region=recorded.region,
        assets=recorded.assets,
        repeats=recorded,
    )
