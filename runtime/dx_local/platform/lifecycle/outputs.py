"""Validate the outputs of jobs, and look up the values of references to them."""

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
    """Return the metadata of a data object at a path: `name`, `properties.K` or `details.K`.

    Return None if the object does not have this property or detail, and for any other path.
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


def name_error(spec: list[dict[str, Any]] | None, output: dict[str, Any]) -> str | None:
    """Return a message on undeclared or missing fields of a job's output, or None if there are none.

    Any field is valid if there is no specification.
    """
    if spec is None:
        return None
    declared = {field["name"]: field for field in spec}
    if unknown := [name for name in output if name not in declared]:
        known = f"declares {_list(list(declared))}" if declared else "is empty"
        return f"{_outputs_are(unknown)} not declared in outputSpec, which {known}"
    required = [name for name, field in declared.items() if not field.get("optional")]
    if missing := [name for name in required if output.get(name) is None]:
        return f"{_outputs_are(missing)} missing, but required by outputSpec"
    return None


def class_error(spec: list[dict[str, Any]], values: dict[str, Any]) -> str | None:
    """Return a message on the first value that is not of its declared class, or None."""
    for field in spec:
        value = values.get(field["name"])
        problem = mismatch(field["class"], value) if value is not None else None
        if problem:
            return f"{field['name']!r} is declared as {field['class']}: {problem}"
    return None


def _outputs_are(names: list[str]) -> str:
    return f"outputs {_list(names)} are" if len(names) > 1 else f"output {_list(names)} is"


def _list(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)
