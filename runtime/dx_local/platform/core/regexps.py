"""Regular expressions of requests: searched for with a limit of time, so that none can stop the platform.

While one is searched for nobody else is answered, and Python's own search may go on for years.
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
    """Return a pattern to be given to `search`. Raises InvalidInput."""
    import regex

    try:
        return regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError) as error:
        raise InvalidInput(f'the regexp "{pattern}" is not valid: {error}') from None


def search(pattern: str, text: str) -> regex.Match[str] | None:
    """Find a pattern in a text. Raises InvalidInput, also when that takes too long."""
    try:
        return compiled(pattern).search(text, timeout=_LIMIT_SECONDS)
    except TimeoutError:
        raise InvalidInput(f'the regexp "{pattern}" takes too long; make it simpler') from None


def matches(pattern: str, text: str | None) -> bool:
    """Answer SQL's `text REGEXP pattern`: whether a pattern is found in a text."""
    return text is not None and search(pattern, text) is not None


def failed_in_sql(error: Exception) -> InvalidInput | None:
    """Return what `matches` raised inside of SQL, of which SQLite only tells that it did, or None."""
    if _FAILED_IN_SQL not in str(error):
        return None
    return InvalidInput("the regexp of this search takes too long; make it simpler")
