"""Run a request with a display, and turn its result into text, JSON and an exit code; for all verbs that run.

Each of them has the options of `display_options`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dx_app_wizard.console.text import plain
from dx_local.cli.boundary import CommandResult
from dx_local.cli.stopping import until_stopped

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from dx_local.engine.runs.preparation import RunRequest
    from dx_local.engine.runs.result import RunResult
    from dx_local.engine.session import Observer

_EXIT_OF_REASON = {"AppError": 5, "JobTimeoutExceeded": 124}
_EXIT_FAILED = 6

out_option = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for output files.  [default: out/ in the workspace]",
)

_OPTIONS = (
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout, even on failure."),
    click.option("-q", "--quiet", is_flag=True, help="Hide progress and the output of jobs."),
    click.option(
        "--progress",
        type=click.Choice(["auto", "plain", "tty"]),
        default="auto",
        show_default=True,
        help="Style of the progress display.",
    ),
    click.option(
        "--logs",
        type=click.Choice(["auto", "all", "failed", "none"]),
        default="auto",
        show_default=True,
        help="Jobs whose output is shown; auto shows all until it would be too much to read.",
    ),
)
"""In the order of `--help`. Each stores its value under its name in Display."""


@dataclass(frozen=True)
class Display:
    """The values of the options, as click passes them."""

    as_json: bool
    quiet: bool
    progress: str
    logs: str


def display_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the display options to a command, which receives their values as the argument `display`."""

    @wraps(command)
    def with_display(**arguments: Any) -> Any:
        display = Display(**{field.name: arguments.pop(field.name) for field in fields(Display)})
        return command(display=display, **arguments)

    for option in reversed(_OPTIONS):
        with_display = option(with_display)
    return with_display


def run_request(request: RunRequest, display: Display) -> CommandResult:
    """Run a request to its end, or until a signal stops it, and return its result. Raises DxLocalError."""
    import uvloop

    from dx_local.engine.runs.run import run_once
    from dx_local.ui.display.job_output import Logs
    from dx_local.ui.display.progress import choose_observer
    from dx_local.ui.display.run_observer import DisplayOptions

    request = replace(request, command=(Path(sys.argv[0]).name, *sys.argv[1:]))
    options = DisplayOptions(request.app, request.settings.slots, Logs(display.logs))
    observer = choose_observer(display.progress, options, quiet=display.quiet)
    folders: list[Path] = []
    result, exit_code = uvloop.run(until_stopped(run_once(request, observer, has_begun=folders.append)))
    if result is None:
        return _interrupted(exit_code, request.app, folders)
    if result.failure is not None:
        exit_code = _EXIT_OF_REASON.get(result.failure.reason, _EXIT_FAILED)
    return CommandResult(
        exit_code, _as_json(result), show=lambda: _show(result, request, observer, quiet=display.quiet)
    )


def _interrupted(exit_code: int, app: Path, folders: list[Path]) -> CommandResult:
    """Return the result of a run that a signal stopped; there is a folder if one of its jobs had started."""
    error = {"code": "interrupted", "message": "The run was interrupted."}
    if not folders:
        return CommandResult(exit_code, error=error)
    from dx_local.cli.history.next_commands import resuming

    resume = resuming(app, folders[0])
    lines = [*([f"to continue: {resume}"] if resume else []), f"folder of this run: {folders[0]}"]
    text = "\n".join(map(plain, lines))
    return CommandResult(
        exit_code, {"workspace": folders[0]}, error=error, show=lambda: click.echo(text, err=True)
    )


def _show(result: RunResult, request: RunRequest, observer: Observer, *, quiet: bool) -> None:
    from dx_local.ui.display.run_observer import RunObserver

    failure = result.failure
    if failure is None:
        from dx_local.ui.results.summary import show_summary

        show_summary(result, quiet=quiet)
        return
    from dx_local.cli.history.next_commands import going_on
    from dx_local.ui.results.failure_block import show_failure

    subject = failure.subject.job_id
    lines_shown = observer.lines_shown[subject] if isinstance(observer, RunObserver) else 0
    show_failure(failure, going_on(request.app, result.folder, failure), lines_shown=lines_shown)


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
        "nodes": [{"node": node, "jobs": labels} for node, labels in result.nodes.items()],
        "resumed": result.resumed and result.resumed.to_json(),
        "failure": result.failure and result.failure.to_json(),
    }
