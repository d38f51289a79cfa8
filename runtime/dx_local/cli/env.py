"""`dx-local env`: print the variables that connect a shell to the server of a state folder."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import click

from dx_local.cli.boundary import CommandResult, boundary
from dx_local.cli.serve import describe, ready_text, state_option

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.engine.service.state_folder import ServerInfo

_POLL_SECONDS = 0.05


@click.command("env", context_settings={"help_option_names": ["-h", "--help"]})
@state_option()
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Time to wait for the server to be ready.  [default: 0]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(state: Path | None, wait: float, as_json: bool) -> None:
    """Print the shell variables that connect clients to the platform of `dx-local serve`.

    \b
    Examples:
      eval "$(dx-local env)"
      dx-local serve --state ci & eval "$(dx-local env --state ci --wait 30)"
      dx-local env --json

    Exit codes: 2 no server is running, 4 it is starting or stopping, or dx-local
    did not create DIR.
    """  # noqa: D301 - click wants a real backspace
    boundary(lambda: _env(state, wait, as_json=as_json), as_json=as_json)


def _env(state: Path | None, wait: float, *, as_json: bool) -> CommandResult:
    from dx_local.engine.service.client_environment import proxy_warning
    from dx_local.engine.service.state_folder import default_folder

    folder = state or default_folder()
    saved = _running(folder, time.monotonic() + wait)
    if warning := proxy_warning(os.environ):
        click.echo(warning, err=True)
    if as_json:
        return CommandResult(0, describe(saved, folder))
    return CommandResult(0, show=lambda: click.echo(ready_text(saved, folder)))


def _running(folder: Path, deadline: float) -> ServerInfo:
    from dx_local.engine.service.state_folder import NotRunningError, StateBusyError, running

    while True:
        try:
            return running(folder)
        except (NotRunningError, StateBusyError):
            if time.monotonic() >= deadline:
                raise
        time.sleep(_POLL_SECONDS)
