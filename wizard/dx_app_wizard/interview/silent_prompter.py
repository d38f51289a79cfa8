"""A prompter without a person: for a conversation that only repeats the answers it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dx_app_wizard.interview.prompts import Prompt


class SilentPrompter:
    """A prompter that prints nothing; a prompt raises EOFError, as at the end of a pipe."""

    def ask(self, prompt: Prompt) -> str:
        """Raise EOFError."""
        raise EOFError(prompt.message)

    def confirm(self, prompt: Prompt) -> str:
        """Raise EOFError."""
        raise EOFError(prompt.message)

    def introduce(self, text: str) -> None:
        """Ignore the text."""

    def say(self, text: str) -> None:
        """Ignore the text."""

    def error(self, text: str) -> None:
        """Ignore the text."""
