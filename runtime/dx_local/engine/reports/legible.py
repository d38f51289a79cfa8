"""Text from jobs and users that cannot disturb the text around it."""

from __future__ import annotations

import re

from dx_app_wizard.console.text import plain

# Unicode's controls of direction, and characters without width: https://www.unicode.org/reports/tr9/
_INVISIBLE = re.compile("[\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def legible(text: str) -> str:
    """Return text without control characters, and with the codes of invisible ones, such as `[U+202E]`."""
    return _INVISIBLE.sub(lambda found: f"[U+{ord(found[0]):04X}]", plain(text))
