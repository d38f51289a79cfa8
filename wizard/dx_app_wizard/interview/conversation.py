"""A conversation that can be replayed: straight-line code asks, and known lines are not asked for again.

Going back, editing and resuming all work the same way: forget some lines, and run the same code again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from dx_app_wizard.errors import UserError, with_hint
from dx_app_wizard.interview.silent_prompter import SilentPrompter

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_app_wizard.interview.prompters import Prompter
    from dx_app_wizard.interview.prompts import Prompt

T = TypeVar("T")

HELP_LINE = "?"
BACK_LINE = "<"
ERASE_LINE = "-"


class GoBackError(Exception):
    """The user wants to answer the previous question again."""


class Conversation:
    """An exchange through a prompter; `lines` has the accepted line for each key.

    `changed` is called after each accepted line, so that it can be saved before anything else happens.
    """

    def __init__(
        self, prompter: Prompter, lines: dict[str, str], changed: Callable[[dict[str, str]], None]
    ) -> None:
        self.prompter = prompter
        self.lines = lines
        self._changed = changed
        self._passed: list[str] = []
        self._previous: dict[str, str] = {}

    def ask(self, key: str, prompt: Prompt, read: Callable[[str], T]) -> T:
        """Return the line for key, converted by read; ask again while read raises UserError.

        A known line that is no longer valid is asked for again.
        """
        if key in self.lines:
            try:
                value = read(self.lines[key])
            except UserError as error:
                self._reject(error)
                del self.lines[key]
            else:
                self._passed.append(key)
                return value
        return self._ask(key, prompt, read)

    def run(self, script: Callable[[], T]) -> T:
        """Run a script until it returns, and return its result; run it again after each step back."""
        while True:
            self._passed = []
            try:
                return script()
            except GoBackError:
                self.step_back()

    def step_back(self) -> None:
        """Forget the most recent line, if there is one."""
        if self._passed:
            self.forget(lambda key: key == self._passed[-1])
        else:
            self.prompter.say("This is the first question.")

    def forget(self, chosen: Callable[[str], bool]) -> None:
        """Forget the lines whose keys are chosen; they become the defaults of their prompts."""
        for key in [key for key in self.lines if chosen(key)]:
            self._previous[key] = self.lines.pop(key)

    def answered(self) -> Conversation:
        """Return a conversation with the lines so far in which nobody answers: other prompts raise EOFError.

        A line that is being edited counts with its former text.
        """
        return Conversation(SilentPrompter(), {**self._previous, **self.lines}, lambda _lines: None)

    def _ask(self, key: str, prompt: Prompt, read: Callable[[str], T]) -> T:
        previous = self._previous.get(key, "")
        if previous:
            hint = f"{ERASE_LINE} for none; {prompt.hint}" if prompt.erasable else prompt.hint
            prompt = replace(prompt, default=previous, hint=prompt.edit_hint or hint)
        if prompt.introduction:
            self.prompter.introduce(prompt.introduction)
        while True:
            line = _as_utf8(self.prompter.ask(prompt)).strip()
            if line == BACK_LINE:
                raise GoBackError
            if line == HELP_LINE:
                self.prompter.say(prompt.explanation)
                continue
            line = "" if prompt.erasable and line == ERASE_LINE else line or previous
            try:
                value = read(line)
            except UserError as error:
                self._reject(error)
                continue
            self.lines[key] = line
            self._previous.pop(key, None)
            self._passed.append(key)
            self._changed(self.lines)
            return value

    def _reject(self, error: UserError) -> None:
        self.prompter.error(f"Error: {with_hint(error.message, error.hint)}")


def _as_utf8(line: str) -> str:
    """Decode the bytes that a C locale could not decode as UTF-8."""
    return line.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
