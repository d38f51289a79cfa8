"""The bytes of files, stored in the platform's folder.

`files/FILE-ID` holds all bytes of a file, `files/FILE-ID.parts/INDEX` one part of a file that is open or was
uploaded in several parts. A user's input file is linked rather than copied: the runtime never writes to it
and detects changes by its modification time and size. When the platform closes, such hard links are replaced
by symbolic links.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.platform.core import large_values, local_bytes
from dx_local.platform.core.errors import InvalidState, ResourceNotFound
from dx_local.platform.core.schema import ObjectRow

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Platform
    from dx_local.platform.core.store import Store


def new_bytes_folder(platform: Platform) -> Path:
    """Return the folder for bytes that become a file without parts; it is on the file system of all files."""
    return platform.folder / "files"


def part_folder(platform: Platform, file_id: str) -> Path:
    """Return the folder for the parts of an open file, and create it if necessary."""
    folder = _parts_path(platform, file_id)
    folder.mkdir(exist_ok=True)
    return folder


def link_whole(platform: Platform, file_id: str, source: Path) -> JSON:
    """Use a user's file as the bytes of a file, and return the `fields` by which changes are detected."""
    whole = whole_path(platform, file_id)
    platform.store.after_rollback(lambda: whole.unlink(missing_ok=True))
    local_bytes.clone_or_link(source, whole)
    if whole.is_symlink():
        platform.link_targets.append(whole.resolve())
    status = whole.stat()
    return {"size": status.st_size, "changed": status.st_mtime_ns, "source": str(source.resolve())}


def replace_hard_links(platform: Platform) -> None:
    """Replace hard links to users' files by symbolic links; to be called when the platform closes.

    Programs such as gzip refuse to change a file that has several hard links.
    """
    query = "SELECT * FROM object WHERE class = 'file' AND json_extract(fields, '$.source') IS NOT NULL"
    for row in platform.store.all(ObjectRow, query):
        source, whole = Path(row["fields"]["source"]), whole_path(platform, row["id"])
        with suppress(OSError):
            if source.samefile(whole) and not whole.is_symlink():
                with local_bytes.temporary_in(whole.parent) as link:
                    link.symlink_to(source)
                    link.replace(whole)


def is_users_own(store: Store, file_id: str) -> bool:
    """Return whether the bytes of a file are those of a file of the user, to which it is linked."""
    query = "SELECT json_extract(fields, '$.source') IS NOT NULL FROM object WHERE id = ?"
    return bool(store.value(query, file_id))


def store_part(platform: Platform, file_id: str, position: int, received: Path) -> None:
    """Store the received bytes of a part of an open file."""
    # A server that was killed may have stored the whole file without committing the transaction.
    whole_path(platform, file_id).unlink(missing_ok=True)
    received.replace(part_folder(platform, file_id) / str(position))


def store_whole(platform: Platform, file_id: str, received: Path) -> None:
    """Store all bytes of a file; they are removed if the transaction is rolled back."""
    whole = whole_path(platform, file_id)
    platform.store.after_rollback(lambda: whole.unlink(missing_ok=True))
    received.replace(whole)


def promote_only_part(platform: Platform, file_id: str, position: int) -> None:
    """Move the only part of a closed file to the path of whole files, if possible."""
    folder = _parts_path(platform, file_id)
    with suppress(OSError):  # on failure, the part remains readable at its present path
        (folder / str(position)).replace(whole_path(platform, file_id))
        shutil.rmtree(folder, ignore_errors=True)


def pieces(platform: Platform, file_id: str) -> list[Path]:
    """Return the local files that hold the bytes of a closed file, in order.

    Raises ResourceNotFound if one is missing, and InvalidState if they have changed since the file was
    closed, because a user has edited an input while it was in use.
    """
    found = _pieces(platform, file_id)
    row = platform.store.get("object", file_id)
    try:
        statuses = [path.stat() for path in found]
    except FileNotFoundError:
        statuses = []
    if not statuses or row is None:
        raise ResourceNotFound(f"the bytes of {file_id} are missing; was the local file removed?")
    changed = row["fields"].get("changed")
    is_same = changed is None or changed == statuses[0].st_mtime_ns
    if not is_same or sum(status.st_size for status in statuses) != row["fields"]["size"]:
        raise InvalidState(f"the bytes of {file_id} have changed on disk since it was closed")
    return found


def copy_out(platform: Platform, file_id: str, destination: Path) -> None:
    """Copy a closed file to destination atomically; users may edit the copy."""
    local_bytes.copy_to(pieces(platform, file_id), destination)


def remove_unfinished(platform: Platform) -> None:
    """Remove temporary files that an earlier server left behind when it was killed."""
    files = new_bytes_folder(platform)
    for folder in (files, *files.glob("*.parts"), platform.folder / large_values.FOLDER):
        for unfinished in folder.glob(f"*{local_bytes.TEMPORARY}"):
            unfinished.unlink()


def delete_bytes(platform: Platform, file_id: str) -> None:
    """Delete the bytes of a file once the transaction is committed; of users' files, only the link."""

    def remove() -> None:
        whole_path(platform, file_id).unlink(missing_ok=True)
        shutil.rmtree(_parts_path(platform, file_id), ignore_errors=True)

    platform.store.execute("DELETE FROM part WHERE file = ?", file_id)
    platform.store.after_commit(remove)


def whole_path(platform: Platform, file_id: str) -> Path:
    """Return the path of a file that is stored whole."""
    return platform.folder / "files" / file_id


def part_path(platform: Platform, file_id: str, position: int) -> Path:
    """Return the path of a part of an open file."""
    return _parts_path(platform, file_id) / str(position)


def _pieces(platform: Platform, file_id: str) -> list[Path]:
    whole = whole_path(platform, file_id)
    if whole.exists():
        return [whole]
    positions = platform.store.column("SELECT position FROM part WHERE file = ? ORDER BY position", file_id)
    return [_parts_path(platform, file_id) / str(position) for position in positions]


def _parts_path(platform: Platform, file_id: str) -> Path:
    return platform.folder / "files" / f"{file_id}.parts"
