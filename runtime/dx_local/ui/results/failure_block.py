"""Arrange the report on a failed run so that it fits the end of a screen, with the cause last.

process[57], the last lines of its log (all 214: dx-local logs 'process[57]')
| ZeroDivisionError: integer division or modulo by zero
input     piece=piece-0057 (1.2 KiB)   k=31
others    101 of 202 jobs done, 18 ended with it, 82 not started
again     dx-local rerun 'process[57]'   this job alone, with your edits
report    test-job-workspaces/2026-11-29T16-02-11/report.html
error: main → process[57] failed: AppInternalError
ZeroDivisionError: integer division or modulo by zero
at src/count-kmers.py:41
return {"lines": 1 // 0, "characters": sum(lengths)}
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import click

from dx_app_wizard.console.text import plain
from dx_local.ui.fitting import cut, fold, rows_of, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_local.engine.reports.failure_report import FailureReport

CAUSE_STARTS = "error: "
"""The beginning of the line with the job that failed."""

MOST_ROWS = 16
"""The most rows of a block; with a prompt, they fit any terminal."""

_LEAST_ROWS, _LEAST_COLUMNS = 5, 20
_UNLIMITED = 2000  # columns; even in a file, a longer line helps nobody
_KEY_COLUMNS = 10
_TAB = 4
_ENOUGH_LINES = 10
_FIRST_LOG_LINES = 3
_FIRST_MESSAGE_ROWS, _MOST_MESSAGE_ROWS = 3, 4


class Command(NamedTuple):
    """A command to go on with, and what it is good for."""

    text: str
    purpose: str


@dataclass(frozen=True)
class GoingOn:
    """Ways to go on after a failure.

    `logs` is the command that prints the log of the job, or else the path of that log; `place` is the path of
    the run's report, or of its folder.
    """

    commands: tuple[Command, ...]
    logs: str
    place: tuple[str, str]
    """The name of the row, `report` or `folder`, and the path."""


@dataclass(frozen=True)
class BlockSpace:
    """The columns and rows for a block; `columns` is None if lines can have any length."""

    columns: int | None
    rows: int = MOST_ROWS

    @property
    def width(self) -> int:
        """The columns for text that is folded or cut."""
        return _UNLIMITED if self.columns is None else max(self.columns, _LEAST_COLUMNS)

    def rows_of(self, lines: Sequence[str]) -> int:
        """Return the rows that lines take."""
        return sum(rows_of(line, self.width) for line in lines)


class FailureBlock(NamedTuple):
    """The lines above the cause, and those of the cause, which begin with `error: `."""

    above: list[str]
    cause: list[str]


def failure_block(
    report: FailureReport, going_on: GoingOn, space: BlockSpace, *, lines_shown: int = 0
) -> FailureBlock:
    """Return the block; parts that do not fit are left out, the least useful first.

    `lines_shown` is the number of the log's last lines that are on the screen already; they are not repeated.
    """
    return _Layout(report, going_on, space, lines_shown).block()


def show_failure(report: FailureReport, going_on: GoingOn, *, lines_shown: int) -> None:
    """Print the block on stderr; see `failure_block`."""
    above, cause = failure_block(report, going_on, _space(), lines_shown=lines_shown)
    start = click.style(CAUSE_STARTS, fg="red", bold=True)
    text = "\n".join([*above, start + cause[0].removeprefix(CAUSE_STARTS), *cause[1:]])
    click.echo(text, err=True)


def _space() -> BlockSpace:
    """Return the space in the terminal; lines in files, and in terminals without a size, have no limit."""
    if not sys.stderr.isatty():
        return BlockSpace(None)
    columns, rows = os.get_terminal_size(sys.stderr.fileno())
    return BlockSpace(columns, rows - 2) if columns and rows else BlockSpace(None)


class _Message(NamedTuple):
    """The rows of a message, the number of the line that each row is a part of, and the number of lines."""

    texts: list[str]
    numbers: list[int]
    lines: int

    def first(self, rows: int, width: int) -> list[str]:
        """Return so many rows, the last one with a mark if others are left out."""
        if rows >= len(self.texts) or not rows:
            return self.texts
        *before, last = self.texts[:rows]
        number = self.numbers[rows - 1]
        is_a_start = rows == 1 or self.numbers[rows - 2] != number
        left_out = self.lines - number - (not is_a_start)
        if rows == 1 or left_out < 1 or number == self.lines - 1:
            return [*before, cut(f"{last} …", width)]
        return [*before, f"  … {left_out:,} more line{'s' if left_out > 1 else ''}"]


class _Layout:
    """Distributes the rows: every part has a place in the block and a turn to get its rows."""

    def __init__(self, report: FailureReport, going_on: GoingOn, space: BlockSpace, lines_shown: int) -> None:
        self._report = report
        self._going_on = going_on
        self._space = space
        self._width = space.width
        self._left = max(min(space.rows, MOST_ROWS), _LEAST_ROWS)
        self._lines_shown = lines_shown

    def block(self) -> FailureBlock:
        """Give each part its rows, the most useful first, and put the parts in their order."""
        error = self._given([self._error()])
        message = self._message()
        shown_rows = len(self._given(message.texts[:1]))
        source = self._if_it_fits(self._source())
        again = self._again()
        rerun = self._if_it_fits(again[:1])
        shown_rows += len(self._given(message.texts[1 : max(min(_FIRST_MESSAGE_ROWS, self._left), 0)]))
        log = self._log_lines()
        title = self._if_it_fits(self._title(log))
        place = self._if_it_fits([self._row(*self._going_on.place)])
        inputs = self._inputs()
        first_inputs = self._if_it_fits(inputs[:1])
        first_log = self._last_that_fit(log[-_FIRST_LOG_LINES:]) if title else []
        more_again = self._if_it_fits(again[1:])
        hint = self._if_it_fits(self._hint())
        others = self._if_it_fits(self._others())
        lint = self._if_it_fits(self._lint())
        more_inputs = self._if_it_fits(inputs[1:]) if first_inputs else []
        shown_rows += len(self._given(message.texts[shown_rows:][: max(self._left, 0)][:1]))
        more_log = self._last_that_fit(log[: len(log) - len(first_log)]) if title else []
        above = [*title, *more_log, *first_log, *first_inputs, *more_inputs, *others, *lint]
        cause = [*error, *message.first(shown_rows, self._width), *source, *hint]
        return FailureBlock([*above, *rerun, *more_again, *place], cause)

    def _last_that_fit(self, lines: list[str]) -> list[str]:
        return self._given(lines[-self._left :] if self._left > 0 else [])

    def _given(self, lines: list[str]) -> list[str]:
        self._left -= self._space.rows_of(lines)
        return lines

    def _if_it_fits(self, lines: list[str]) -> list[str]:
        return self._given(lines) if self._space.rows_of(lines) <= self._left else []

    def _error(self) -> str:
        report = self._report
        around = f"{CAUSE_STARTS} failed: {report.reason}"
        path = shorten(_one_line(report.job_path), max(self._width - len(around), _LEAST_COLUMNS))
        return f"{CAUSE_STARTS}{path} failed: {report.reason}"

    def _message(self) -> _Message:
        lines = plain(self._report.cause).strip().expandtabs(_TAB).splitlines()
        # More rows than these are never shown.
        few = [cut(line, self._width * (_MOST_MESSAGE_ROWS + 1)) for line in lines[: _MOST_MESSAGE_ROWS + 1]]
        folded = [(row, number) for number, line in enumerate(few) for row in fold(line, self._width - 2)]
        texts, numbers = [f"  {row}" for row, _ in folded], [number for _, number in folded]
        return _Message(texts, numbers, len(lines))

    def _source(self) -> list[str]:
        source = self._report.source
        if source is None:
            return []
        place = shorten(f"{_one_line(str(source.file))}:{source.number}", self._width - len("  at "))
        code = [self._cut(f"      {_one_line(source.text)}")] if source.text else []
        return [f"  at {place}", *code]

    def _hint(self) -> list[str]:
        hint = self._report.advice
        return [f"  {row}" for row in fold(f"hint: {hint}", self._width - 2)] if hint else []

    def _title(self, log: list[str]) -> list[str]:
        report, logs = self._report, self._going_on.logs
        if report.log_file is None:
            return []
        if not report.excerpt:
            return [self._row("log", "empty: the job printed nothing")]
        if not log:
            count = f"all {report.log_lines:,} lines" if report.log_lines > 1 else "its only line"
            line = self._row("log", f"above; {count}: {logs}")
            return [line if self._fits(line) else self._row("log", logs)]
        label = _one_line(report.subject.label)
        title = f"{label}, the last lines of its log (all {report.log_lines:,}: {logs})"
        if report.log_lines == 1:
            title = f"{label}, the only line of its log ({logs})"
        if self._fits(title):
            return [title]
        return [self._cut(f"{label}, the last lines of its log:"), self._row("log", logs)]

    def _log_lines(self) -> list[str]:
        report = self._report
        if self._lines_shown >= min(report.log_lines, _ENOUGH_LINES):
            return []
        return [self._cut(f"  | {_one_line(line)}") for line in report.excerpt]

    def _inputs(self) -> list[str]:
        """Return one or two rows with the inputs."""
        room = self._width - _KEY_COLUMNS
        texts = [cut(_one_line(text), room) for text in self._report.inputs]
        rows: list[str] = []
        for text in texts:
            if rows and self._fits(f"{' ' * _KEY_COLUMNS}{rows[-1]}   {text}"):
                rows[-1] += f"   {text}"
            else:
                rows.append(text)
        if len(rows) > 2:
            rows = [rows[0], cut(f"{rows[1]}   …", room)]
        return [self._row("" if number else "input", row) for number, row in enumerate(rows)]

    def _others(self) -> list[str]:
        others = self._report.others
        return [self._cut(self._row("others", others))] if others else []

    def _lint(self) -> list[str]:
        lines = self._report.finding_lines
        if not lines:
            return []
        more = f" ({len(lines) - 1} more)" if len(lines) > 1 else ""
        rows = fold(_one_line(f"{lines[0]}{more}"), self._width - _KEY_COLUMNS)
        return [self._row("" if number else "lint", row) for number, row in enumerate(rows)]

    def _again(self) -> list[str]:
        commands = [(plain(command.text), command.purpose) for command in self._going_on.commands]
        longest = max((len(text) for text, _ in commands), default=0)
        lines = []
        for number, (text, purpose) in enumerate(commands):
            key = "" if number else "again"
            line = self._row(key, f"{text.ljust(longest)}   {purpose}")
            lines.append(line if self._fits(line) else self._row(key, text))
        return lines

    def _row(self, key: str, text: str) -> str:
        return f"{key.ljust(_KEY_COLUMNS)}{plain(text)}"

    def _fits(self, line: str) -> bool:
        return rows_of(line, self._width) == 1

    def _cut(self, line: str) -> str:
        return cut(line, self._width)


def _one_line(text: str) -> str:
    """Return a text that is safe to print, without line breaks and tabs, whose width is known."""
    return plain(text).replace("\n", " ").expandtabs(_TAB)
