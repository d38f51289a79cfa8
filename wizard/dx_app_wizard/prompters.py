"""Where the lines of an interview come from: a terminal, or plain lines from a pipe or file.

All talk goes to stderr. End of input raises EOFError, Ctrl-C raises KeyboardInterrupt.
"""

from __future__ import annotations

import os
import select
import sys
import time
from typing import TYPE_CHECKING, Protocol

import click

if TYPE_CHECKING:
    from dx_app_wizard.prompts import Prompt

SILENCE_SECONDS = 1.0
"""After this time without a byte, a pipe counts as empty."""

REVIEW_SECONDS = 2.0
"""After this time without an answer, a program that drives the terminal is taken to agree."""

_FASTEST_TYPING_SECONDS = 0.01
"""No person sustains less time per character."""

_LONG_ENOUGH_TO_TELL = 3


class Prompter(Protocol):
    """Asks for one line at a time."""

    def ask(self, prompt: Prompt) -> str:
        """Return the line that answers prompt, without its line ending."""

    def confirm(self, prompt: Prompt) -> str:
        """Like ask, for a prompt that the official wizard does not have."""

    def say(self, text: str) -> None:
        """Show text."""


class LinePrompter:
    """Reads plain lines from a file descriptor: a pipe or file, or a terminal that can do no more.

    A pipe that stays silent for `silence` seconds has ended. `started` tells whether there was any line.
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
        self.say(" ".join(part for part in (prompt.step, prompt.text) if part))
        if self.is_pipe and prompt.belongs is not None and not prompt.belongs(self._peek()):
            return ""
        line = self._peek()
        _, _, self._buffer = self._buffer.partition(b"\n")
        self.started = True
        return line

    def confirm(self, prompt: Prompt) -> str:
        """Return the next line."""
        return self.ask(prompt)

    def say(self, text: str) -> None:
        """Print text to stderr."""
        click.echo(text, err=True)

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


class TerminalPrompter:
    """Asks on a terminal, with completion.

    A program that drives the terminal writes whole lines at once, a person does not. Programs written for
    the official wizard wait for no review, so for them `confirm` takes silence for an empty line.
    """

    def __init__(self) -> None:
        self._whole_lines = 0
        self._typed_lines = 0

    def ask(self, prompt: Prompt) -> str:
        """Return the line typed; wait as long as it takes."""
        return self._ask(prompt, None)

    def confirm(self, prompt: Prompt) -> str:
        """Return the line typed, or an empty one when a program does not answer."""
        driven = self._whole_lines > self._typed_lines
        if driven:
            self.say(
                f"A program seems to type: without an answer, the app is written in {REVIEW_SECONDS:g} s."
            )
        return self._ask(prompt, REVIEW_SECONDS if driven else None)

    def say(self, text: str) -> None:
        """Print text to stderr."""
        click.echo(text, err=True)

    def _ask(self, prompt: Prompt, patience: float | None) -> str:
        import questionary
        from prompt_toolkit.output.vt100 import Vt100_Output
        from prompt_toolkit.styles import Style

        output = Vt100_Output.from_pty(sys.stderr, term=os.environ.get("TERM"))
        output.enable_cpr = False
        # questionary's answers are orange by default, which no light terminal shows well.
        style = Style(
            [("qmark", "fg:ansidefault"), ("question", "bold"), ("answer", "fg:ansidefault nobold")]
        )
        if prompt.choices:
            question = questionary.autocomplete(
                prompt.text, list(prompt.choices), qmark=prompt.step, style=style, output=output
            )
        else:
            question = questionary.text(prompt.text, qmark=prompt.step, style=style, output=output)
        application = question.application
        changes: list[float] = []
        application.current_buffer.on_text_changed += lambda _: changes.append(time.monotonic())

        def lose_patience() -> None:
            if application.is_running and not changes:
                application.exit(result="")

        def start() -> None:
            if patience is not None and application.loop is not None:
                application.loop.call_later(patience, lose_patience)

        line = str(application.run(pre_run=start))
        self._judge(line, changes)
        return line

    def _judge(self, line: str, changes: list[float]) -> None:
        """Count a line as typed or as written at once; a short one tells nothing, a pasted one is typed."""
        if len(line) < _LONG_ENOUGH_TO_TELL:
            return
        at_once = len(changes) >= len(line) and changes[-1] - changes[0] < _FASTEST_TYPING_SECONDS * len(line)
        self._whole_lines += at_once
        self._typed_lines += not at_once
