"""What an output must be like, and what references to outputs and data objects give."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.classes import mismatch

if TYPE_CHECKING:
    from dx_local.platform.core.store import Store


def output_if_done(store: Store, job_id: str) -> dict[str, Any] | None:
    """Return the output of a job that is done, or None."""
    output: dict[str, Any] | None = store.value(
        "SELECT output FROM job WHERE id = ? AND state = 'done'", job_id
    )
    return output


def object_metadata(store: Store, entity: str, path: str) -> Any:
    """Return what `metadata` of a reference asks of a data object: `name`, `properties.K` or `details.K`.

    Returns None for a property or a detail that the object does not have, and for anything else.
    """
    kind, _, key = path.partition(".")
    if kind == "details":
        text = store.value("SELECT details AS text FROM object WHERE id = ?", entity)
    elif kind == "properties":
        text = store.value("SELECT properties AS text FROM placement WHERE object = ? LIMIT 1", entity)
    else:
        name = store.value("SELECT name FROM placement WHERE object = ? LIMIT 1", entity)
        return name if path == "name" else None
    return json.loads(text or "{}").get(key)


def name_error(store: Store, job_id: str, output: dict[str, Any]) -> str | None:
    """Say what is wrong with the names in a job's output, or None; nothing is where nothing is declared."""
    spec: list[dict[str, Any]] | None = store.value("SELECT output_spec FROM job WHERE id = ?", job_id)
    if spec is None:
        return None
    declared = {field["name"]: field for field in spec}
    if unknown := [name for name in output if name not in declared]:
        known = f"it declares {_list(list(declared))}" if declared else "it declares nothing"
        return f"the output has {_list(unknown)}, which outputSpec does not declare; {known}"
    required = [name for name, field in declared.items() if not field.get("optional")]
    if missing := [name for name in required if output.get(name) is None]:
        return f"the output lacks {_list(missing)}, which outputSpec requires"
    return None


def class_error(spec: list[dict[str, Any]], values: dict[str, Any]) -> str | None:
    """Say which value is not of the class that a specification declares, or None."""
    for field in spec:
        value = values.get(field["name"])
        problem = mismatch(field["class"], value) if value is not None else None
        if problem:
            return f"{field['name']!r} is declared as {field['class']}: {problem}"
    return None


def _list(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)
