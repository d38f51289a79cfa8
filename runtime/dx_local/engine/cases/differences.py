"""A difference between a test case and a run, with the change of the case that would remove it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.json_document import escaped_surrogates, path_text

if TYPE_CHECKING:
    from pathlib import Path

    from dx_app_wizard.dxapp.json_document import JsonPath

_LONGEST_VALUE = 100


@dataclass(frozen=True)
class NewValue:
    """The value to write at a path of the case file."""

    path: JsonPath
    value: Any


@dataclass(frozen=True)
class NewGolden:
    """The file to copy to a golden file."""

    golden: Path
    source: Path


@dataclass(frozen=True)
class Difference:
    """A difference: the path in the case file that it concerns, a message, and lines with details."""

    path: JsonPath
    message: str
    details: tuple[str, ...] = ()
    fix: NewValue | NewGolden | None = None
    """The change that `--update` makes, or None if a person has to decide."""

    def lines(self) -> tuple[str, ...]:
        """Return the difference as text: what it concerns, the message, and the details."""
        subject = path_text(self.path[1:] if self.path[:1] == ("expect",) else self.path)
        return (
            f"{subject}: {self.message}" if subject else self.message,
            *(f"  {line}" for line in self.details),
        )


def shown(value: Any) -> str:
    """Return a value as JSON on one line, shortened."""
    text = escaped_surrogates(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
