"""A prompter for a terminal, with line editing, a menu that filters while typing, and a hint below the field.

Programs written for the official wizard, such as expect scripts, drive a terminal too, but answer only its
prompts. They are recognised because they write whole lines at once. A prompt that the official wizard does
not have treats the silence of such a program as an empty line.
"""

from __future__ import annotations

import os
import sys
import textwrap
import time
from typing import TYPE_CHECKING, Any

import click
import questionary
from prompt_toolkit.application import get_app
from prompt_toolkit.completion import Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition, is_done
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.layout import ConditionalContainer, FormattedTextControl, HSplit, Layout, Window
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style

from dx_app_wizard.interview.prompts import matching

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.key_binding import KeyPressEvent

    from dx_app_wizard.answers.choices import Choice
    from dx_app_wizard.interview.prompts import Prompt

PATIENCE_SECONDS = 2.0
"""Seconds without an answer after which a program that drives the terminal seems not to expect the prompt."""

_FASTEST_TYPING_SECONDS = 0.01
"""Seconds per character; no person types whole lines faster."""

_SHORTEST_TELLING_LINE = 3
_KEYS = "? help, < back"
_MENU_ROWS = 7
# questionary's colours are made for dark terminals; these are readable on light ones too.
_STYLE = Style(
    [
        ("qmark", "fg:default nobold dim"),
        ("question", "bold"),
        ("answer", "fg:ansicyan nobold"),
        ("hint", "dim"),
        ("completion-menu", "bg:default fg:default"),
        ("completion-menu.completion", "bg:default fg:default"),
        ("completion-menu.completion.current", "bg:default fg:ansicyan reverse"),
        ("completion-menu.meta.completion", "bg:default fg:default dim"),
        ("completion-menu.meta.completion.current", "bg:default fg:ansicyan reverse nodim"),
    ]
)


class TerminalPrompter:
    """A prompter for a person, or a program, at the terminal of stdin and stderr."""

    def __init__(self) -> None:
        self._whole_lines = 0
        self._typed_lines = 0

    def ask(self, prompt: Prompt) -> str:
        """Return the line; wait without limit, unless a program may not expect this prompt."""
        is_unexpected = prompt.accepts is not None and self._is_driven()
        return self._ask(prompt, PATIENCE_SECONDS if is_unexpected else None)

    def confirm(self, prompt: Prompt) -> str:
        """Return the line, or an empty one if a program does not answer."""
        if not self._is_driven():
            return self._ask(prompt, None)
        self.say(
            f"A program seems to answer; without an answer, the app is written in {PATIENCE_SECONDS:g} s."
        )
        line = self._ask(prompt, PATIENCE_SECONDS)
        if line:
            # Programs for the official wizard do not answer this prompt, so this is a person.
            self._whole_lines = 0
        return line

    def introduce(self, text: str) -> None:
        """Print text to stderr, as `say` does."""
        self.say(text)

    def say(self, text: str) -> None:
        """Print text to stderr, wrapped at words."""
        click.echo(_wrapped(text), err=True)

    def error(self, text: str) -> None:
        """Print text to stderr, in red unless NO_COLOR is set."""
        colour = None if "NO_COLOR" in os.environ else "red"
        click.secho(_wrapped(text), err=True, fg=colour)

    def _is_driven(self) -> bool:
        return self._whole_lines > self._typed_lines

    def _ask(self, prompt: Prompt, timeout: float | None) -> str:
        output = Vt100_Output.from_pty(
            sys.stderr, term=os.environ.get("TERM"), default_color_depth=ColorDepth.from_env()
        )
        output.enable_cpr = False
        common: dict[str, Any] = {
            "qmark": prompt.step or ">",
            "style": _STYLE,
            "output": output,
        }
        if prompt.choices:
            question = questionary.autocomplete(
                prompt.text,
                [],
                completer=_Menu(prompt.choices),
                key_bindings=_menu_keys(prompt),
                complete_while_typing=Condition(lambda: prompt.unfold or bool(get_app().current_buffer.text)),
                reserve_space_for_menu=1 + min(len(prompt.choices), _MENU_ROWS),
                **common,
            )
        else:
            question = questionary.text(prompt.text, **common)
        application = question.application
        hint = _wrapped(f"{prompt.hint} ({_KEYS})" if prompt.hint else _KEYS)
        application.layout = _with_hint(application.layout, hint)
        buffer = application.current_buffer
        changes: list[float] = []
        buffer.on_text_changed += lambda _: changes.append(time.monotonic())

        def give_up() -> None:
            if application.is_running and not changes:
                application.exit(result="")

        def start() -> None:
            if prompt.choices and prompt.unfold:
                buffer.start_completion()
            if timeout is not None and application.loop is not None:
                application.loop.call_later(timeout, give_up)

        line = str(application.run(pre_run=start))
        self._count_line(line, changes)
        return line

    def _count_line(self, line: str, changes: list[float]) -> None:
        """Count a line as typed or as written at once; short lines are not counted, pasted ones are typed."""
        if len(line) < _SHORTEST_TELLING_LINE:
            return
        at_once = len(changes) >= len(line) and changes[-1] - changes[0] < _FASTEST_TYPING_SECONDS * len(line)
        self._whole_lines += at_once
        self._typed_lines += not at_once


class _Menu(Completer):
    """A menu of the choices that match the typed text."""

    def __init__(self, choices: tuple[Choice, ...]) -> None:
        self._choices = choices

    def get_completions(self, document: Document, _event: CompleteEvent) -> Iterator[Completion]:
        """Yield the matching choices with their meanings."""
        typed = document.text_before_cursor
        for choice in matching(self._choices, typed):
            yield Completion(choice.text, start_position=-len(typed), display_meta=choice.meaning)


def _menu_keys(prompt: Prompt) -> KeyBindings:
    """Return the keys of the menu: Down opens it, Enter takes the choice that the text means."""
    keys = KeyBindings()

    def meant() -> Choice | None:
        return prompt.meant(get_app().current_buffer.text)

    @keys.add("enter", filter=Condition(lambda: meant() is not None))
    def _take(event: KeyPressEvent) -> None:
        choice = meant()
        if choice is not None:
            # The complete text is what the terminal keeps, so that it shows what was taken.
            event.current_buffer.document = Document(choice.text, len(choice.text))
            event.current_buffer.validate_and_handle()

    @keys.add("down", filter=Condition(lambda: get_app().current_buffer.complete_state is None))
    def _unfold(event: KeyPressEvent) -> None:
        event.current_buffer.start_completion(select_first=False)

    return keys


def _with_hint(layout: Layout, hint: str) -> Layout:
    """Show a hint below the prompt until it is answered.

    prompt_toolkit's bottom toolbar needs a terminal that reports its cursor position; programs that drive a
    terminal do not.
    """
    below = Window(FormattedTextControl(hint), style="class:hint", dont_extend_height=True)
    container = HSplit([layout.container, ConditionalContainer(below, ~is_done)])
    return Layout(container, layout.current_window)


def _wrapped(text: str) -> str:
    """Wrap lines that are wider than the terminal, and keep all others."""
    width = os.get_terminal_size(sys.stderr.fileno()).columns or 80
    lines = [
        part
        for line in text.split("\n")
        for part in (
            [line]
            if len(line) < width
            else textwrap.wrap(line, width - 1, break_long_words=False, break_on_hyphens=False)
        )
    ]
    return "\n".join(lines)
