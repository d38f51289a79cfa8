"""Show a run as lines without control codes, for pipes, files and terminals that cannot draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from dx_app_wizard.console.text import plain
from dx_local.ui.display.held_lines import HeldLines
from dx_local.ui.display.job_output import HELD_BACK, MANY_JOBS, LogGate, Logs, last_lines
from dx_local.ui.display.run_observer import DisplayOptions, RunObserver
from dx_local.ui.fitting import clock_text
from dx_local.ui.outcomes import SHOWN_STATES

if TYPE_CHECKING:
    from dx_local.engine.executors.protocol import LogLine
    from dx_local.platform.core.states import Transition
    from dx_local.ui.display.run_facts import Change, EntryPointFacts

MANY_OF_A_KIND = 50
"""The number of jobs of an entry point above which their changes are counted instead of listed."""

_SECONDS_BETWEEN = 30


@dataclass
class _LastLine:
    """The last line on an entry point with many jobs: the tenths that had ended, and the time."""

    tenths: int = 0
    seconds: float = 0.0


class PlainLines(RunObserver):
    """Prints one line per change and per log line; of entry points with many jobs, counts now and then."""

    def __init__(self, options: DisplayOptions) -> None:
        super().__init__(options)
        self._gate = LogGate(options.logs)
        self._last_lines: dict[int, _LastLine] = {}
        self._held = HeldLines()

    def announce(self, message: str) -> None:
        """Print the message."""
        self.print(message)

    def on_transition(self, transition: Transition) -> None:
        """Print a line for an interesting state."""
        change = self.facts.apply(transition)
        if change is None or change.after not in SHOWN_STATES:
            return
        entry_point = change.job.entry_point
        if change.is_failure or entry_point.total <= MANY_OF_A_KIND:
            self._print_timed(f"{change.job.label} {change.after.value}{change.details}{_cause(change)}")
        if entry_point.total > MANY_OF_A_KIND:
            self._print_counts_if_due(entry_point)
        self.show_output(change)

    def on_log(self, line: LogLine) -> None:
        """Print a log line with the job's label, unless too many jobs run."""
        job = self.facts.job(line.job_id)
        if job is None or self.is_noise(line):
            return
        is_calm = len(self.facts.running) <= MANY_JOBS and job.entry_point.total <= MANY_OF_A_KIND
        was_complete = not self._gate.held_back
        is_shown = self._gate.lets_pass(self.facts.now, is_calm=is_calm)
        self.note_shown(job.id, is_shown=is_shown)
        if is_shown:
            self.print(f"{job.label} | {line.message}")
        elif was_complete and self._gate.held_back:
            self.print(HELD_BACK)

    def show_output(self, change: Change) -> None:
        """Print the output of a failed job if only that of failed jobs is wanted."""
        if change.is_failure and self.options.logs is Logs.FAILED:
            lines = last_lines(self.platform, change.job.id)
            for line in lines:
                self.print(f"{change.job.label} | {line}")
            self.note_all_shown(change.job.id)

    def hold(self) -> None:
        """Hold lines back from now on."""
        self._held.hold()

    def release(self) -> None:
        """Print the lines that were held back, and others as they come."""
        for text in self._held.release():
            click.echo(text, err=True)

    def print(self, text: str) -> None:
        """Print a line on stderr, unless lines are held back."""
        if self._held.is_holding:
            self._held.add(plain(text))
        else:
            click.echo(plain(text), err=True)

    def _print_timed(self, text: str) -> None:
        self.print(f"{self.facts.now:7.2f}s {text}")

    def _print_counts_if_due(self, entry_point: EntryPointFacts) -> None:
        last = self._last_lines.setdefault(id(entry_point), _LastLine(seconds=self.facts.now))
        tenths = 10 * entry_point.ended // entry_point.total
        # The share falls while jobs are added. A step of one back and forth is no news.
        if tenths < last.tenths - 1:
            last.tenths = tenths
        now = self.facts.now
        if tenths > last.tenths or now - last.seconds >= _SECONDS_BETWEEN:
            last.tenths, last.seconds = tenths, now
            self._print_timed(self._counts(entry_point))

    def _counts(self, entry_point: EntryPointFacts) -> str:
        facts = self.facts
        parts = [f"{facts.title(entry_point)} {entry_point.done:,}/{entry_point.total:,}"]
        parts += [f"{entry_point.running:,} running"] if entry_point.running else []
        parts += [f"{entry_point.failed:,} failed"] if entry_point.failed else []
        parts += [f"{clock_text(facts.seconds_left)} left"] if facts.seconds_left else []
        waiting = [
            f"; {facts.title(other)} waits for {other.waits_for[entry_point]:,} {facts.title(entry_point)}"
            for other in facts.entry_points.values()
            if other.total == 1 and other.waits_for[entry_point] > 0
        ]
        return ", ".join(parts) + "".join(waiting)


def _cause(change: Change) -> str:
    """Return the cause of a failure and its place, if there is one."""
    if not change.is_failure or change.job.failure is None:
        return ""
    place = f" at {change.job.place}" if change.job.place else ""
    return f": {change.job.failure.summary}{place}"
