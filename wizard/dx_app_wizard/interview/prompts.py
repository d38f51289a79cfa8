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

    A terminal shows `hint` below the field, and lists the choices at once unless `unfold` is False. If
    `erasable`, the line `-` means no answer when a previous answer is the default. A prompt that the official
    wizard does not have may have `accepts`: a script's line that it rejects is for the next prompt.
    """

    message: str
    default: str | None = None
    help: str = ""
    choices: tuple[Choice, ...] = ()
    step: str = ""
    hint: str = ""
    unfold: bool = True
    erasable: bool = False
    accepts: Callable[[str], bool] | None = None

    @property
    def text(self) -> str:
        """The prompt as displayed, without the step."""
        if not self.default:
            return f"{self.message}:"
        return f"{self.message.removesuffix(' [y/n]')} [{self.default}]:"

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
