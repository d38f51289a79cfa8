"""Print the outcomes of test cases: one line each, and the differences of those that failed."""

from __future__ import annotations

import os
import sys
from shutil import get_terminal_size
from typing import TYPE_CHECKING

import click

from dx_app_wizard.console.text import plain
from dx_local.engine.session import Observer
from dx_local.ui.display.github_lines import annotation
from dx_local.ui.fitting import time_text
from dx_local.ui.results.failure_block import BlockSpace, failure_block

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_local.engine.cases.case_files import Case
    from dx_local.engine.cases.case_run import CaseOutcome
    from dx_local.ui.results.failure_block import GoingOn

_INDENT = " " * 6
_MOST_LINES = 12


class CaseMessages(Observer):
    """Prints each message for the user once, and on a terminal the name of the case that runs."""

    def __init__(self) -> None:
        self._printed: set[str] = set()
        self._name = ""

    def begin(self, case: Case) -> None:
        """Show that a case runs."""
        self._name = case.name
        self._show()

    def end(self) -> None:
        """Remove the line that `begin` has shown."""
        self._clear()
        self._name = ""

    def announce(self, message: str) -> None:
        """Print a message that was not printed before."""
        if message not in self._printed:
            self._printed.add(message)
            self._clear()
            click.echo(plain(message), err=True)
            self._show()

    def _show(self) -> None:
        if self._name and sys.stderr.isatty():
            click.echo(f"{_INDENT}{self._name} …", nl=False, err=True)

    def _clear(self) -> None:
        if self._name and sys.stderr.isatty():
            click.echo("\r\x1b[K", nl=False, err=True)


def print_outcome(outcome: CaseOutcome, width: int, going_on: GoingOn | None) -> None:
    """Print the outcome of a case; `width` is the length of the longest name.

    `going_on` has the ways to go on after a failure of the job that was not expected.
    """
    state, color = ("pass", "green") if outcome.has_passed else ("FAIL", "red")
    line = f"{outcome.case.name:{width}}  {time_text(outcome.seconds)}"
    click.echo(f"{click.style(state, fg=color)}  {plain(line)}")
    if outcome.failure and going_on:
        above, cause = failure_block(outcome.failure, going_on, BlockSpace(_columns()))
        lines = [*above, *cause]
    else:
        lines = _shortened(outcome.lines())
    for text in lines:
        click.echo(f"{_INDENT}{plain(text)}")
    if outcome.folder and not outcome.failure:
        click.echo(f"{_INDENT}folder of this run: {plain(str(outcome.folder))}")
    for path in outcome.written:
        click.echo(f"{_INDENT}wrote {plain(str(path))}")
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for difference in outcome.differences:
            position = outcome.case.document.position(difference.path)
            click.echo(
                annotation(
                    f"test case {outcome.case.name}",
                    "\n".join(difference.lines()),
                    outcome.case.path,
                    position.line if position else 1,
                ),
                err=True,
            )


def print_counts(outcomes: Sequence[CaseOutcome], seconds: float) -> None:
    """Print how many cases passed, failed and were updated."""
    failed = sum(not outcome.has_passed for outcome in outcomes)
    updated = sum(outcome.has_passed and bool(outcome.written) for outcome in outcomes)
    passed = len(outcomes) - failed - updated
    counts = {"passed": passed, "failed": failed, "updated": updated}
    parts = [f"{count} {word}" for word, count in counts.items() if count]
    click.echo(f"{', '.join(parts)} in {time_text(seconds)}")


def _columns() -> int | None:
    """Return the columns of the terminal behind the indent, or None if stdout is none."""
    return get_terminal_size().columns - len(_INDENT) if sys.stdout.isatty() else None


def _shortened(lines: list[str]) -> list[str]:
    """Return the first lines, and the number of the others."""
    if len(lines) <= _MOST_LINES:
        return lines
    return [*lines[: _MOST_LINES - 1], f"and {len(lines) - _MOST_LINES + 1} more lines"]
