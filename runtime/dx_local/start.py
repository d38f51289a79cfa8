"""The programs `dx-local` and `dx-run-app-locally`, whose commands load once Ctrl-C can end them quietly."""

from __future__ import annotations

from typing import NoReturn

from dx_app_wizard.console.program import start


def dx_local() -> NoReturn:
    """Be the program `dx-local`."""

    def command() -> None:
        from dx_local.cli import main

        main(prog_name="dx-local")

    start(command)


def dx_run_app_locally() -> NoReturn:
    """Be the program `dx-run-app-locally`, which is `dx-local run` under its old name."""

    def command() -> None:
        from dx_local.cli.run import command as run

        run(prog_name="dx-run-app-locally")

    start(command)
