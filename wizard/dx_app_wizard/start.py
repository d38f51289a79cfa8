"""The program `dx-app-wizard`; its command is imported after Ctrl-C has been made quiet."""

# ruff: noqa: E402 - any other import would take time in which Ctrl-C prints a traceback

from __future__ import annotations

from dx_app_wizard.console import quiet_start

quiet_start.ctrl_c_ends_silently()

from typing import NoReturn

from dx_app_wizard.console.program import start


def dx_app_wizard() -> NoReturn:
    """Run the program `dx-app-wizard`."""

    def command() -> None:
        from dx_app_wizard.cli import main

        main()

    start(command)
