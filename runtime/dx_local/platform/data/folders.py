"""Folders of projects and containers, stored as rows with absolute paths.

Source: https://documentation.dnanexus.com/developer/api/data-containers/folders-and-deletion
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform.core.errors import InvalidState, ResourceNotFound
from dx_local.platform.lifecycle.workspaces import add_folders
from dx_local.platform.requests import request_fields as read
from dx_local.platform.requests.folder_paths import below, normalize_folder, parent_of

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Context
    from dx_local.platform.core.store import Store


def folder_exists(store: Store, project: str, folder: str) -> bool:
    """Return whether a project has a folder; the root always exists."""
    return folder == "/" or (
        store.exists("SELECT 1 FROM folder WHERE project = ? AND path = ?", project, folder)
    )


def ensure_folder(store: Store, project: str, path: str) -> None:
    """Create a folder and its parents if they are missing."""
    add_folders(store, project, normalize_folder(path))


def require_folder(context: Context, project: str, folder: str) -> None:
    """Raise ResourceNotFound unless the folder exists."""
    if not folder_exists(context.store, project, folder):
        # Clients search for the words before the colon.
        raise ResourceNotFound(f'The specified folder could not be found in {project}: "{folder}"')


def require_no_folder(context: Context, project: str, folder: str) -> None:
    """Raise InvalidState if the folder exists."""
    if folder_exists(context.store, project, folder):
        raise InvalidState(f'Folder "{folder}" already exists in project "{project}"')


def destination_folder(context: Context, project: str, request: JSON) -> str:
    """Return the folder of a request that creates an object; create it if the request sets `parents`."""
    folder = normalize_folder(read.text(request, "folder", "/"))
    if read.flag(request, "parents"):
        add_folders(context.store, project, folder)
    require_folder(context, project, folder)
    return folder


def folders_in(context: Context, project: str, folder: str) -> list[str]:
    """Return the full paths of the folders directly in a folder."""
    return context.store.column(
        "SELECT path FROM folder WHERE project = ? AND parent = ? ORDER BY path", project, folder
    )


def move_tree(context: Context, project: str, old: str, new: str) -> None:
    """Change the path of a folder and of everything in it; the caller has checked that `new` is free."""
    store, (low, high) = context.store, below(old)
    for table, column in (("folder", "path"), ("folder", "parent"), ("placement", "folder")):
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
    store.execute("UPDATE folder SET parent = ? WHERE project = ? AND path = ?", parent_of(new), project, new)
