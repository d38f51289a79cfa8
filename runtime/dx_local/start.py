"""The programs `dx-local` and `dx-run-app-locally`, whose commands load once Ctrl-C can end them quietly."""

# ruff: noqa: E402 - nothing may take time before Ctrl-C is quiet

from __future__ import annotations

from dx_app_wizard.console import quiet_start

quiet_start.ctrl_c_ends_silently()

import sys
from typing import TYPE_CHECKING, NoReturn

from dx_app_wizard.console.program import start

if TYPE_CHECKING:
    import click


def dx_local() -> NoReturn:
    """Be the program `dx-local`."""

    def command() -> None:
        from dx_local.cli import main

        _call(main, "dx-local")

    start(command)


def dx_run_app_locally() -> NoReturn:
    """Be the program `dx-run-app-locally`, which is `dx-local run` under its old name."""

    def command() -> None:
        from dx_local.cli.run import command as run

        _call(run, "dx-run-app-locally")

    start(command)


def _call(command: click.Command, name: str) -> NoReturn:
    """Call a command and exit; unlike click, which would exit with 1, let Ctrl-C through."""
    import click

    try:
        sys.exit(command.main(prog_name=name, standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        raise KeyboardInterrupt from None
