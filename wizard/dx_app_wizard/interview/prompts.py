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
    """One line to read: its words, what an empty line means, what there is to choose, the help on `?`.

    A terminal shows `hint` below the field, and the choices at once unless `unfold` is False. With
    `erasable`, `-` stands for nothing where a former answer is the default. `belongs` is
    set where the official wizard asks nothing: a line of a script that it does not accept is meant for the
    next prompt.
    """

    words: str
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
        """The prompt as it is shown, without the step."""
        if not self.default:
            return f"{self.words}:"
        return f"{self.words.removesuffix(' [y/n]')} [{self.default}]:"

    @property
    def explanation(self) -> str:
        """What `?` shows: the help, and the choices where they are few."""
        if not 0 < len(self.choices) <= _FEW_CHOICES:
            return self.help
        width = max(len(choice.text) for choice in self.choices)
        lines = (f"  {choice.text:<{width}}  {choice.meaning}".rstrip() for choice in self.choices)
        return "\n".join([self.help, *lines])


def matching(choices: Iterable[Choice], text: str) -> list[Choice]:
    """Return the choices that fit text, those that begin with it first.

    Text fits where it stands in a choice, or begins at a word of the choice's meaning.
    """
    wanted = " ".join(text.lower().split())
    found = [
        choice
        for choice in choices
        if wanted in choice.text.lower() or f" {wanted}" in f" {choice.meaning.lower()}"
    ]
    return sorted(found, key=lambda choice: not choice.text.lower().startswith(wanted))
