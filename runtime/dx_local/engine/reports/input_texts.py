"""The input of a job as short texts for people: `reads=reads.fastq (1.2 MiB)`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.links import link_id, parse_reference
from dx_local.engine.job_labels import with_job_paths
from dx_local.platform.core.store import Row
from dx_local.sizes import size_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dx_local.platform.core.store import Store

_PLAIN = re.compile(r"[\w./:+-]+")
_LONGEST = 200  # characters
_MOST_ELEMENTS = 3


def data_object(store: Store, entity: str) -> Row | None:
    """Return the `id`, `name` and `bytes` of a data object, or None if it does not exist."""
    return store.one(
        Row,
        "SELECT object.id, placement.name, json_extract(object.fields, '$.size') AS bytes"
        " FROM object JOIN placement ON placement.object = object.id WHERE object.id = ? LIMIT 1",
        entity,
    )


def input_texts(store: Store, values: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return `NAME=VALUE` for each input; files by name and size, long values and arrays shortened."""
    return tuple(f"{name}={_text(store, value)}" for name, value in (values or {}).items())


def _text(store: Store, value: Any) -> str:
    if isinstance(value, list):
        return f"[{_joined([_text(store, each) for each in value[:_MOST_ELEMENTS]], len(value))}]"
    if reference := parse_reference(value):
        return f"{with_job_paths(store, reference.execution)}:{reference.field}"
    if entity := link_id(value):
        return _object_text(store, entity)
    if isinstance(value, dict):
        first = list(value.items())[:_MOST_ELEMENTS]
        return f"{{{_joined([f'{key}: {_text(store, each)}' for key, each in first], len(value))}}}"
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return _shortened(value)
    return _shortened(json.dumps(value, ensure_ascii=False))


def _joined(first: list[str], count: int) -> str:
    """Return the texts of the first elements, and the number of those left out."""
    more = [f"{count - len(first):,} more"] if count > len(first) else []
    return _shortened(", ".join([*first, *more]))


def _object_text(store: Store, entity: str) -> str:
    found = data_object(store, entity)
    if found is None:
        return entity
    size = found["bytes"]
    return f"{found['name']} ({size_text(size)})" if size is not None else str(found["name"])


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
