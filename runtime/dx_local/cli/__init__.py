"""The command `dx-local`: each verb has a module, which is imported on use."""

from __future__ import annotations

import importlib

import click

_SECTIONS = {
    "Run and check an app": {
        "run": "Run the app in a folder on this machine.",
        "rerun": "Run one job of a kept run again, with your edits.",
        "test": "Run the test cases of an app.",
        "lint": "Check an app for mistakes without running it.",
    },
    "Look at kept runs": {
        "runs": "List the kept runs of an app.",
        "logs": "Print the logs of a kept run, or follow one in progress.",
        "report": "Make the report of a kept run again, also as JSON, a table or Markdown.",
        "shell": "Open a shell in place of a job that has ended.",
        "clean": "Remove kept runs of an app.",
    },
    "Use dx with a local platform": {
        "serve": "Serve a local platform to dx and dxpy.",
        "env": "Print the shell variables that connect dx to `serve`.",
        "exec": "Run a command with a temporary platform.",
        "gtable": "Convert CSV, TSV and FASTQ files to GTables, and back.",
    },
    "Provide what apps need": {
        "asset": "Build or add assets of apps, and list them.",
        "image": "Add container images for `docker` in jobs, and list them.",
    },
    "Set up": {
        "completion": "Print a script for completion with Tab.",
        "doctor": "Check this machine's setup and list the API methods that are implemented.",
    },
}
"""The verbs by section of `--help`, each with its summary."""

_VERBS = {verb: summary for section in _SECTIONS.values() for verb, summary in section.items()}
_WIDTH = max(map(len, _VERBS))

# The modules of verbs that are in a package of their own.
_MODULES = {
    "rerun": "history.rerun",
    **{verb: f"history.{verb}" for verb in _SECTIONS["Look at kept runs"]},
    "asset": "assets.command",
    "image": "images.command",
    "completion": "completion.command",
}


class _Verbs(click.Group):
    """Imports the module of a verb only when it is used, so that `--help` stays fast."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(_VERBS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in _VERBS:
            return None
        command = importlib.import_module(f"dx_local.cli.{_MODULES.get(name, name)}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        for title, verbs in _SECTIONS.items():
            with formatter.section(title):
                # All sections have their second column at the same place.
                formatter.write_dl([(f"{verb:{_WIDTH}}", summary) for verb, summary in verbs.items()])


@click.command(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dx-app-wizard", prog_name="dx-local")
def main() -> None:
    """Run DNAnexus apps on this machine, with the real dxpy and no account.

    \b
    Examples:
      dx-local run my-app                      with the app's own samples
      dx-local run my-app -ireads=reads.fastq  with your own file
      dx-local rerun last --debug              stop where the last run failed

    Exit codes: 0 done, 1 an internal error, or stdout cannot be written,
    2 wrong usage, 3 the app has errors, 5 the job failed with AppError,
    6 it failed otherwise, a test case failed, or a disk is full, 7 test
    cases were updated, 124 timed out, 130 Ctrl-C,
    143 SIGTERM.
    """  # noqa: D301 - click wants a real backspace
