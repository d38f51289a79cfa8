"""Show a run on a terminal: a view that is redrawn in place, with the output of jobs above it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from dx_app_wizard.console.text import plain
from dx_local.ui.display.held_lines import HeldLines
from dx_local.ui.display.job_output import HELD_BACK, MANY_JOBS, MANY_LINES, LogGate, Logs, last_lines
from dx_local.ui.display.run_observer import DisplayOptions, RunObserver
from dx_local.ui.fitting import symbols_for

if TYPE_CHECKING:
    from dx_local.engine.executors.protocol import LogLine
    from dx_local.platform.core.states import Transition
    from dx_local.ui.display.frame import Space
    from dx_local.ui.display.redrawn_region import RedrawnRegion
    from dx_local.ui.fitting import Symbols

REDRAW_SECONDS = 0.25
"""The least time between two drawings."""

_FIRST_SECONDS = 0.1
_TICK_SECONDS = 1.0
_LEAST_COLUMNS, _LEAST_ROWS = 20, 3


@dataclass(frozen=True)
class _Waiting:
    """The reason for which jobs wait, and the time at which that began."""

    reason: str
    began: float

    @property
    def seconds(self) -> float:
        """The seconds since then."""
        return time.monotonic() - self.began

    def sign(self, symbols: Symbols) -> str:
        """Return the sign of a spinner, another one at each drawing."""
        return symbols.spinner[int(self.seconds / REDRAW_SECONDS) % len(symbols.spinner)]


class LiveView(RunObserver):
    """Draws at most four times a second; lines of jobs are printed together with the next drawing."""

    def __init__(self, options: DisplayOptions) -> None:
        super().__init__(options)
        self._gate = LogGate(options.logs, MANY_LINES)
        self._above: list[str] = []
        self._held = HeldLines()
        self._is_closed = False
        self._region: RedrawnRegion | None = None
        self._waiting: _Waiting | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._drawn = time.monotonic() - REDRAW_SECONDS + _FIRST_SECONDS

    def announce(self, message: str) -> None:
        """Print the message above the view."""
        self._print(plain(message))

    def wait_for(self, reason: str | None) -> None:
        """Show the reason with a spinner, until there is none; jobs that wait for it are in the view."""
        if reason:
            self._waiting = _Waiting(reason, time.monotonic())
        elif self._waiting is not None:
            self._print(f"{plain(self._waiting.reason)} {self._waiting.seconds:.0f} s")
            self._waiting = None
        self._schedule(REDRAW_SECONDS)

    def on_transition(self, transition: Transition) -> None:
        """Show a job's new state."""
        change = self.facts.apply(transition)
        if change and change.is_failure and self.options.logs is Logs.FAILED:
            lines = last_lines(self.platform, change.job.id)
            for line in lines:
                self._print(f"{plain(change.job.label)} | {line}")
            self.note_all_shown(change.job.id)
        self._schedule(REDRAW_SECONDS)

    def on_log(self, line: LogLine) -> None:
        """Show a log line above the view, unless there are too many, and as the last line of its job."""
        job = self.facts.job(line.job_id)
        if job is None or self.is_noise(line):
            return
        job.last_line = line.message[:500]
        is_calm = len(self.facts.running) <= MANY_JOBS
        is_shown = self._gate.lets_pass(self.facts.now, is_calm=is_calm)
        self.note_shown(job.id, is_shown=is_shown)
        if is_shown:
            self._print(f"{plain(job.label)} | {plain(line.message)}")

    def hold(self) -> None:
        """Print what is to be above the view, and remove the view."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        above, self._above = self._above, []
        if self._region is not None:
            self._region.clear(above)
        else:
            for text in above:
                click.echo(text, err=True)
        self._held.hold()

    def release(self) -> None:
        """Draw the view again, below the lines that were held back."""
        self._above += self._held.release()
        self._schedule(REDRAW_SECONDS)

    def on_close(self) -> None:
        """Draw the last state, which stays on the screen."""
        if self._timer is not None:
            self._timer.cancel()
        if self.facts.jobs:
            self._draw()
        if self._region is not None:
            self._region.close()
        self._is_closed = True

    def _note(self, space: Space) -> str:
        if self._waiting is not None:
            return f"{self._waiting.sign(space.symbols)} {plain(self._waiting.reason)}"
        return f"({HELD_BACK})" if self._gate.held_back else ""

    def _print(self, text: str) -> None:
        if self._held.is_holding:
            self._held.add(text)
            return
        if not self.facts.jobs or self._is_closed:
            click.echo(text, err=True)
            return
        self._above.append(text)
        self._schedule(REDRAW_SECONDS)

    def _schedule(self, seconds: float) -> None:
        """Draw when this time has passed since the last drawing, or earlier if that is planned already."""
        if self._held.is_holding:
            return
        due = max(time.monotonic(), self._drawn + seconds)
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
        self._due = due
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(due - time.monotonic(), self._draw_and_tick)

    def _draw_and_tick(self) -> None:
        self._timer = None
        self._draw()
        self._schedule(REDRAW_SECONDS if self._waiting else _TICK_SECONDS)

    def _draw(self) -> None:
        from rich.console import Console

        from dx_local.ui.display.frame import Space, frame
        from dx_local.ui.display.redrawn_region import RedrawnRegion

        if self._region is None:
            self._console = Console(stderr=True, highlight=False, markup=False, emoji=False)
            self._region = RedrawnRegion(self._console)
        columns, rows = self._console.size
        space = Space(
            max(columns - 1, _LEAST_COLUMNS), max(rows - 2, _LEAST_ROWS), symbols_for(self._console.encoding)
        )
        lines = frame(self.facts, space, self._note(space))
        above, self._above = self._above, []
        self._region.draw(above, lines)
        self._drawn = time.monotonic()
