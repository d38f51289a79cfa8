"""Print the outcomes of test cases: one line each, and the differences of those that failed."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from dx_app_wizard.console.text import plain
from dx_local.engine.session import Observer
from dx_local.ui.display.github_lines import annotation
from dx_local.ui.fitting import time_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_local.engine.cases.case_files import Case
    from dx_local.engine.cases.case_run import CaseOutcome

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
            click.echo(f"      {self._name} …", nl=False, err=True)

    def _clear(self) -> None:
        if self._name and sys.stderr.isatty():
            click.echo("\r\x1b[K", nl=False, err=True)


def print_outcome(outcome: CaseOutcome, width: int) -> None:
    """Print the outcome of a case; `width` is the length of the longest name."""
    state, color = ("pass", "green") if outcome.has_passed else ("FAIL", "red")
    line = f"{outcome.case.name:{width}}  {time_text(outcome.seconds)}"
    click.echo(f"{click.style(state, fg=color)}  {plain(line)}")
    lines = outcome.lines()
    if outcome.explanation:
        lines = outcome.explanation.splitlines()
    for text in _shortened(lines):
        click.echo(f"      {plain(text)}")
    if outcome.folder:
        click.echo(f"      folder of this run: {plain(str(outcome.folder))}")
    for path in outcome.written:
        click.echo(f"      wrote {plain(str(path))}")
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


def _shortened(lines: list[str]) -> list[str]:
    """Return at most as many lines as one reads, the end of which is the most important part."""
    if len(lines) <= _MOST_LINES:
        return lines
    return [*lines[: _MOST_LINES - 1], f"and {len(lines) - _MOST_LINES + 1} more lines"]
