"""JSON as text: compact, and in pieces where the whole would take as much memory again as the value."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.json_document import escaped_surrogates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_PIECE = 256 << 10  # characters or items, roughly
_MANY = 1000


def to_json(value: Any) -> str:
    """Return value as compact JSON text, as it is kept in the database; the order of keys is kept."""
    text = _encode(value)
    # Paths of this machine may contain bytes that are no UTF-8.
    return text if text.isascii() else escaped_surrogates(text)


def is_large(value: Any) -> bool:
    """Return whether the JSON text of a value is better handled in pieces."""
    return _size(value) > _PIECE


def json_pieces(value: Any, encode: Callable[[Any], str] = to_json) -> Iterator[str]:
    """Yield the compact text that encode returns in pieces of a few hundred kilobytes."""
    if not is_large(value):
        yield encode(value)
    elif isinstance(value, str):
        yield '"'
        for start in range(0, len(value), _PIECE):
            yield encode(value[start : start + _PIECE])[1:-1]
        yield '"'
    else:
        yield from _container_pieces(value, encode)


def _container_pieces(value: dict[str, Any] | list[Any], encode: Callable[[Any], str]) -> Iterator[str]:
    is_hash = isinstance(value, dict)
    before = "{" if is_hash else "["
    for part in _parts(value):
        if is_large(part):
            ((key, item),) = part.items() if isinstance(part, dict) else [("", part[0])]
            yield f"{before}{encode(key)}:" if is_hash else before
            yield from json_pieces(item, encode)
        else:
            yield before + encode(part)[1:-1]
        before = ","
    yield "}" if is_hash else "]"


def _parts(value: dict[str, Any] | list[Any]) -> Iterator[dict[str, Any] | list[Any]]:
    """Yield a container cut into others that are not large, or hold one item."""
    items = iter(value.items() if isinstance(value, dict) else value)
    make = dict if isinstance(value, dict) else list
    while some := list(islice(items, _MANY)):
        part = make(some)
        if is_large(part):
            yield from (make([item]) for item in some)
        else:
            yield part


def _size(value: Any) -> int:
    """Return about how many characters or items a value has; of large ones, only that they are large."""
    if isinstance(value, str):
        return len(value)
    if not isinstance(value, (dict, list)):
        return 1
    size = 0
    waiting: list[Any] = [value]
    while waiting and size <= _PIECE:
        each = waiting.pop()
        if isinstance(each, str):
            size += len(each)
        elif isinstance(each, (dict, list)):
            size += len(each)
            if size <= _PIECE:
                waiting.extend(each.values() if isinstance(each, dict) else each)
    return size


def in_batches(pieces: Iterable[str]) -> Iterator[str]:
    """Yield pieces of a text joined to larger ones."""
    batch: list[str] = []
    size = 0
    for piece in pieces:
        batch.append(piece)
        size += len(piece)
        if size > _PIECE:
            yield "".join(batch)
            batch, size = [], 0
    yield "".join(batch)
