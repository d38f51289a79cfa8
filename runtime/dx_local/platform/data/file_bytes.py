"""Where the bytes of files lie on this machine.

`files/FILE-ID` holds all bytes of a file; `files/FILE-ID.parts/INDEX` holds a part, while the file is open
and when it came in several parts. What a user gave a run as input is linked there, not copied: nobody writes
to it here, and when its owner does, that is noticed; when the platform closes, the link is a symbolic one.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.platform.core import large_values, local_bytes
from dx_local.platform.core.errors import InvalidState, ResourceNotFound
from dx_local.platform.core.ids import is_hash_id
from dx_local.platform.core.schema import ObjectRow

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Platform


def new_bytes_folder(platform: Platform) -> Path:
    """Return the folder for bytes on their way to a file without parts; it is on the disk of all files."""
    return platform.folder / "files"


def part_folder(platform: Platform, file_id: str) -> Path:
    """Return the folder that the parts of a file are in while it is open; made if it is not there."""
    folder = _parts_path(platform, file_id)
    folder.mkdir(exist_ok=True)
    return folder


def link_whole(platform: Platform, file_id: str, source: Path) -> JSON:
    """Have a user's own file be the bytes of a file; return the `fields` by which changes are noticed."""
    whole = whole_path(platform, file_id)
    platform.store.after_rollback(lambda: whole.unlink(missing_ok=True))
    local_bytes.clone_or_link(source, whole)
    if whole.is_symlink():
        platform.link_targets.append(whole.resolve())
    status = whole.stat()
    return {"size": status.st_size, "changed": status.st_mtime_ns, "source": str(source.resolve())}


def replace_hard_links(platform: Platform) -> None:
    """Put symbolic links in the place of hard links to users' files, once nothing needs the bytes any more.

    Programs such as gzip leave files alone that have more than one name.
    """
    query = "SELECT * FROM object WHERE class = 'file' AND json_extract(fields, '$.source') IS NOT NULL"
    for row in platform.store.all(ObjectRow, query):
        source, whole = Path(row["fields"]["source"]), whole_path(platform, row["id"])
        with suppress(OSError):
            if source.samefile(whole) and not whole.is_symlink():
                with local_bytes.temporary_in(whole.parent) as link:
                    link.symlink_to(source)
                    link.replace(whole)


def store_part(platform: Platform, file_id: str, position: int, received: Path) -> None:
    """Move the bytes of a part of an open file to their place."""
    # A server that was killed may have stored all bytes at once, but not committed that.
    whole_path(platform, file_id).unlink(missing_ok=True)
    received.replace(part_folder(platform, file_id) / str(position))


def store_whole(platform: Platform, file_id: str, received: Path) -> None:
    """Move all bytes of a file to their place; remove them if the transaction is rolled back."""
    whole = whole_path(platform, file_id)
    platform.store.after_rollback(lambda: whole.unlink(missing_ok=True))
    received.replace(whole)


def promote_only_part(platform: Platform, file_id: str, position: int) -> None:
    """Move the only part of a closed file to where all bytes of a file are, if that is possible."""
    folder = _parts_path(platform, file_id)
    with suppress(OSError):  # the part remains readable where it is
        (folder / str(position)).replace(whole_path(platform, file_id))
        shutil.rmtree(folder, ignore_errors=True)


def pieces(platform: Platform, file_id: str) -> list[Path]:
    """Return the local files that hold the bytes of a closed file, one after the other.

    Raises ResourceNotFound when they are gone, and InvalidState when they are not what they were when the
    file was closed: then a user has edited an input while it was in use.
    """
    found = _pieces(platform, file_id)
    row = platform.store.get("object", file_id)
    try:
        statuses = [path.stat() for path in found]
    except FileNotFoundError:
        statuses = []
    if not statuses or row is None:
        raise ResourceNotFound(f"the bytes of {file_id} are gone; was the local file removed?")
    changed = row["fields"].get("changed")
    is_same = changed is None or changed == statuses[0].st_mtime_ns
    if not is_same or sum(status.st_size for status in statuses) != row["fields"]["size"]:
        raise InvalidState(f"the bytes of {file_id} have changed on disk since it was closed")
    return found


def copy_out(platform: Platform, file_id: str, destination: Path) -> None:
    """Put a copy of a closed file at destination, in whose place it comes at once; users may edit it."""
    local_bytes.copy_to(pieces(platform, file_id), destination)


def remove_unfinished(platform: Platform) -> None:
    """Remove the files that an earlier server was writing when it was killed."""
    files = new_bytes_folder(platform)
    for folder in (files, *files.glob("*.parts"), platform.folder / large_values.FOLDER):
        for unfinished in folder.glob(f"*{local_bytes.TEMPORARY}"):
            unfinished.unlink()


def forget(platform: Platform, object_id: str) -> None:
    """Once the transaction is committed, remove what is stored of a file; local inputs lose only our link."""
    if not is_hash_id(object_id, "file"):
        return

    def remove() -> None:
        whole_path(platform, object_id).unlink(missing_ok=True)
        shutil.rmtree(_parts_path(platform, object_id), ignore_errors=True)

    platform.store.execute("DELETE FROM part WHERE file = ?", object_id)
    platform.store.after_commit(remove)


def whole_path(platform: Platform, file_id: str) -> Path:
    """Return where all bytes of a file lie, if they lie in one piece."""
    return platform.folder / "files" / file_id


def part_path(platform: Platform, file_id: str, position: int) -> Path:
    """Return where the bytes of a part of an open file lie."""
    return _parts_path(platform, file_id) / str(position)


def _pieces(platform: Platform, file_id: str) -> list[Path]:
    whole = whole_path(platform, file_id)
    if whole.exists():
        return [whole]
    positions = platform.store.column("SELECT position FROM part WHERE file = ? ORDER BY position", file_id)
    return [_parts_path(platform, file_id) / str(position) for position in positions]


def _parts_path(platform: Platform, file_id: str) -> Path:
    return platform.folder / "files" / f"{file_id}.parts"
