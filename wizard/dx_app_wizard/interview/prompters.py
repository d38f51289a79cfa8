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
"""Seconds without a byte after which a pipe counts as empty."""


class Prompter(Protocol):
    """An object that asks for one line at a time."""

    def ask(self, prompt: Prompt) -> str:
        """Return the line that answers prompt, without its line ending."""

    def confirm(self, prompt: Prompt) -> str:
        """Return the line that answers a prompt which the official wizard does not have."""

    def introduce(self, text: str) -> None:
        """Print an explanation of the next prompt, if a person reads it."""

    def say(self, text: str) -> None:
        """Print text."""

    def error(self, text: str) -> None:
        """Print the error in the last line."""


class LinePrompter:
    """A prompter for plain lines from a pipe, a file, or a terminal without cursor control.

    A pipe without data for `silence` seconds counts as ended; None means a terminal. `started` is true once a
    line was read; nothing is printed before.
    """

    def __init__(self, descriptor: int, silence: float | None) -> None:
        self.started = False
        self._descriptor = descriptor
        self._silence = silence
        self._buffer = b""

    @property
    def is_pipe(self) -> bool:
        """True if the lines come from a program, which cannot correct an answer or read a review."""
        return self._silence is not None

    def ask(self, prompt: Prompt) -> str:
        """Return the next line; if it is for the next prompt, leave it there and return an empty one."""
        if self.is_pipe and not self.started:
            self._peek()
            self.started = True
        # At a terminal, the answer is typed after the prompt, on the same line.
        text = " ".join(part for part in (prompt.step, prompt.text) if part)
        click.echo(text if self.is_pipe else f"{text} ", err=True, nl=self.is_pipe)
        if self.is_pipe and prompt.accepts is not None and not prompt.accepts(self._peek()):
            return ""
        line = self._peek()
        _, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def confirm(self, prompt: Prompt) -> str:
        """Return the next line."""
        return self.ask(prompt)

    def introduce(self, text: str) -> None:
        """Print text to stderr, unless the lines come from a pipe."""
        if not self.is_pipe:
            self.say(text)

    def say(self, text: str) -> None:
        """Print text to stderr."""
        click.echo(text, err=True)

    def error(self, text: str) -> None:
        """Print text to stderr."""
        self.say(text)

    def has_lines(self, count: int) -> bool:
        """Return whether count lines arrive before the input ends or pauses; consume none of them."""
        while self._buffer.count(b"\n") < count:
            block = os.read(self._descriptor, 65536) if self._readable() else b""
            if not block:
                break
            self._buffer += block
        return len(self._buffer.splitlines()) >= count

    def _peek(self) -> str:
        """Return the next line without consuming it; raise EOFError if there is none."""
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
