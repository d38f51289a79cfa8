"""`dx-local env`: print the variables that connect a shell to the server of a state folder, or undo that."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import click

from dx_app_wizard.console.text import plain
from dx_local.cli.boundary import CommandResult, boundary
from dx_local.cli.serve import describe, ready_text, state_option
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.engine.service.state_folder import ServerInfo

_POLL_SECONDS = 0.05
_LAUNCH_SECONDS = 2.0
"""A server that was launched just before this command needs less time to lock its folder."""

_START_SECONDS = 60.0
"""A server that has locked its folder needs less time, even if it creates a worker environment."""

_SILENT_SECONDS = 1.0


@click.command("env", context_settings={"help_option_names": ["-h", "--help"]})
@state_option()
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Time to wait for the server to be ready.  [default: 60 if it is starting, else 2]",
)
@click.option("--prompt", "marks_prompt", is_flag=True, help="Mark the shell's prompt with (dx-local).")
@click.option("--unset", is_flag=True, help="Print lines that undo all of this; needs no server.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(state: Path | None, wait: float | None, marks_prompt: bool, unset: bool, as_json: bool) -> None:
    """Print the shell variables that connect clients to the platform of `dx-local serve`.

    \b
    Examples:
      eval "$(dx-local env)"
      dx-local serve --state ci & eval "$(dx-local env --state ci --wait 30)"
      eval "$(dx-local env --unset)"         back to the shell as it was
      dx-local env --json

    Exit codes: 2 no server is running, 4 it is starting or stopping, or dx-local
    did not create DIR.
    """  # noqa: D301 - click wants a real backspace
    if unset:
        boundary(lambda: _unset(as_json=as_json), as_json=as_json)
    boundary(lambda: _env(state, wait, marks_prompt=marks_prompt, as_json=as_json), as_json=as_json)


def _env(state: Path | None, wait: float | None, *, marks_prompt: bool, as_json: bool) -> CommandResult:
    from dx_local.engine.service.client_environment import proxy_warning
    from dx_local.engine.service.state_folder import default_folder

    folder = state or default_folder()
    saved = _running(folder, wait)
    if warning := proxy_warning(os.environ):
        click.echo(warning, err=True)
    if as_json:
        return CommandResult(0, describe(saved, folder))
    text = ready_text(saved, folder, marks_prompt=marks_prompt)
    return CommandResult(0, show=lambda: click.echo(text))


def _running(folder: Path, wait: float | None) -> ServerInfo:
    from dx_local.engine.service.state_folder import NotRunningError, StateBusyError, running

    began = time.monotonic()
    was_announced = False
    while True:
        try:
            return running(folder)
        except (NotRunningError, StateBusyError) as error:
            is_busy = isinstance(error, StateBusyError)
            waited = time.monotonic() - began
            if waited >= (wait if wait is not None else _START_SECONDS if is_busy else _LAUNCH_SECONDS):
                raise
            if is_busy and waited > _SILENT_SECONDS and not was_announced:
                click.echo(plain(f"Waiting for the server on {str(folder)!r}, which is starting."), err=True)
                was_announced = True
        time.sleep(_POLL_SECONDS)


def _unset(*, as_json: bool) -> CommandResult:
    from dx_local.engine.service.client_environment import variable_names
    from dx_local.engine.service.shell_lines import CONNECTED, disconnecting_lines

    if as_json:
        raise UsageError("--unset prints lines for a shell, not JSON", "Leave out --json.")
    if not os.environ.get(CONNECTED):
        note = "This shell is not connected to a local platform."
        return CommandResult(0, show=lambda: click.echo(note, err=True))
    lines = disconnecting_lines(os.environ, variable_names())
    return CommandResult(0, show=lambda: click.echo("\n".join(lines)))
