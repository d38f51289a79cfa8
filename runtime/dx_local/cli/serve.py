"""`dx-local serve`: serve a platform until a signal stops it."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dx_app_wizard.console.text import plain
from dx_local.cli.boundary import SCHEMA, CommandResult, boundary
from dx_local.cli.job_options import job_options
from dx_local.cli.stopping import until_stopped

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.engine.service.state_folder import ServerInfo
    from dx_local.engine.settings import JobOptions


def state_option(
    default: str = "$XDG_STATE_HOME/dx-local/platform",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option --state, whose help names a default."""
    return click.option(
        "--state",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        help=f"State folder of the platform.  [default: {default}]",
    )


@dataclass(frozen=True)
class _Options:
    """The values of the options, as click passes them."""

    state: Path | None
    port: int | None
    fresh: bool
    ui: bool
    job: JobOptions
    as_json: bool
    quiet: bool


@click.command("serve", context_settings={"help_option_names": ["-h", "--help"]})
@state_option()
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    metavar="N",
    help="Port on 127.0.0.1.  [default: the last one if it is free, else any free port]",
)
@click.option("--fresh", is_flag=True, help="Discard the content of the state folder.")
@click.option(
    "--ui", is_flag=True, help="Show jobs, logs and files in the browser; prints the link on stderr."
)
@job_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout when ready.")
@click.option("-q", "--quiet", is_flag=True, help="Hide the progress of jobs on stderr.")
def command(**options: Any) -> None:
    """Serve a platform to dx, dxpy and other clients until Ctrl-C or SIGTERM.

    Prints the shell variables that connect clients to the platform, on a terminal
    the command that sets them; `# ready URL PROJECT` comes last. The state folder keeps everything that was
    acknowledged, even after kill -9. At the next start, jobs that were running are
    restarted once (unless their policy forbids it), waiting jobs continue, and
    the token stays the same, as does the port if it is free.

    \b
    Examples:
      dx-local serve                         then, in another terminal:
      eval "$(dx-local env)"                 and use dx
      dx-local serve --state ci --port 8100 --json
      dx-local serve --fresh                 an empty platform
      dx-local serve --ui                    follow its jobs in the browser

    Exit codes: 2 wrong usage, 4 DIR is in use or dx-local did not create it, 6 the
    disk of DIR is full, 130 Ctrl-C, 143 SIGTERM.
    """  # noqa: D301 - click wants a real backspace
    chosen = _Options(**options)
    boundary(lambda: _serve(chosen), as_json=chosen.as_json)


def describe(saved: ServerInfo, folder: Path) -> dict[str, Any]:
    """Return the description of a server for programs: its URL, and the variables of its clients."""
    from dx_local.engine.service import client_environment

    return {
        "schema": SCHEMA,
        "url": saved.url,
        "project": saved.project,
        "state": str(folder.absolute()),
        "pid": saved.pid,
        "variables": client_environment.variables(saved, folder.absolute()),
        "unset": list(client_environment.UNSET),
        "programs": str(client_environment.programs_folder(folder.absolute())),
        "error": None,
    }


def ready_text(saved: ServerInfo, folder: Path, *, marks_prompt: bool = False) -> str:
    """Return lines for a shell to evaluate; the last one is the comment `# ready URL PROJECT`."""
    from dx_local.engine.service.shell_lines import connecting_lines

    lines = connecting_lines(saved, folder.absolute(), marks_prompt=marks_prompt)
    return "\n".join([*lines, f"# ready {saved.url} {saved.project}"])


def _invitation(saved: ServerInfo, state: Path | None) -> str:
    """Return lines for a person; the last one is that of `ready_text`."""
    option = f" --state {shlex.quote(str(state))}" if state else ""
    return (
        "The platform is ready; Ctrl-C stops it. In another terminal, connect dx with:\n"
        f'  eval "$(dx-local env{option})"\n'
        f"# ready {saved.url} {saved.project}"
    )


def _serve(options: _Options) -> CommandResult:
    import uvloop

    _, exit_code = uvloop.run(until_stopped(_until_cancelled(options)))
    return CommandResult(exit_code, is_printed=True)


async def _until_cancelled(options: _Options) -> None:
    from dx_local.engine.service.serve import ServeRequest, serving
    from dx_local.engine.service.state_folder import default_folder
    from dx_local.engine.settings import JobSettings
    from dx_local.ui.display.progress import JobStates, Messages

    request = ServeRequest(
        folder=options.state or default_folder(),
        settings=JobSettings.from_options(options.job),
        port=options.port,
        fresh=options.fresh,
        has_ui=options.ui,
    )
    async with serving(request, Messages() if options.quiet else JobStates()) as saved:
        if options.as_json:
            click.echo(json.dumps(describe(saved, request.folder), indent=2))
        elif sys.stdout.isatty():
            click.echo(plain(_invitation(saved, options.state)))
        else:
            click.echo(ready_text(saved, request.folder))
        await asyncio.Event().wait()
