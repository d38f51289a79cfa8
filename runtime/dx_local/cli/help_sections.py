"""Divide the options and commands of a long `--help` into sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OPTIONS = "Options"
"""The title of the options that no section names."""

RUN_SECTIONS: Mapping[str, str] = {
    "App and input": "app run_name inputs input_json input_json_file function",
    "Output": "out workspace_path as_json quiet progress logs",
    "Take over and repeat": "resume no_resume_network watch reuse",
    "Debug": "debug_on debug debug_job debugpy xtrace plain_bash inject",
    "Jobs": (
        "max_parallel region assets objects apps python install_depends isolation network memory_limit"
        " input_delivery"
    ),
    "Cluster": "on nodes executor executor_config sizes listen",
}
"""The names of the parameters of commands that run jobs, by section and in its order."""


_COLUMNS = 30
"""The columns of the options, which click allows at most."""


class SectionedCommand(click.Command):
    """A command whose options are listed in the sections of RUN_SECTIONS, the others at the end."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of each section under its title."""
        for title, options in sections(self.get_params(ctx)).items():
            if not options:
                continue
            with formatter.section(title):
                # The descriptions of all sections begin in the same column.
                records = filter(None, (option.get_help_record(ctx) for option in options))
                formatter.write_dl([(f"{name:{_COLUMNS}}", text) for name, text in records])


def sections(parameters: Iterable[click.Parameter]) -> dict[str, list[click.Option]]:
    """Return the options by the title of their section, in the order of `--help`."""
    left = {str(option.name): option for option in parameters if isinstance(option, click.Option)}
    found = {
        title: [left.pop(name) for name in names.split() if name in left]
        for title, names in RUN_SECTIONS.items()
    }
    return {**found, OPTIONS: list(left.values())}
