"""Merge three versions of a JSON value: objects by key, arrays by the names or values of their elements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from dx_app_wizard.dxapp.json_edit import have_names, identities, same

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

_ABSENT: Any = object()
"""Marks a value that a version does not have."""

_ONE_VALUE = "default"
"""The key of a value that is never merged in parts: a mix of both sides' defaults would be neither."""


class Merged(NamedTuple):
    """The merged value twice: with our side and with their side of each conflict."""

    ours: Any
    theirs: Any

    @property
    def is_clean(self) -> bool:
        """True if there is no conflict."""
        return same(self.ours, self.theirs)


def merge_json(base: Any, ours: Any, theirs: Any) -> Merged:
    """Return the changes of both sides to base, combined.

    A conflict is a value that both sides changed differently, or that one side changed and the other removed.
    If both sides reordered elements, our order is used.
    """
    merged = _merge(base, ours, theirs)
    return Merged(_resolved(merged, "ours"), _resolved(merged, "theirs"))


@dataclass(frozen=True)
class _Conflict:
    """The value of each side, _ABSENT for a side that removed it."""

    ours: Any
    theirs: Any


def _merge(base: Any, ours: Any, theirs: Any, *, key: str | None = None) -> Any:
    """Return the merged value of a key, None for the whole document, with conflicts in it."""
    if _same(ours, theirs) or _same(theirs, base):
        return ours
    if _same(ours, base):
        return theirs
    if key != _ONE_VALUE and isinstance(ours, dict) and isinstance(theirs, dict):
        return _merge_objects(base if isinstance(base, dict) else {}, ours, theirs)
    if key != _ONE_VALUE and isinstance(ours, list) and isinstance(theirs, list):
        return _merge_arrays(base if isinstance(base, list) else [], ours, theirs)
    return _Conflict(ours, theirs)


def _same(one: Any, other: Any) -> bool:
    return one is other if one is _ABSENT or other is _ABSENT else same(one, other)


def _merge_objects(base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _merge(base.get(key, _ABSENT), ours.get(key, _ABSENT), theirs.get(key, _ABSENT), key=key)
        for key in _interleaved(list(ours), list(theirs))
    }


def _merge_arrays(base: list[Any], ours: list[Any], theirs: list[Any]) -> Any:
    versions = (base, ours, theirs)
    names = identities(*versions)
    before, mine, yours = names
    if not have_names(*versions) and _replace_the_same(before, mine, yours):
        return _Conflict(ours, theirs)
    only_they_moved = _is_reordered(before, yours) and not _is_reordered(before, mine)
    order = _interleaved(yours, mine) if only_they_moved else _interleaved(mine, yours)
    elements = [dict(zip(*pair, strict=True)) for pair in zip(names, versions, strict=True)]
    return [_merge(*(version.get(name, _ABSENT) for version in elements)) for name in order]


def _replace_the_same(base: Sequence[Hashable], ours: Sequence[Hashable], theirs: Sequence[Hashable]) -> bool:
    """Return whether both sides replaced the same elements by different ones."""
    before, mine, yours = set(base), set(ours), set(theirs)
    return bool(before - mine - yours and mine - before - yours and yours - before - mine)


def _is_reordered(before: Sequence[Hashable], after: Sequence[Hashable]) -> bool:
    """Return whether the common elements have another order."""
    common = set(before) & set(after)
    return [name for name in before if name in common] != [name for name in after if name in common]


def _interleaved(first: Sequence[Hashable], second: Sequence[Hashable]) -> list[Any]:
    """Return the names of the first, with each name of the second inserted after its predecessor there."""
    woven = list(first)
    known = set(second)
    for at, name in enumerate(second):
        if name in woven:
            continue
        place = woven.index(second[at - 1]) + 1 if at else 0
        while place < len(woven) and woven[place] not in known:
            place += 1
        woven.insert(place, name)
    return woven


def _resolved(merged: Any, side: str) -> Any:
    """Return the merged value with one side of each conflict, without absent values."""
    if isinstance(merged, _Conflict):
        return getattr(merged, side)
    if isinstance(merged, dict):
        values = {key: _resolved(value, side) for key, value in merged.items()}
        return {key: value for key, value in values.items() if value is not _ABSENT}
    if isinstance(merged, list):
        return [value for value in (_resolved(value, side) for value in merged) if value is not _ABSENT]
    return merged
