"""Options of the verbs that read one kept run."""

from __future__ import annotations

from pathlib import Path

import click

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
    help="Run to use: `last`, -2 for the one before it, or the beginning of its folder's name.",
)
