r"""Globs: `*` matches any text, `?` any character, and a backslash escapes the next character.

Source: https://documentation.dnanexus.com/developer/api/search#regular-expressions-and-globbing
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile

from dx_local.platform.core.errors import InvalidInput

MAX_LENGTH = 4096
"""The most characters in a glob; SQLite rejects more than ten times as many bytes."""


@dataclass(frozen=True)
class Glob:
    """A glob in SQL syntax, and the literal text with which all matching names begin and end."""

    sql: str
    prefix: str
    suffix: str

    @classmethod
    def parse(cls, pattern: str) -> Glob:
        """Return the glob for a pattern of a request. Raises InvalidInput if it is too long."""
        if len(pattern) > MAX_LENGTH:
            raise InvalidInput(f"a glob can have at most {MAX_LENGTH} characters")
        tokens = re.findall(r"\\.|.", pattern, flags=re.DOTALL)
        return cls(
            sql="".join(_in_sql(token) for token in tokens),
            prefix="".join(token[-1] for token in takewhile(_is_text, tokens)),
            suffix="".join(token[-1] for token in takewhile(_is_text, reversed(tokens)))[::-1],
        )


def _is_text(token: str) -> bool:
    return token not in {"*", "?"}


def _in_sql(token: str) -> str:
    """Translate a token to SQL, whose globs have brackets instead of escapes."""
    character = token[-1]
    return f"[{character}]" if character == "[" or (len(token) == 2 and character in "*?") else character
