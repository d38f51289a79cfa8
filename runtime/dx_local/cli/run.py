"""`dx-local run`: run an app from its folder and show the result."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dx_local.cli.boundary import CommandResult, boundary
from dx_local.cli.job_options import debug_options, job_options
from dx_local.cli.stopping import until_stopped

if TYPE_CHECKING:
    from dx_local.engine.runs.preparation import RunRequest
    from dx_local.engine.runs.result import RunResult
    from dx_local.engine.settings import JobOptions

_EXIT_OF_REASON = {"AppError": 5, "JobTimeoutExceeded": 124}
_EXIT_FAILED = 6


@dataclass(frozen=True)
class _Options:
    """The values of the options, as click passes them."""

    app: Path
    inputs: tuple[str, ...]
    input_json: str | None
    input_json_file: str | None
    function: str
    out: Path | None
    workspace_path: Path | None
    region: str | None
    assets: tuple[Path, ...]
    job: JobOptions
    as_json: bool
    quiet: bool
    progress: str
    logs: str


@click.command("run", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("app", type=click.Path(path_type=Path), default=".")
@click.option(
    "-i",
    "--input",
    "inputs",
    multiple=True,
    metavar="NAME[:CLASS]=VALUE",
    help="Set an input; a file is a local path. Repeatable for an array.",
)
@click.option("-j", "--input-json", metavar="JSON", help='Inputs as one JSON object: {"NAME": VALUE}.')
@click.option("-f", "--input-json-file", metavar="FILE", help="Read inputs from a JSON file, or stdin (-).")
@click.option("--function", default="main", show_default=True, metavar="NAME", help="Entry point to run.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for output files.  [default: out/ in the workspace]",
)
@click.option(
    "--workspace-path",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for everything that the run writes.  [default: APP/test-job-workspaces/TIME]",
)
@click.option("--region", metavar="REGION", help="Region reported to the app.")
@click.option(
    "--asset",
    "assets",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="PATH",
    help="Asset of the app: a tar file or a folder. Repeatable, in the order of assetDepends.",
)
@debug_options
@job_options
@click.option("-y", "--yes", is_flag=True, help="Accepted for compatibility with old scripts; has no effect.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout, even on failure.")
@click.option("-q", "--quiet", is_flag=True, help="Hide progress and the output of jobs.")
@click.option(
    "--progress",
    type=click.Choice(["auto", "plain", "tty"]),
    default="auto",
    show_default=True,
    help="Style of the progress display.",
)
@click.option(
    "--logs",
    type=click.Choice(["auto", "all", "failed", "none"]),
    default="auto",
    show_default=True,
    help="Jobs whose output is shown; auto shows all until it would be too much to read.",
)
def command(yes: bool, **options: Any) -> None:  # noqa: ARG001 - kept for scripts of the old runner
    """Run the app in folder APP (default: here) on this machine.

    The real dxpy runs the app's entry points against a local DNAnexus platform
    that lives as long as this command. If no input is given, the app's own samples
    (test/input.json) are used.

    \b
    Examples:
      dx-local run my-app
      dx-local run my-app -ireads=reads.fastq -ithreshold=0.5
      dx-local run my-app -ibams='data/*.bam' --out results
      dx-local run my-app --function process -ipiece:file=part.fastq
    """  # noqa: D301 - click wants a real backspace
    chosen = _Options(**options)
    boundary(lambda: _run(chosen), as_json=chosen.as_json)


def _run(options: _Options) -> CommandResult:
    import uvloop

    from dx_local.engine.runs.run import run_once
    from dx_local.ui.job_output import Logs
    from dx_local.ui.progress import choose_observer
    from dx_local.ui.run_observer import DisplayOptions

    request = _request(options)
    display = DisplayOptions(request.app, request.settings.max_parallel, Logs(options.logs))
    observer = choose_observer(options.progress, display, quiet=options.quiet)
    result, exit_code = uvloop.run(until_stopped(run_once(request, observer)))
    if result is None:
        return CommandResult(exit_code, error={"code": "interrupted", "message": "The run was interrupted."})
    if result.failure is not None:
        exit_code = _EXIT_OF_REASON.get(result.failure.reason, _EXIT_FAILED)
    return CommandResult(exit_code, _as_json(result), show=lambda: _show(result, quiet=options.quiet))


def _request(options: _Options) -> RunRequest:
    from dx_local.engine.runs.preparation import RunRequest
    from dx_local.engine.settings import JobSettings

    return RunRequest(
        app=options.app,
        given=_given(options),
        function=options.function,
        folder=options.workspace_path,
        out=options.out,
        settings=JobSettings.from_options(options.job),
        region=options.region,
        assets=options.assets,
    )


def _given(options: _Options) -> Any:
    from dx_local.engine.runs.inputs import GivenInputs, parse_option, read_json

    if not (options.inputs or options.input_json or options.input_json_file):
        return None
    values: dict[str, Any] = {}
    if options.input_json_file:
        values |= read_json(_read(options.input_json_file), options.input_json_file)
    if options.input_json:
        values |= read_json(os.fsencode(options.input_json), "--input-json")
    return GivenInputs(values=values, texts=tuple(parse_option(text) for text in options.inputs))


def _read(name: str) -> bytes:
    from dx_local.errors import UsageError

    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{name!r} cannot be read: {error.strerror}") from None


def _show(result: RunResult, *, quiet: bool) -> None:
    from dx_local.ui.summary import show_summary

    show_summary(result, quiet=quiet)


def _as_json(result: RunResult) -> dict[str, Any]:
    return {
        "state": result.job["state"],
        "job": result.job["id"],
        "output": result.output,
        "outputLinks": result.job["output"],
        "jobs": result.job_count,
        "seconds": round(result.seconds, 3),
        "workspace": result.folder,
        "samplesUsed": result.samples_used,
        "usage": [usage.to_json() for usage in result.usage],
        "failure": result.failure and result.failure.to_json(),
    }
