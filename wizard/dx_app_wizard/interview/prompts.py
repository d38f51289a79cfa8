"""A prompt for one line, and the choices of its menu that match a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dx_app_wizard.answers.choices import Choice


_FEW_CHOICES = 20


@dataclass(frozen=True)
class Prompt:
    """A request for one line: its text, the default for an empty line, the choices, the help for `?`.

    `if_empty` is the end of a message without a default: the meaning of an empty line. A terminal shows
    `hint` below the field, and lists the choices at once unless `unfold` is False; `words` are lines that are
    never completed to a choice. If a previous answer is the default, `edit_hint` replaces the hint, and if
    `erasable`, the line `-` means no answer. A prompt that the official wizard does not have may have
    `accepts`: a script's line that it rejects is for the next prompt. `introduction` is printed before a
    person is asked.
    """

    message: str
    default: str | None = None
    help: str = ""
    choices: tuple[Choice, ...] = ()
    step: str = ""
    hint: str = ""
    unfold: bool = True
    erasable: bool = False
    edit_hint: str = ""
    if_empty: str = ""
    words: tuple[str, ...] = ()
    introduction: str = ""
    accepts: Callable[[str], bool] | None = None

    @property
    def text(self) -> str:
        """The prompt as displayed, without the step."""
        if self.default:
            return f"{self.message} [{self.default}]:"
        return f"{self.message} {self.if_empty}:" if self.if_empty else f"{self.message}:"

    def meant(self, line: str) -> Choice | None:
        """Return the choice that an incomplete line means: the only one that matches or is described so."""
        wanted = " ".join(line.lower().split())
        found = matching(self.choices, line)
        if not wanted or wanted in self.words or any(choice.text.lower() == wanted for choice in found):
            return None
        described = [choice for choice in found if choice.meaning.lower() == wanted]
        return next((some[0] for some in (found, described) if len(some) == 1), None)

    @property
    def explanation(self) -> str:
        """The text that `?` prints: the help, and the choices if they are few."""
        if not 0 < len(self.choices) <= _FEW_CHOICES:
            return self.help
        width = max(len(choice.text) for choice in self.choices)
        lines = (f"  {choice.text:<{width}}  {choice.meaning}".rstrip() for choice in self.choices)
        return "\n".join([self.help, *lines])


def matching(choices: Iterable[Choice], text: str) -> list[Choice]:
    """Return the choices that match text, those that begin with it first.

    Text matches anywhere in a choice, and at the beginning of a word in the choice's meaning.
    """
    wanted = " ".join(text.lower().split())
    found = [
        choice
        for choice in choices
        if wanted in choice.text.lower() or f" {wanted}" in f" {choice.meaning.lower()}"
    ]
    return sorted(found, key=lambda choice: not choice.text.lower().startswith(wanted))
