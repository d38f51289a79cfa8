"""Create mapped objects on the local platform, with the IDs that they have in the cloud."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dx_app_wizard.console.text import without_surrogates
from dx_local.engine.apps import app_bundle
from dx_local.engine.mapped_objects.mapping import APPLET, FILE, PROJECT, RECORD
from dx_local.errors import UsageError
from dx_local.platform.core.errors import ApiError
from dx_local.platform.data import contents, file_bytes, files, projects, records
from dx_local.platform.requests import strict_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from dx_local.engine.mapped_objects.mapping import MappedObject
    from dx_local.platform.core.context import JSON, Context

_RECORD_KEYS = frozenset({"name", "details", "types", "tags", "properties"})


def install_objects(context: Context, project: str, objects: Iterable[MappedObject]) -> None:
    """Create mapped objects, by default in a project; call it in a transaction. Raises DxLocalError.

    Those of an earlier start of the same platform are replaced, as the local data may have changed.
    """
    for mapped in objects:
        home = mapped.project or project
        if mapped.project:
            ensure_project(context, mapped.project)
        try:
            _INSTALLERS[mapped.kind](context, home, mapped)
        except ApiError as error:
            raise UsageError(f"{mapped.key} cannot stand for {str(mapped.path)!r}: {error.message}") from None


def ensure_project(context: Context, project: str) -> None:
    """Create a project with an ID of the cloud, unless it exists."""
    if not context.store.exists("SELECT 1 FROM project WHERE id = ?", project):
        projects.new(replace(context, chosen_id=project), "project", {"name": project})


def _file(context: Context, project: str, mapped: MappedObject) -> None:
    row = context.store.get("object", mapped.id)
    if row is None:
        name = without_surrogates(mapped.path.name)
        chosen = replace(context, chosen_id=mapped.id)
        files.link_local(chosen, mapped.path, project=project, folder="/", name=name)
        return
    file_bytes.whole_path(context.platform, mapped.id).unlink(missing_ok=True)
    linked = file_bytes.link_whole(context.platform, mapped.id, mapped.path)
    context.store.update("object", mapped.id, fields={**row["fields"], **linked})


def _record(context: Context, project: str, mapped: MappedObject) -> None:
    remove(context, project, mapped.id)
    request = {"name": mapped.path.stem, **_content(mapped.path), "project": project, "close": True}
    records.new(replace(context, chosen_id=mapped.id), "record", request)


def _content(path: Path) -> JSON:
    try:
        content = strict_json.parse(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"{str(path)!r} cannot be read as JSON: {error}") from None
    if not isinstance(content, dict) or not _RECORD_KEYS.issuperset(content):
        raise UsageError(
            f"{str(path)!r} is not the content of a record",
            f"Write a JSON object with some of the keys {', '.join(sorted(_RECORD_KEYS))}.",
        )
    return content


def _applet(context: Context, project: str, mapped: MappedObject) -> None:
    remove(context, project, mapped.id)
    chosen = replace(context, chosen_id=mapped.id)
    app_bundle.install(chosen, app_bundle.load_app(mapped.path), project)


def _project(context: Context, _project: str, mapped: MappedObject) -> None:
    ensure_project(context, mapped.id)
    contents.remove_everything(context, mapped.id)
    for path in sorted(mapped.path.rglob("*")):
        if path.is_file():
            folder = "/" + "/".join(path.relative_to(mapped.path).parts[:-1])
            files.link_local(
                context, path, project=mapped.id, folder=folder, name=without_surrogates(path.name)
            )


def remove(context: Context, project: str, object_id: str) -> None:
    """Remove an object of an earlier start from a project, if it is there."""
    if context.store.exists("SELECT 1 FROM placement WHERE object = ? AND project = ?", object_id, project):
        contents.remove_objects(context, project, {"objects": [object_id]})


_INSTALLERS: dict[str, Callable[[Context, str, MappedObject], None]] = {
    FILE: _file,
    RECORD: _record,
    APPLET: _applet,
    PROJECT: _project,
}
