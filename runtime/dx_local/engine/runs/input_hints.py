"""Tell users how to correct an input in the way in which they gave it: in a file, as JSON or as an option."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

BY_OPTION = "Pass inputs as -iNAME=VALUE."
_NAME = re.compile(r"'([^']+)'")


@dataclass(frozen=True)
class InputPlaces:
    """The places of inputs: names of files and the like, each with its inputs, and the names of options.

    Of several places with an input, options count first, then the last place.
    """

    places: tuple[tuple[str, Collection[str]], ...]
    options: Collection[str] = ()

    def hint(self, problems: Iterable[str], by_option: str = BY_OPTION) -> str:
        """Return advice on problems, each of which names an input in quotes first.

        `by_option` is the advice on inputs that were passed as options.
        """
        names = dict.fromkeys(match[1] for problem in problems if (match := _NAME.search(problem)))
        advice: dict[tuple[str, str], list[str]] = {}
        for name in names:
            advice.setdefault(self._advice(name), []).append(repr(name))
        texts = [
            f"{verb} {', '.join(quoted)} {place}." if verb else by_option
            for (verb, place), quoted in advice.items()
        ]
        return " ".join(texts) or by_option

    def _advice(self, name: str) -> tuple[str, str]:
        """Return a verb and a place for an input; both are empty if it is one for an option."""
        if name in self.options:
            return "", ""
        for place, names in reversed(self.places):
            if name in names:
                return "Correct", f"in {place}"
        if self.options or not self.places:
            return "", ""
        return "Add", f"to {self.places[-1][0]}"
