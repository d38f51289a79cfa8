"""Read the lines of an interview from a pipe, a file or a terminal.

Prompts go to stderr. The end of input raises EOFError, Ctrl-C raises KeyboardInterrupt.
"""

from __future__ import annotations

import codecs
import io
import os
import select
import sys
from typing import TYPE_CHECKING, Protocol

import click

if TYPE_CHECKING:
    from dx_app_wizard.interview.prompts import Prompt

SILENCE_SECONDS = 1.0
"""After this time without a byte, a pipe counts as empty."""


class Prompter(Protocol):
    """Asks for one line at a time."""

    def ask(self, prompt: Prompt) -> str:
        """Return the line that answers prompt, without its line ending."""

    def confirm(self, prompt: Prompt) -> str:
        """Like ask, for a prompt that the official wizard does not have."""

    def say(self, text: str) -> None:
        """Show text."""

    def error(self, text: str) -> None:
        """Show what is wrong with the last line."""


class LinePrompter:
    """Reads plain lines from a file descriptor: a pipe or file, or a terminal that can do no more.

    A pipe that stays silent for `silence` seconds has ended. `started` tells whether there was any line;
    before the first one, nothing is said.
    """

    def __init__(self, descriptor: int, silence: float | None) -> None:
        self.started = False
        self._descriptor = descriptor
        self._silence = silence
        self._buffer = b""

    @property
    def is_pipe(self) -> bool:
        """Whether there is nobody to correct a wrong answer, nor to look at a review."""
        return self._silence is not None

    def ask(self, prompt: Prompt) -> str:
        """Return the next line; an empty one, and take none, when it belongs to another prompt."""
        if self.is_pipe and not self.started:
            self._peek()
            self.started = True
        # At a terminal, the answer is typed beside the prompt.
        words = " ".join(part for part in (prompt.step, prompt.text) if part)
        click.echo(words if self.is_pipe else f"{words} ", err=True, nl=self.is_pipe)
        if self.is_pipe and prompt.accepts is not None and not prompt.accepts(self._peek()):
            return ""
        line = self._peek()
        _, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def confirm(self, prompt: Prompt) -> str:
        """Return the next line."""
        return self.ask(prompt)

    def say(self, text: str) -> None:
        """Print text to stderr."""
        click.echo(text, err=True)

    def error(self, text: str) -> None:
        """Print text to stderr."""
        self.say(text)

    def has_lines(self, count: int) -> bool:
        """Tell whether there are so many lines before the input ends or falls silent; take none."""
        while self._buffer.count(b"\n") < count:
            block = os.read(self._descriptor, 65536) if self._readable() else b""
            if not block:
                break
            self._buffer += block
        return len(self._buffer.splitlines()) >= count

    def _peek(self) -> str:
        """Return the next line, and leave it where it is; raise EOFError when there is none."""
        while b"\n" not in self._buffer:
            block = os.read(self._descriptor, 65536) if self._readable() else b""
            if not block and not self._buffer:
                raise EOFError
            self._buffer += block or b"\n"
        line = self._buffer.partition(b"\n")[0]
        return line.removesuffix(b"\r").decode(errors="surrogateescape")

    def _readable(self) -> bool:
        return bool(select.select([self._descriptor], [], [], self._silence)[0])


def choose_prompter() -> Prompter | None:
    """Return the prompter for stdin and stderr; None without stdin, or if prompts would be invisible."""
    try:
        descriptor = sys.stdin.fileno()
    except (AttributeError, ValueError, io.UnsupportedOperation):
        return None
    if not os.isatty(descriptor):
        return LinePrompter(descriptor, SILENCE_SECONDS)
    if not sys.stderr.isatty():
        return None
    _use_utf8()
    if os.environ.get("TERM", "dumb") in ("dumb", "unknown"):
        return LinePrompter(descriptor, None)
    # prompt_toolkit takes a while to import.
    from dx_app_wizard.interview.terminal import TerminalPrompter

    return TerminalPrompter()


def _use_utf8() -> None:
    """Read and write UTF-8 if the locale is ASCII: nearly all terminals display it."""
    for stream in (sys.stdin, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and codecs.lookup(stream.encoding).name == "ascii":
            stream.reconfigure(encoding="utf-8")
