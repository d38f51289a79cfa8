"""Select the fields of a description: by `fields`, `defaultFields` and the older flags.

Source: https://documentation.dnanexus.com/developer/api/data-object-metadata (describe)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from dx_local.platform.core.context import JSON

_OWN_KEYS = frozenset({"defaultFields", "fields", "project"})


def wanted_fields(request: JSON, default: AbstractSet[str]) -> AbstractSet[str]:
    """Return the names of the fields that a describe request selects.

    Without `fields`, these are the default fields. `fields` alone selects exactly its fields and the ID;
    with `defaultFields` it adds to the default. A field set to false is left out. An older flag, such as
    `"properties": true`, adds the field of that name. Unknown names have no effect.
    """
    chosen = read.mapping(request, "fields", {}) if request.get("fields") is not None else {}
    selected = {name for name, is_wanted in chosen.items() if is_wanted}
    flags = {name for name, value in request.items() if value is True and name not in _OWN_KEYS}
    only_excludes = bool(chosen) and not selected
    has_defaults = request.get("fields") is None or read.flag(request, "defaultFields", default=only_excludes)
    return ((default if has_defaults else frozenset()) | selected | flags | {"id"}) - (
        chosen.keys() - selected
    )


def whole_seconds(milliseconds: int) -> int:
    """Return a time (ms) rounded down to whole seconds, as the platform reports times of creation."""
    return milliseconds // 1000 * 1000


def select_fields(full: JSON, request: JSON, default: AbstractSet[str]) -> JSON:
    """Return the fields of a full description that a describe request selects."""
    wanted = wanted_fields(request, default)
    return {name: value for name, value in full.items() if name in wanted}
