"""Encode JSON compactly: small values at once, large ones in pieces, to save memory."""

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
    """Return the compact JSON text of a value, as the database stores it; keys keep their order."""
    text = _encode(value)
    # Local paths may contain bytes that are not valid UTF-8.
    return text if text.isascii() else escaped_surrogates(text)


def is_large(value: Any) -> bool:
    """Return whether a value should be encoded in pieces."""
    return _size(value) > _PIECE


def json_pieces(value: Any, encode: Callable[[Any], str] = to_json) -> Iterator[str]:
    """Yield the JSON text of a value in pieces of a few hundred kilobytes; `encode` encodes each piece."""
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
    """Split a container into containers that are not large or hold only one item."""
    items = iter(value.items() if isinstance(value, dict) else value)
    make = dict if isinstance(value, dict) else list
    while some := list(islice(items, _MANY)):
        part = make(some)
        if is_large(part):
            yield from (make([item]) for item in some)
        else:
            yield part


def _size(value: Any) -> int:
    """Return roughly the number of characters or items in a value; counting stops once it is large."""
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
    """Join the pieces of a text into larger ones."""
    batch: list[str] = []
    size = 0
    for piece in pieces:
        batch.append(piece)
        size += len(piece)
        if size > _PIECE:
            yield "".join(batch)
            batch, size = [], 0
    yield "".join(batch)
