"""Options of the verbs that read one kept run."""

from __future__ import annotations

import re
from pathlib import Path

import click

from dx_local.cli.completion.candidates import complete_runs

_POSITION = re.compile(r"-[0-9]+", re.ASCII)


class RunArgumentCommand(click.Command):
    """A command whose argument may be the position of a run, such as -2, which click takes for an option."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments with positions behind `--`."""
        if "--" not in args:
            positions = [text for text in args if _POSITION.fullmatch(text)]
            args = [text for text in args if text not in positions]
            args += ["--", *positions] if positions else []
        return super().parse_args(context, args)


app_option = click.option(
    "--app",
    type=click.Path(path_type=Path),
    default=".",
    show_default=True,
    metavar="DIR",
    help="Folder of the app.",
)

run_option = click.option(
    "--run",
    "run_name",
    default="last",
    show_default=True,
    metavar="RUN",
    shell_complete=complete_runs,
    help="Run to use: `last`, -2 for the one before it, or the beginning of its folder's name.",
)
