"""Options of the verbs that read one kept run."""

from __future__ import annotations

import re
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dx_local.cli.completion.candidates import complete_runs

if TYPE_CHECKING:
    from collections.abc import Callable

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


def app_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument APP to a command, which receives it as `app`; `--app` names the folder as well.

    The other verbs over kept runs have only the option, because their argument is a job or a run.
    """

    @click.argument("app", type=click.Path(path_type=Path), required=False)
    @click.option(
        "--app", "named_app", type=click.Path(path_type=Path), metavar="DIR", help="The same as APP."
    )
    @wraps(command)
    def with_app(app: Path | None, named_app: Path | None, **arguments: Any) -> Any:
        if app and named_app:
            raise click.UsageError("APP and --app name the same folder. Pass one of them.")
        return command(app=app or named_app or Path(), **arguments)

    return with_app


run_option = click.option(
    "--run",
    "run_name",
    default="last",
    show_default=True,
    metavar="RUN",
    shell_complete=complete_runs,
    help="Run to use: `last`, -2 for the one before it, or the beginning of its folder's name.",
)
