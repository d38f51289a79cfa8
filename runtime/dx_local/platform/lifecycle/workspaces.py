"""Copy data objects into the workspaces of jobs, and from there to the destination of outputs.

Only rows are copied: all copies of an object share its bytes.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/containers-for-execution
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.classes import DATA_CLASSES
from dx_app_wizard.dxapp.links import link, link_id, link_project, links_in, parse_reference, replace
from dx_local.platform.core.ids import class_of
from dx_local.platform.core.schema import PlacementRow
from dx_local.platform.lifecycle.queries import workspace_of
from dx_local.platform.requests.folder_paths import is_within, join, parent_of, with_parents

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dx_local.platform.core.schema import JobRow
    from dx_local.platform.core.store import Store


class ObjectNotFound(Exception):  # noqa: N818 - the name describes the finding
    """A link names a data object that does not exist, or is in no project."""

    def __init__(self, object_id: str) -> None:
        super().__init__(f"{object_id} does not exist")
        self.object_id = object_id


def plain_links(value: Any) -> Any:
    """Return a value with all links in their simple form, which clients expect in outputs."""
    return replace(value, lambda found: found if parse_reference(found) else link(link_id(found) or ""))


def copy_inputs_to_workspace(store: Store, job: JobRow, values: dict[str, Any]) -> None:
    """Copy the data objects of a master job's input to its workspace, so that its token can access them.

    Hidden objects of the same project that they link to are copied too. Raises ObjectNotFound.
    """
    if job["parent"] and _workspace_of(store, job["parent"]) == job["workspace"]:
        return
    projects: dict[str, str | None] = {}
    replace(values, lambda found: projects.setdefault(link_id(found) or "", link_project(found)))
    for object_id, project in projects.items():
        if class_of(object_id) not in DATA_CLASSES:
            continue
        home = _placement(store, object_id, project)["project"]
        for each in with_hidden_objects(store, [object_id], home):
            copy_placement(store, _placement(store, each, home), job["workspace"], "/")


def publish_outputs(
    store: Store, job: JobRow, output: dict[str, Any], producer: JobRow | None = None
) -> None:
    """Copy the data objects of a master job's output to their destination.

    That is the output folder in the project, or the workspace of the job that launched this one. Folders of
    the workspace are recreated below that folder, and hidden objects that an output links to are copied too.
    `producer` is the job in whose workspace the objects are, if it is another one. Raises ObjectNotFound.
    """
    destination = _destination_of(store, job)
    workspace = (producer or job)["workspace"]
    produced = _objects_in(output)
    if destination == workspace:
        for object_id in produced:
            _placement(store, object_id, None)
        return
    for source in _copies_in(store, produced, workspace):
        folder = join(job["folder"], source["folder"])
        _move_preserved(store, job, source, destination, folder)
        copy_placement(store, source, destination, folder)


def preserve_outputs(store: Store, job: JobRow, output: dict[str, Any]) -> None:
    """Copy the data objects of any job's output to the project, if the root execution requests that.

    They are copied to the folder of `preserveJobOutputs`, and moved on if they become outputs of the root.
    Source: the help of `dx run --preserve-job-outputs`.
    """
    folder = preserved_outputs_folder(job)
    if folder is None:
        return
    for source in _copies_in(store, _objects_in(output), job["workspace"]):
        copy_placement(store, source, job["project"], join(folder, source["folder"]))


def preserved_outputs_folder(job: JobRow) -> str | None:
    """Return the folder of the project in which outputs of a job are preserved, or None if they are not."""
    return (job["requested"].get("preserveJobOutputs") or {}).get("folder")


def missing_output(store: Store, job: JobRow) -> str | None:
    """Return a data object of a job's output that is no longer at its destination, or None."""
    destination = _destination_of(store, job)
    made = [each for each in _objects_in(job["output"] or {}) if _is_in(store, each, job["workspace"])]
    return next((each for each in made if not _is_in(store, each, destination)), None)


def with_hidden_objects(store: Store, object_ids: Iterable[str], project: str) -> list[str]:
    """Return these objects and all hidden objects of the project that they link to, even indirectly."""
    found = dict.fromkeys(object_ids)
    pending = list(found)
    while pending:
        targets = store.column(
            "SELECT link.target FROM link JOIN object ON object.id = link.target"
            " JOIN placement ON placement.object = link.target"
            " WHERE link.source = ? AND placement.project = ? AND object.hidden",
            pending.pop(),
            project,
        )
        for target in targets:
            if target not in found:
                found[target] = None
                pending.append(target)
    return list(found)


def copy_placement(store: Store, placement: PlacementRow, project: str, folder: str) -> None:
    """Copy an object with its name, tags and properties to another project, unless it is already there."""
    add_folders(store, project, folder)
    if store.exists("SELECT 1 FROM placement WHERE project = ? AND object = ?", project, placement["object"]):
        return
    store.insert("placement", **{**placement, "project": project, "folder": folder})


def add_folders(store: Store, project: str, folder: str) -> None:
    """Create a folder and its parents, if they do not exist."""
    for path in with_parents(folder):
        parent = None if path == "/" else parent_of(path)
        store.execute("INSERT OR IGNORE INTO folder VALUES (?, ?, ?)", project, path, parent)


def _objects_in(output: dict[str, Any]) -> list[str]:
    return [entity for entity in links_in(output) if class_of(entity) in DATA_CLASSES]


def _copies_in(store: Store, object_ids: Iterable[str], workspace: str) -> list[PlacementRow]:
    """Return the copies of objects, and of the hidden objects that they link to, in a workspace."""
    copies = (
        _placement(store, each, workspace) for each in with_hidden_objects(store, object_ids, workspace)
    )
    return [copy for copy in copies if copy["project"] == workspace]


def _move_preserved(store: Store, job: JobRow, source: PlacementRow, destination: str, folder: str) -> None:
    """Move an object from the preserved outputs to the folder of regular outputs, with current metadata."""
    preserved = preserved_outputs_folder(job)
    copy = _placement(store, source["object"], destination)
    if preserved is None or copy["project"] != destination or not is_within(copy["folder"], preserved):
        return
    add_folders(store, destination, folder)
    kept = {name: source[name] for name in ("name", "tags", "properties")}
    store.change_placement(destination, source["object"], folder=folder, **kept)


def _destination_of(store: Store, job: JobRow) -> str:
    """Return the destination of a master job's output: its project, or the workspace of its launcher."""
    launcher = _launcher(store, job)
    return (_workspace_of(store, launcher) if launcher else None) or job["project"]


def _is_in(store: Store, object_id: str, project: str) -> bool:
    return store.exists("SELECT 1 FROM placement WHERE project = ? AND object = ?", project, object_id)


def _launcher(store: Store, job: JobRow) -> str | None:
    """Return the job that launched this one, directly or through an analysis; None if a user did."""
    parent: str | None = job["parent"]
    while parent and class_of(parent) == "analysis":
        above = workspace_of(store, parent)
        parent = above["parent"] if above else None
    return parent


def _workspace_of(store: Store, job_id: str) -> str | None:
    found = workspace_of(store, job_id)
    return found["workspace"] if found else None


def _placement(store: Store, object_id: str, project: str | None) -> PlacementRow:
    """Return the placement of an object in this project, or else any of its placements."""
    found = store.one(
        PlacementRow,
        "SELECT * FROM placement WHERE object = ? ORDER BY project = ? DESC LIMIT 1",
        object_id,
        project,
    )
    if found is None:
        raise ObjectNotFound(object_id)
    return found
