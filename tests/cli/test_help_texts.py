"""The help of every command, as users see it on a terminal of 80 columns.

`python -m tests.cli.test_help_texts` writes the files after a deliberate change.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from dx_app_wizard.cli import command as dx_app_wizard
from dx_local.cli import main as dx_local
from dx_local.cli.run import command as dx_run_app_locally

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parent / "help"


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """Yield a command and all of its subcommands, each with the words that call it."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for verb in command.list_commands(context):
            subcommand = command.get_command(context, verb)
            assert subcommand is not None
            yield from commands(subcommand, f"{name} {verb}")


COMMANDS = dict(
    [
        *commands(dx_app_wizard, "dx-app-wizard"),
        *commands(dx_local, "dx-local"),
        ("dx-run-app-locally", dx_run_app_locally),
    ]
)


def help_text(name: str) -> str:
    settings = {**COMMANDS[name].context_settings, "terminal_width": 80}
    return COMMANDS[name].get_help(click.Context(COMMANDS[name], info_name=name, **settings)) + "\n"


def file_of(name: str) -> Path:
    return FOLDER / f"{name.replace(' ', '-')}.txt"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_reads_as_recorded(name: str) -> None:
    assert help_text(name) == file_of(name).read_text(encoding="utf-8")


def test_only_commands_have_a_file() -> None:
    assert {file_of(name) for name in COMMANDS} == set(FOLDER.iterdir())


if __name__ == "__main__":
    for each in COMMANDS:
        file_of(each).write_text(help_text(each), encoding="utf-8")
