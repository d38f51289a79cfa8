"""Search for the regular expressions of requests within a time limit, so that none can block the platform.

No other request is processed during a search, and a search by Python's own `re` could run for years.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from dx_local.platform.core.errors import InvalidInput

if TYPE_CHECKING:
    import regex

_LIMIT_SECONDS = 0.5
_FAILED_IN_SQL = "user-defined function raised exception"


@lru_cache(maxsize=64)
def compiled(pattern: str) -> regex.Pattern[str]:
    """Return a compiled pattern. Raises InvalidInput if it is not valid."""
    import regex

    try:
        return regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError) as error:
        raise InvalidInput(f'the regexp "{pattern}" is not valid: {error}') from None


def search(pattern: str, text: str) -> regex.Match[str] | None:
    """Find a pattern in a text. Raises InvalidInput if it is not valid or takes too long."""
    try:
        return compiled(pattern).search(text, timeout=_LIMIT_SECONDS)
    except TimeoutError:
        raise InvalidInput(f'the regexp "{pattern}" takes too long; make it simpler') from None


def matches(pattern: str, text: str | None) -> bool:
    """Implement the SQL operator `text REGEXP pattern`."""
    return text is not None and search(pattern, text) is not None


def failed_in_sql(error: Exception) -> InvalidInput | None:
    """Return the error of `matches` if SQLite reports that a function failed, or None for other errors."""
    if _FAILED_IN_SQL not in str(error):
        return None
    return InvalidInput("the regexp of this search takes too long; make it simpler")
