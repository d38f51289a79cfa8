"""The files and folders of a mount: each file of a manifest or project with its path below the mount point.

If a folder has several files of a name, all but the first are in the subfolders 1, 2 and so on; `/` in
names of files becomes `___`. Source: https://github.com/dnanexus/dxfuse (README).
"""

from __future__ import annotations

import itertools
import json
import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import dxpy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    JSON = dict[str, Any]

_FIELDS = {"name": True, "size": True, "created": True, "modified": True, "folder": True, "state": True}


class LayoutError(Exception):
    """A manifest or project cannot be mounted."""


class MountedFile(NamedTuple):
    """A file of the platform, and its path below the mount point, without `/` at the beginning."""

    path: str
    file_id: str
    project: str | None
    size: int
    modified: int
    """Milliseconds since the epoch."""


@dataclass
class Layout:
    """The content of a mount; `notes` are for the log."""

    files: list[MountedFile] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def read_manifest(path: str) -> JSON:
    """Return the content of a manifest with its keys in lower case. Raises LayoutError."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except (OSError, ValueError) as error:
        raise LayoutError(f"manifest {path} cannot be read: {error}") from error
    manifest = {name.lower(): value for name, value in content.items()} if isinstance(content, dict) else None
    lists = [(manifest or {}).get(name) or [] for name in ("files", "directories")]
    if manifest is None or not all(
        isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries) for entries in lists
    ):
        raise LayoutError(f"manifest {path} does not hold lists of files and directories")
    return manifest


def layout_of_manifest(manifest: JSON) -> Layout:
    """Return the layout of a manifest: `files` by ID, `directories` by project and folder.

    Raises LayoutError, and DXError if a file or folder does not exist.
    """
    layout = Layout()
    by_folder: dict[str, list[tuple[str, JSON]]] = {}
    for entry in manifest.get("files") or ():
        file_id, project = entry.get("file_id"), entry.get("proj_id")
        parent = _relative(entry.get("parent"))
        described = {**_described(file_id, project), "id": file_id}
        described["name"] = str(entry.get("fname") or described["name"])
        by_folder.setdefault(parent, []).append((str(project), described))
    for parent, found in by_folder.items():
        _add_folder(layout, parent)
        _place(layout, parent, found)
    for entry in manifest.get("directories") or ():
        place = _relative(entry.get("dirname"))
        _add_tree(layout, str(entry.get("proj_id")), entry.get("folder") or "/", place)
    return layout


def layout_of_projects(names: Sequence[str]) -> Layout:
    """Return the layout of projects, each in a folder with its name. Raises LayoutError and DXError."""
    layout = Layout()
    for name in names:
        project = _project_id(name)
        title = _describe_project(project).get("name") or project
        if "/" in title or title in (".", ".."):
            raise LayoutError(f"the name of project {project}, {title!r}, cannot be that of a folder")
        _add_tree(layout, project, "/", title)
    return layout


def _project_id(name: str) -> str:
    if name.startswith(("project-", "container-")):
        return name
    found = [project["id"] for project in dxpy.find_projects(name=name, level="VIEW")]
    if len(found) != 1:
        raise LayoutError(f"{'several projects have the' if found else 'no project with'} name {name}")
    return str(found[0])


def _describe_project(project: str) -> JSON:
    described: JSON = dxpy.DXHTTPRequest(f"/{project}/describe", {"fields": {"name": True, "folders": True}})
    return described


def _described(file_id: Any, project: Any) -> JSON:
    if not (isinstance(file_id, str) and file_id.startswith("file-")):
        raise LayoutError(f"{file_id!r} in the manifest is not the ID of a file")
    described: JSON = dxpy.DXFile(file_id, project=project).describe(fields=_FIELDS)
    if described["state"] != "closed":
        raise LayoutError(f"{file_id} is {described['state']}, not closed")
    return described


def _add_tree(layout: Layout, project: str, folder: str, place: str) -> None:
    """Add a folder of a project, with everything in it, at a place below the mount point."""
    root = posixpath.normpath(folder)
    inside = [path for path in _describe_project(project)["folders"] if _is_inside(path, root)]
    if root not in inside:
        raise LayoutError(f"{project} has no folder {folder}")
    for path in inside:
        _add_folder(layout, _join(place, posixpath.relpath(path, root)))
    by_folder: dict[str, list[tuple[str, JSON]]] = {}
    options = {"classname": "file", "state": "closed", "project": project, "folder": root, "recurse": True}
    for found in dxpy.find_data_objects(describe={"fields": _FIELDS}, **options):
        described = {**found["describe"], "id": found["id"]}
        parent = _join(place, posixpath.relpath(described["folder"], root))
        by_folder.setdefault(parent, []).append((project, described))
    for parent, files in by_folder.items():
        _place(layout, parent, files)


def _place(layout: Layout, parent: str, files: Iterable[tuple[str, JSON]]) -> None:
    """Add the files of one folder, the oldest first; those whose names are taken go to subfolders."""
    taken: set[str] = set()
    numbered: list[tuple[str, set[str]]] = []

    def is_taken(name: str) -> bool:
        return name in taken or _join(parent, name) in layout.folders

    numbers = (str(number) for number in itertools.count(1) if not is_taken(str(number)))
    # The time of creation is in whole seconds, that of the last change is not.
    for project, described in sorted(
        files, key=lambda each: tuple(each[1][name] for name in ("created", "modified", "id"))
    ):
        name = described["name"].replace("/", "___")
        if name in ("", ".", ".."):
            layout.notes.append(f"{described['id']} is left out: its name is {name!r}")
            continue
        folder = parent
        if is_taken(name):
            known = next((each for each in numbered if name not in each[1]), None)
            if known is None:
                known = (_join(parent, next(numbers)), set())
                numbered.append(known)
                _add_folder(layout, known[0])
            known[1].add(name)
            folder = known[0]
        taken.add(name)
        layout.files.append(
            MountedFile(
                _join(folder, name),
                described["id"],
                project if project.startswith(("project-", "container-")) else None,
                described["size"],
                described["modified"],
            )
        )


def _add_folder(layout: Layout, path: str) -> None:
    while path:
        layout.folders.add(path)
        path = posixpath.dirname(path)


def _relative(path: Any) -> str:
    """Return a path of a manifest below the mount point. Raises LayoutError if it leads outside."""
    if not isinstance(path, str) or ".." in path.split("/"):
        raise LayoutError(f"{path!r} in the manifest is not a folder below the mount point")
    return posixpath.normpath(f"/{path}").lstrip("/")


def _join(folder: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(folder, name)) if folder or name != "." else ""


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")
