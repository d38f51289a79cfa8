"""Entry points of `dx-local` and `dx-run-app-locally`; Ctrl-C is handled before commands are imported."""

# ruff: noqa: E402 - nothing may take time before Ctrl-C is handled

from __future__ import annotations

from dx_app_wizard.console import quiet_start

quiet_start.ctrl_c_ends_silently()

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from dx_app_wizard.console import utf8_paths
from dx_app_wizard.console.program import start
from dx_local.engine.executors.zygote_start import early

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import click


def dx_local() -> NoReturn:
    """Run the program `dx-local`."""

    def command() -> None:
        with _early_zygote("dx-local", sys.argv[1:]):
            from dx_local.cli import main

            _call(main, "dx-local")

    utf8_paths.start_again_if_needed()
    start(command)


def dx_run_app_locally() -> NoReturn:
    """Run the program `dx-run-app-locally`, the old name of `dx-local run`."""

    def command() -> None:
        with _early_zygote("dx-run-app-locally", ["run", *sys.argv[1:]]):
            from dx_local.cli.run import command as run

            _call(run, "dx-run-app-locally")

    utf8_paths.start_again_if_needed()
    start(command)


@contextmanager
def _early_zygote(name: str, arguments: Sequence[str]) -> Iterator[None]:
    """Start the zygote of a run beside the imports of its command."""
    if not _completes(name):
        early.begin(arguments)
    try:
        yield
    finally:
        early.abandon()


def _call(command: click.Command, name: str) -> NoReturn:
    """Call a command and exit; raise KeyboardInterrupt on Ctrl-C, for which click would exit with 1."""
    import click

    if _completes(name):
        from dx_local.cli.completion import shells

        shells.use()
    try:
        sys.exit(command.main(prog_name=name, standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        raise KeyboardInterrupt from None


def _completes(name: str) -> bool:
    """Return whether a shell has called the program for the completion of a command line."""
    return f"_{name.replace('-', '_').upper()}_COMPLETE" in os.environ
