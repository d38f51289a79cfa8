"""The program `dx-app-wizard`, whose command loads once Ctrl-C can end it quietly."""

# ruff: noqa: E402 - nothing may take time before Ctrl-C is quiet

from __future__ import annotations

from dx_app_wizard.console import quiet_start

quiet_start.ctrl_c_ends_silently()

from typing import NoReturn

from dx_app_wizard.console.program import start


def dx_app_wizard() -> NoReturn:
    """Be the program `dx-app-wizard`."""

    def command() -> None:
        from dx_app_wizard.cli import main

        main()

    start(command)
