"""`dx-local clean`: remove kept runs of an app."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from dx_local.cli.boundary import CommandResult, boundary
from dx_local.cli.history.options import app_argument

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.engine.history.kept_runs import KeptRun, RunSummary


@dataclass(frozen=True)
class _Options:
    """The values of the options, as click passes them."""

    app: Path
    keep: int
    older_than: str | None
    failed: bool
    dry_run: bool
    yes: bool


@click.command("clean", context_settings={"help_option_names": ["-h", "--help"]})
@app_argument
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Number of last runs to keep.",
)
@click.option("--older-than", metavar="AGE", help="Remove only runs older than this, such as 7d, 12h or 30m.")
@click.option("--failed", is_flag=True, help="Remove only runs that are not done.")
@click.option("-n", "--dry-run", is_flag=True, help="Print the runs and their sizes, and remove nothing.")
@click.option("-y", "--yes", is_flag=True, help="Remove without asking.")
def command(**options: Any) -> None:
    """Remove kept runs of the app in folder APP (default: here), with everything in their folders.

    Prints the runs with their sizes, and asks. The last run and runs in progress
    are always kept. Of several conditions, all must hold.

    \b
    Examples:
      dx-local clean -n
      dx-local clean my-app --keep 5 --older-than 7d
      dx-local clean --failed --yes

    Exit codes: 2 wrong use, or no terminal to ask on.
    """  # noqa: D301 - click wants a real backspace
    chosen = _Options(**options)
    boundary(lambda: _clean(chosen), as_json=False)


def _clean(options: _Options) -> CommandResult:
    from dx_local.engine.history.cleaning import CleaningRule, parse_age, removable_runs
    from dx_local.errors import UsageError
    from dx_local.sizes import size_text

    age = None if options.older_than is None else parse_age(options.older_than)
    found = removable_runs(options.app, CleaningRule(options.keep, age, options.failed))
    if not found:
        click.echo("no runs to remove", err=True)
        return CommandResult(0)
    _list(found)
    total = f"{_count(len(found))}, {size_text(sum(summary.size for _, summary in found))}"
    if options.dry_run:
        click.echo(f"{total}; nothing was removed", err=True)
        return CommandResult(0)
    if not options.yes:
        if not sys.stdin.isatty():
            raise UsageError("there is no terminal to ask on", "Pass --yes to remove these runs.")
        if not click.confirm(f"Remove {total}?", err=True):
            click.echo("nothing was removed", err=True)
            return CommandResult(0)
    return _remove(found)


def _remove(found: list[tuple[KeptRun, RunSummary]]) -> CommandResult:
    from dx_local.engine.history.cleaning import remove_run
    from dx_local.sizes import size_text

    removed = [summary.size for run, summary in found if remove_run(run)]
    click.echo(f"removed {_count(len(removed))}, {size_text(sum(removed))}", err=True)
    return CommandResult(0)


def _list(found: list[tuple[KeptRun, RunSummary]]) -> None:
    from dx_local.sizes import size_text
    from dx_local.ui.results.tables import print_table

    rows = [(run.name, summary.state, size_text(summary.size)) for run, summary in found]
    print_table(rows, right=(2,))


def _count(number: int) -> str:
    return f"{number} run{'s' if number != 1 else ''}"
