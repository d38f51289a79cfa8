"""The options that all searches share: the page size and the caller's minimum level.

Source: https://documentation.dnanexus.com/developer/api/search
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform.core import access
from dx_local.platform.core.errors import InvalidInput
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON

_MAX_PAGE = 1000


def page_size(request: JSON) -> int:
    """Return the maximum number of results in an answer. Raises InvalidInput."""
    if request.get("limit") is None:
        return _MAX_PAGE
    limit = read.integer(request, "limit")
    if not 1 <= limit <= _MAX_PAGE:
        raise InvalidInput(f'"limit" must be from 1 to {_MAX_PAGE}, not {limit}')
    return limit


def minimum_level(request: JSON) -> str:
    """Return the level that the caller must have on the projects of results. Raises InvalidInput."""
    level = "VIEW" if request.get("level") is None else read.text(request, "level")
    if level not in access.LEVELS:
        raise InvalidInput(f'"level" must be one of {", ".join(access.LEVELS)}')
    return level
