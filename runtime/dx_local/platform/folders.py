"""Folders of projects and containers: rows that name absolute paths, nothing on a disk.

Source: https://documentation.dnanexus.com/developer/api/data-containers/folders-and-deletion
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform import fields as read
from dx_local.platform.delivery import add_folders
from dx_local.platform.errors import InvalidInput, InvalidState, ResourceNotFound

if TYPE_CHECKING:
    from dx_local.platform.context import JSON, Context
    from dx_local.platform.store import Store


def normalize_folder(path: str) -> str:
    """Return an absolute folder path with runs of slashes made one and none at the end.

    Raises InvalidInput for a relative path, for `.` and `..`, and for a NUL character.
    """
    if not path.startswith("/"):
        raise InvalidInput(f'the folder "{path}" must be an absolute path; begin it with "/"')
    parts = [part for part in path.split("/") if part]
    if "." in parts or ".." in parts:
        raise InvalidInput(f'the folder "{path}" must not contain "." or ".."; write the full path')
    if "\0" in path:
        raise InvalidInput("a folder's path contains a NUL character; leave it out")
    return "/" + "/".join(parts)


def parent_of(folder: str) -> str:
    """Return the folder that a folder other than the root lies in."""
    return folder.rpartition("/")[0] or "/"


def base_name(folder: str) -> str:
    """Return the last part of a folder's path; empty for the root."""
    return folder.rpartition("/")[2]


def below(folder: str) -> tuple[str, str]:
    """Return the bounds that enclose the paths of all folders below this one: low < path < high."""
    prefix = "/" if folder == "/" else folder + "/"
    return prefix, prefix[:-1] + "0"  # "0" is the character after "/"


def folder_exists(store: Store, project: str, folder: str) -> bool:
    """Tell whether a project has a folder; the root always is."""
    return folder == "/" or (
        store.one("SELECT 1 FROM folder WHERE project = ? AND path = ?", project, folder) is not None
    )


def ensure_folder(store: Store, project: str, path: str) -> None:
    """Make a folder and those above it, where they are missing."""
    add_folders(store, project, normalize_folder(path))


def require_folder(context: Context, project: str, folder: str) -> None:
    """Return when the folder is there; raises ResourceNotFound otherwise."""
    if not folder_exists(context.store, project, folder):
        raise ResourceNotFound(f'Folder "{folder}" does not exist in project "{project}"')


def require_no_folder(context: Context, project: str, folder: str) -> None:
    """Return when there is no such folder; raises InvalidState otherwise."""
    if folder_exists(context.store, project, folder):
        raise InvalidState(f'Folder "{folder}" already exists in project "{project}"')


def folder_for_new(context: Context, project: str, request: JSON) -> str:
    """Return the folder that a request puts a new object into, made if the request says `parents`."""
    folder = normalize_folder(read.text(request, "folder", "/"))
    if read.flag(request, "parents"):
        add_folders(context.store, project, folder)
    require_folder(context, project, folder)
    return folder


def folders_in(context: Context, project: str, folder: str) -> list[str]:
    """Return the full paths of the folders directly in a folder."""
    low, high = below(folder)
    rows = context.store.all(
        "SELECT path FROM folder WHERE project = ? AND path > ? AND path < ?"
        " AND instr(substr(path, ?), '/') = 0 ORDER BY path",
        project,
        low,
        high,
        len(low) + 1,
    )
    return [row["path"] for row in rows]


def move_tree(context: Context, project: str, old: str, new: str) -> None:
    """Give a folder another path, with all that is below it; the caller has checked that new is free."""
    store, (low, high) = context.store, below(old)
    for table, column in (("folder", "path"), ("placement", "folder")):
        store.execute(
            f"UPDATE {table} SET {column} = ? || substr({column}, ?)"
            f" WHERE project = ? AND ({column} = ? OR ({column} > ? AND {column} < ?))",
            new,
            len(old) + 1,
            project,
            old,
            low,
            high,
        )
