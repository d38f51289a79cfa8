"""Tell users how to correct an input in the way in which they gave it: in a file, as JSON or as an option."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

BY_OPTION = "Pass inputs as -iNAME=VALUE."
_NAME = re.compile(r"'([^']+)'")


class Origins(Protocol):
    """The sources of an input, as `inputs.GivenInputs` has them."""

    @property
    def texts(self) -> tuple[tuple[str, str | None, str], ...]:
        """The name, class and text of each `-i` option."""

    @property
    def places(self) -> tuple[tuple[str, frozenset[str]], ...]:
        """Other sources, such as the names of files, each with the names of its inputs."""


def hint_for(given: Origins, problems: Iterable[str], by_option: str = BY_OPTION) -> str:
    """Return advice on problems, each of which names an input in quotes first.

    `by_option` is the advice on inputs that were passed as options.
    """
    names = dict.fromkeys(match[1] for problem in problems if (match := _NAME.search(problem)))
    advice: dict[str, list[str]] = {}
    for name in names:
        advice.setdefault(_advice(given, name, by_option), []).append(repr(name))
    return " ".join(text.format(", ".join(quoted)) for text, quoted in advice.items()) or by_option


def _advice(given: Origins, name: str, by_option: str) -> str:
    """Return advice with a place for names."""
    if any(name == option for option, _, _ in given.texts):
        return _literal(by_option)
    for place, names in reversed(given.places):
        if name in names:
            return f"Correct {{}} in {_literal(place)}."
    if given.texts or not given.places:
        return _literal(by_option)
    return f"Add {{}} to {_literal(given.places[-1][0])}."


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
