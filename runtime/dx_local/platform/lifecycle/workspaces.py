"""Moving data objects between the workspace of a job and where its output goes: rows only, no bytes.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/containers-for-execution
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.links import link, link_id, link_project, links_in, parse_reference, replace
from dx_local.platform.core.ids import class_of
from dx_local.platform.requests.folder_paths import is_within, join, parent_of, with_parents

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dx_local.platform.core.store import Row, Store


DATA_CLASSES = frozenset({"file", "record", "applet", "workflow", "gtable", "database", "dbcluster"})


class ObjectNotFound(Exception):  # noqa: N818 - named for what it is about
    """A link names a data object that does not exist, or that lies in no project."""

    def __init__(self, object_id: str) -> None:
        super().__init__(f"{object_id} does not exist")
        self.object_id = object_id


def plain_links(value: Any) -> Any:
    """Return value with every link in its simple form, which is what clients expect of an output."""
    return replace(value, lambda found: found if parse_reference(found) else link(link_id(found) or ""))


def bring_in(store: Store, job: Row, values: dict[str, Any]) -> None:
    """Put the data objects of a master job's input into its workspace, where its token reaches them.

    Hidden objects beside them that they link to come along. Raises ObjectNotFound.
    """
    if job["parent"] and _workspace_of(store, job["parent"]) == job["workspace"]:
        return
    projects: dict[str, str | None] = {}
    replace(values, lambda found: projects.setdefault(link_id(found) or "", link_project(found)))
    for object_id, project in projects.items():
        if class_of(object_id) not in DATA_CLASSES:
            continue
        home = _placement(store, object_id, project)["project"]
        for each in with_hidden(store, [object_id], home):
            place(store, _placement(store, each, home), job["workspace"], "/")


def hand_over(store: Store, job: Row, output: dict[str, Any], maker: Row | None = None) -> None:
    """Put the data objects of a master job's output where its launcher wants them.

    That is the folder of the project, or the workspace of the job that launched it; folders in the workspace
    continue below that folder, and hidden objects that an output links to come along. `maker` is the job
    whose workspace they lie in, where that is another one. Raises ObjectNotFound.
    """
    destination = _destination_of(store, job)
    workspace = (maker or job)["workspace"]
    produced = _objects_in(output)
    if destination == workspace:
        for object_id in produced:
            _placement(store, object_id, None)
        return
    for source in _copies_in(store, produced, workspace):
        folder = join(job["folder"], source["folder"])
        _take_from_preserved(store, job, source, destination, folder)
        place(store, source, destination, folder)


def preserve(store: Store, job: Row, output: dict[str, Any]) -> None:
    """Copy the data objects of any job's output into the project, if its root execution asks for that.

    They go into the folder of `preserveJobOutputs`, and on from there if they become output of the root.
    Source: the help of `dx run --preserve-job-outputs`.
    """
    folder = preserving_folder(job)
    if folder is None:
        return
    for source in _copies_in(store, _objects_in(output), job["workspace"]):
        place(store, source, job["project"], join(folder, source["folder"]))


def preserving_folder(job: Row) -> str | None:
    """Return the folder of the project in which outputs of a job are preserved, None if they are not."""
    asked: dict[str, str] = job["requested"].get("preserveJobOutputs") or {}
    return asked.get("folder")


def missing_of(store: Store, job: Row) -> str | None:
    """Return a data object of a job's output that has left the place where it was put, or None."""
    destination = _destination_of(store, job)
    made = [each for each in _objects_in(job["output"]) if _lies_in(store, each, job["workspace"])]
    return next((each for each in made if not _lies_in(store, each, destination)), None)


def with_hidden(store: Store, object_ids: Iterable[str], project: str) -> list[str]:
    """Return these objects and, at any distance, the hidden objects of the project that they link to."""
    found = dict.fromkeys(object_ids)
    pending = list(found)
    while pending:
        rows = store.all(
            "SELECT link.target FROM link JOIN object ON object.id = link.target"
            " JOIN placement ON placement.object = link.target"
            " WHERE link.source = ? AND placement.project = ? AND object.hidden",
            pending.pop(),
            project,
        )
        for target in (row["target"] for row in rows):
            if target not in found:
                found[target] = None
                pending.append(target)
    return list(found)


def place(store: Store, placement: Row, project: str, folder: str) -> None:
    """Put an object into another project, with its name, tags and properties, unless it is there already."""
    add_folders(store, project, folder)
    if store.one("SELECT 1 FROM placement WHERE project = ? AND object = ?", project, placement["object"]):
        return
    store.insert("placement", **{**placement, "project": project, "folder": folder})


def add_folders(store: Store, project: str, folder: str) -> None:
    """Make a folder and those above it, where they are missing."""
    for path in with_parents(folder):
        parent = None if path == "/" else parent_of(path)
        store.execute("INSERT OR IGNORE INTO folder VALUES (?, ?, ?)", project, path, parent)


def _objects_in(output: dict[str, Any]) -> list[str]:
    return [entity for entity in links_in(output) if class_of(entity) in DATA_CLASSES]


def _copies_in(store: Store, object_ids: Iterable[str], workspace: str) -> list[Row]:
    """Return the copies in a workspace of objects and of hidden ones that they link to."""
    copies = (_placement(store, each, workspace) for each in with_hidden(store, object_ids, workspace))
    return [copy for copy in copies if copy["project"] == workspace]


def _take_from_preserved(store: Store, job: Row, source: Row, destination: str, folder: str) -> None:
    """Move an object that was preserved to a folder of regular outputs, as its copy in the workspace is."""
    preserved = preserving_folder(job)
    copy = _placement(store, source["object"], destination)
    if preserved is None or copy["project"] != destination or not is_within(copy["folder"], preserved):
        return
    add_folders(store, destination, folder)
    kept = {name: source[name] for name in ("name", "tags", "properties")}
    store.change_placement(destination, source["object"], folder=folder, **kept)


def _destination_of(store: Store, job: Row) -> str:
    """Return where a master job's output goes: its project, or the workspace of the job that launched it."""
    launcher = _launcher(store, job)
    return (_workspace_of(store, launcher) if launcher else None) or str(job["project"])


def _lies_in(store: Store, object_id: str, project: str) -> bool:
    found = store.one("SELECT 1 FROM placement WHERE project = ? AND object = ?", project, object_id)
    return found is not None


def _launcher(store: Store, job: Row) -> str | None:
    """Return the job that launched this one, or the analysis that this one is a stage of; None for a user."""
    parent: str | None = job["parent"]
    while parent and class_of(parent) == "analysis":
        parent = store.value("SELECT parent FROM job WHERE id = ?", parent)
    return parent


def _workspace_of(store: Store, job_id: str) -> str | None:
    workspace: str | None = store.value("SELECT workspace FROM job WHERE id = ?", job_id)
    return workspace


def _placement(store: Store, object_id: str, project: str | None) -> Row:
    """Return where an object lies: in this project if it does, or else anywhere."""
    rows = store.all("SELECT * FROM placement WHERE object = ? ORDER BY project = ? DESC", object_id, project)
    if not rows:
        raise ObjectNotFound(object_id)
    return rows[0]
