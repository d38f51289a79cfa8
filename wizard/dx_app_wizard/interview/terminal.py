"""A prompter for a terminal: line editing, a menu that filters as one types, a hint below the field.

Programs written for the official wizard drive a terminal, too: they know its prompts only. A program writes
whole lines at once, a person does not; prompts that the official wizard does not have take a program's
silence for an empty line.
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
"""After this time without an answer, a program that drives the terminal does not know the prompt."""

_FASTEST_TYPING_SECONDS = 0.01
"""No person sustains less time per character."""

_LONG_ENOUGH_TO_TELL = 3
_KEYS = "? help, < back"
_MENU_ROWS = 7
# questionary's colours are made for dark terminals; these are readable on any.
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
    """Asks a person, or a program, at the terminal of stdin and stderr."""

    def __init__(self) -> None:
        self._whole_lines = 0
        self._typed_lines = 0

    def ask(self, prompt: Prompt) -> str:
        """Return the line typed; wait as long as it takes, but for a prompt that a program may not know."""
        unknown = prompt.accepts is not None and self._driven()
        return self._ask(prompt, PATIENCE_SECONDS if unknown else None)

    def confirm(self, prompt: Prompt) -> str:
        """Return the line typed, or an empty one when a program does not answer."""
        if not self._driven():
            return self._ask(prompt, None)
        self.say(f"A program seems to type: without an answer, the app is written in {PATIENCE_SECONDS:g} s.")
        line = self._ask(prompt, PATIENCE_SECONDS)
        if line:
            # No such program would answer this.
            self._whole_lines = 0
        return line

    def say(self, text: str) -> None:
        """Print text to stderr, wrapped at words."""
        click.echo(_wrapped(text), err=True)

    def error(self, text: str) -> None:
        """Print text to stderr, in red where colours are welcome."""
        colour = None if "NO_COLOR" in os.environ else "red"
        click.secho(_wrapped(text), err=True, fg=colour)

    def _driven(self) -> bool:
        return self._whole_lines > self._typed_lines

    def _ask(self, prompt: Prompt, patience: float | None) -> str:
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
                key_bindings=_menu_keys(prompt.choices),
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

        def lose_patience() -> None:
            if application.is_running and not changes:
                application.exit(result="")

        def start() -> None:
            if prompt.choices and prompt.unfold:
                buffer.start_completion()
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


class _Menu(Completer):
    """Offers the choices that match what is typed."""

    def __init__(self, choices: tuple[Choice, ...]) -> None:
        self._choices = choices

    def get_completions(self, document: Document, _event: CompleteEvent) -> Iterator[Completion]:
        """Yield the choices that match, with their meaning beside them."""
        typed = document.text_before_cursor
        for choice in matching(self._choices, typed):
            yield Completion(choice.text, start_position=-len(typed), display_meta=choice.meaning)


def _menu_keys(choices: tuple[Choice, ...]) -> KeyBindings:
    """Return keys for the menu: Down unfolds it; Enter fills the only match in, and a second one takes it."""
    keys = KeyBindings()

    def only_match() -> Choice | None:
        buffer = get_app().current_buffer
        found = matching(choices, buffer.text) if buffer.text.strip() else []
        exact = any(choice.text.lower() == buffer.text.strip().lower() for choice in found)
        return found[0] if len(found) == 1 and not exact else None

    @keys.add("enter", filter=Condition(lambda: only_match() is not None))
    def _fill_in(event: KeyPressEvent) -> None:
        match = only_match()
        if match is not None:
            event.current_buffer.document = Document(match.text, len(match.text))

    @keys.add("down", filter=Condition(lambda: get_app().current_buffer.complete_state is None))
    def _unfold(event: KeyPressEvent) -> None:
        event.current_buffer.start_completion(select_first=False)

    return keys


def _with_hint(layout: Layout, hint: str) -> Layout:
    """Put a hint below everything until the prompt is answered.

    A bottom toolbar of prompt_toolkit would need the terminal to report where its cursor is; programs that
    drive a terminal give no such reports.
    """
    below = Window(FormattedTextControl(hint), style="class:hint", dont_extend_height=True)
    container = HSplit([layout.container, ConditionalContainer(below, ~is_done)])
    return Layout(container, layout.current_window)


def _wrapped(text: str) -> str:
    """Break what does not fit on a line of the terminal; keep all other lines as they are."""
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
