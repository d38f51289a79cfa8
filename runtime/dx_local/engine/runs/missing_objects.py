"""Explain inputs that link to objects of the cloud which are not on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.links import LINK_KEY, link_id, link_project
from dx_local.engine.mapped_objects.mapping import CLASSES
from dx_local.errors import UsageError
from dx_local.platform.core.ids import class_of, is_hash_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_app_wizard.dxapp.model import AppSpec
    from dx_local.platform.core.context import JSON
    from dx_local.platform.core.store import Store


def missing_object(store: Store, spec: AppSpec, job_input: JSON) -> UsageError | None:
    """Return the error for the first inputs, given or default, that link to objects which are not here."""
    problems, flags = [], []
    for name, value in _values(spec, job_input).items():
        for link in _links(value):
            entity, project = str(link_id(link)), link_project(link)
            if not is_hash_id(entity) or _is_here(store, entity, project):
                continue
            default = "" if name in job_input else ", its default,"
            problems.append(f"input {name!r}: {entity}{default} is not on this machine")
            if class_of(entity) in CLASSES:
                flags.append(f"--object {project}:{entity}=PATH" if project else f"--object {entity}=PATH")
    if not problems:
        return None
    options = " ".join(dict.fromkeys(flags))
    hint = f"Pass other values, or local data for the same IDs: {options}" if flags else "Pass other values."
    return UsageError("\n".join(dict.fromkeys(problems)), hint)


def _values(spec: AppSpec, job_input: JSON) -> JSON:
    defaults = {field.name: field.default for field in spec.inputs or () if field.default is not None}
    return {**defaults, **job_input}


def _links(value: Any) -> Iterator[JSON]:
    if isinstance(value, dict):
        if LINK_KEY in value and link_id(value):
            yield value
        else:
            for item in value.values():
                yield from _links(item)
    elif isinstance(value, list):
        for item in value:
            yield from _links(item)


def _is_here(store: Store, entity: str, project: str | None) -> bool:
    if class_of(entity) == "project":
        return store.exists("SELECT 1 FROM project WHERE id = ?", entity)
    if project is None:
        return store.exists("SELECT 1 FROM object WHERE id = ?", entity)
    return store.exists("SELECT 1 FROM placement WHERE object = ? AND project = ?", entity, project)
