"""Files: upload in parts, close and download them, and turn local files into files of the platform.

Source: https://documentation.dnanexus.com/developer/api/introduction-to-data-object-classes/files
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from dx_local.platform.core import access, local_bytes
from dx_local.platform.core.errors import InvalidInput, InvalidState
from dx_local.platform.core.schema import PartRow
from dx_local.platform.data import archival, file_bytes, objects
from dx_local.platform.data.describe import wanted_fields
from dx_local.platform.data.media_types import media_type_of
from dx_local.platform.data.transfer_urls import DownloadTicket, UploadTicket
from dx_local.platform.requests import request_fields as read
from dx_local.platform.requests.background_work import WorkRequired

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.platform.core.context import JSON, Context, Platform
    from dx_local.platform.core.local_bytes import Part
    from dx_local.platform.core.schema import ObjectCopy, ObjectRow, PlacementRow
    from dx_local.platform.core.store import Store

# The limits that clients split files by, in bytes, as in the AWS regions.
MINIMUM_PART_SIZE = 5 << 20
MAXIMUM_PART_SIZE = 5 << 30
MAXIMUM_PARTS = 10_000
UPLOAD_PARAMETERS = {
    "minimumPartSize": MINIMUM_PART_SIZE,
    "maximumPartSize": MAXIMUM_PART_SIZE,
    "maximumFileSize": 5_497_558_138_880,
    "maximumNumParts": MAXIMUM_PARTS,
    "emptyLastPartAllowed": True,
}

_UPLOAD_VALID_FOR = 2 * 60 * 1000  # ms
_DOWNLOAD_VALID_FOR = 24 * 60 * 60 * 1000  # ms
_MAX_DURATION = 100 * 365 * 24 * 60 * 60  # s
_PART_OF_LOCAL_FILE = 64 << 20
_HASHED_INLINE = 16 << 20  # takes about 30 ms


def new(context: Context, _class: str, request: JSON) -> JSON:
    """Create an open, empty file."""
    media = read.optional_text(request, "media")
    if media is not None and not re.fullmatch(r"[ -~]+", media):
        raise InvalidInput('"media" must be a media type such as "text/plain", in printable ASCII')
    fields = {"media": media} if media else {}
    return {"id": objects.create(context, "file", request, fields=fields, state="open")}


def upload(context: Context, file_id: str, request: JSON) -> JSON:
    """Return the URL for one part of an open file, and the headers to send with the part.

    The names of the headers are in lower case, because clients compare them. The upload must begin within
    2 minutes.
    """
    _open_file(context, file_id)
    index = read.integer(request, "index", 1)
    size = read.integer(request, "size")
    md5 = read.text(request, "md5", "").lower()
    if not 1 <= index <= MAXIMUM_PARTS:
        raise InvalidInput(f'"index" must be from 1 to {MAXIMUM_PARTS}, not {index}')
    if not 0 <= size <= MAXIMUM_PART_SIZE:
        raise InvalidInput(f'"size" must be from 0 to {MAXIMUM_PART_SIZE} bytes, not {size}')
    if not re.fullmatch(r"([0-9a-f]{32})?", md5):
        raise InvalidInput('"md5" must be 32 hexadecimal digits')
    context.store.execute(
        "INSERT OR REPLACE INTO part (file, position, size, md5, state) VALUES (?, ?, ?, ?, 'pending')",
        file_id,
        index,
        size,
        md5,
    )
    expires = context.now() + _UPLOAD_VALID_FOR
    headers = {
        "host": context.base_url.partition("://")[2],
        "content-length": str(size),
        "content-type": "binary/octet-stream",
        "x-amz-server-side-encryption": "AES256",
    }
    if md5:
        headers["content-md5"] = base64.b64encode(bytes.fromhex(md5)).decode()
    ticket = UploadTicket(file_id, index, size, md5, expires)
    return {"url": ticket.url(context), "headers": headers, "expires": expires}


def receive_part(platform: Platform, ticket: UploadTicket, received: Path, md5: str) -> None:
    """Store the bytes of a part, complete at `received`, in place of an earlier upload of the part.

    Raises InvalidState if the file was closed in the meantime.
    """
    # Two transactions: if the second one fails, the row of an earlier upload must not describe new bytes.
    with platform.store.transaction():
        _check_open(platform, ticket.file_id)
        platform.store.execute(
            "UPDATE part SET state = 'pending' WHERE file = ? AND position = ? AND md5 != ?",
            ticket.file_id,
            ticket.index,
            md5,
        )
    with platform.store.transaction():
        platform.store.execute(
            "INSERT OR REPLACE INTO part (file, position, size, md5, state) VALUES (?, ?, ?, ?, 'complete')",
            ticket.file_id,
            ticket.index,
            ticket.size,
            md5,
        )
        file_bytes.store_part(platform, ticket.file_id, ticket.index, received)


def close(context: Context, file_id: str, _request: JSON) -> JSON:
    """Close a file whose parts have all been uploaded; closing it again has no effect.

    Raises InvalidState if there are no parts, one is missing, or one other than the last is too small.
    """
    row, placement = objects.get_visible(context, file_id)
    access.require(context, placement["project"], "UPLOAD")
    if row["state"] != "open":
        return {"id": file_id}
    parts = context.store.all(PartRow, "SELECT * FROM part WHERE file = ? ORDER BY position", file_id)
    _check_parts(file_id, parts)
    size = sum(part["size"] for part in parts)
    fields = {"media": _media_type_of_part(context, file_id, parts[0]), **row["fields"], "size": size}
    context.store.update("object", file_id, fields=fields)
    objects.mark_closed(context, file_id)
    if len(parts) == 1:
        context.store.after_commit(
            lambda: file_bytes.promote_only_part(context.platform, file_id, parts[0]["position"])
        )
    return {"id": file_id}


def _media_type_of_part(context: Context, file_id: str, part: PartRow) -> str:
    try:
        return media_type_of(file_bytes.part_path(context.platform, file_id, part["position"]))
    except FileNotFoundError:
        raise InvalidState(f"the bytes of part {part['position']} of {file_id} are missing") from None


def readable(context: Context, file_id: str, project: str | None) -> PlacementRow:
    """Return a placement from which the caller may read a closed file.

    Raises ResourceNotFound if the file is not in `project`, which is more than a hint here; InvalidState if
    the file is not closed or the copy is not live; PermissionDenied.
    """
    row, placement = objects.get_visible(context, file_id, project)
    if project is not None and placement["project"] != project:
        raise access.not_found(file_id, project)
    if row["state"] != "closed":
        raise InvalidState(f"{file_id} is not in the closed state; it is {row['state']}")
    state = archival.state_of(placement, context.now())
    if state != "live":
        raise InvalidState(f"{file_id} is not live in {placement['project']}; its archival state is {state}")
    return placement


def download(context: Context, file_id: str, request: JSON) -> JSON:
    """Return a URL from which a closed file can be downloaded; raises the errors of `readable`.

    A preauthenticated URL expires. Any other requires the caller's token, which the answer's headers contain.
    """
    placement = readable(context, file_id, read.optional_container(request))
    if not read.flag(request, "preauthenticated"):
        _, _, token = context.headers.get("authorization", "").partition(" ")
        url = f"{context.base_url}/F/D2PRJ/{file_id}/{placement['project']}"
        return {"url": url, "headers": {"X-Authorization": token.strip()}}
    seconds = read.integer(request, "duration", _DOWNLOAD_VALID_FOR // 1000)
    if not 0 <= seconds <= _MAX_DURATION:
        raise InvalidInput(f'"duration" must be from 0 to {_MAX_DURATION} seconds, not {seconds}')
    ticket = DownloadTicket.preauthenticated(file_id, context.now(), seconds * 1000)
    name = read.text(request, "filename", placement["name"])
    return {"url": ticket.url(context, name), "headers": {}, "expires": ticket.expires}


def check_empty(context: Context, file_id: str) -> ObjectRow:
    """Return the row of an open file without any parts. Raises InvalidState for any other file."""
    row = _open_file(context, file_id)
    if context.store.value("SELECT 1 FROM part WHERE file = ?", file_id):
        raise InvalidState(f"{file_id} already has parts")
    return row


def close_with_bytes(context: Context, file_id: str, received: Path, part_size: int) -> None:
    """Store the bytes at `received` as the contents of an empty file, and close it.

    The file is described as if it had been uploaded in parts of this size (bytes). Their MD5s are computed
    when a client first requests them. Raises InvalidInput if such parts would break the limits.
    """
    row = check_empty(context, file_id)
    size = received.stat().st_size
    if not MINIMUM_PART_SIZE <= part_size <= MAXIMUM_PART_SIZE or size > part_size * MAXIMUM_PARTS:
        raise InvalidInput(f"{size} bytes cannot come in parts of {part_size}")
    fields = {"media": media_type_of(received), **row["fields"], "size": size, "partSize": part_size}
    context.store.update("object", file_id, fields=fields)
    objects.mark_closed(context, file_id)
    file_bytes.store_whole(context.platform, file_id, received)


def link_local(context: Context, path: Path, *, project: str, folder: str, name: str) -> str:
    """Create a closed file from a local file, without reading all of its bytes, and return its ID.

    Raises InvalidInput if path is not a readable regular file.
    """
    if not path.is_file():
        raise InvalidInput(f"{path} is not a file; only regular files can be inputs")
    try:
        media = media_type_of(path)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from None
    request = {"project": project, "name": name, "folder": folder, "parents": True}
    file_id = objects.create(context, "file", request, fields={}, state="closed")
    linked = file_bytes.link_whole(context.platform, file_id, path)
    context.store.update("object", file_id, fields={"media": media, **linked})
    context.platform.publish_closed(file_id)
    return file_id


def _describe(context: Context, row: ObjectCopy, request: JSON) -> JSON:
    fields: JSON = {
        "media": row["fields"].get("media", ""),
        "archivalState": archival.state_of(row, context.now()),
    }
    if row["state"] == "closed":
        fields["size"] = row["fields"]["size"]
    if "parts" in wanted_fields(request, objects.default_fields(row)):
        fields["parts"] = _parts(context, row)
    return fields


objects.DESCRIBERS["file"] = _describe
objects.DEFAULT_FIELDS["file"] = frozenset({"media", "archivalState", "size"})
objects.DEFAULT_FIELDS_OF_OPEN["file"] = frozenset({"parts"})
objects.CONTENT_REMOVERS["file"] = file_bytes.delete_bytes


def _parts(context: Context, row: ObjectRow) -> JSON:
    """Return the parts of a file by index; those of a local file are computed at the first request."""
    store, file_id = context.store, row["id"]
    parts = store.all(PartRow, "SELECT * FROM part WHERE file = ? ORDER BY position", file_id)
    if not parts and row["state"] == "closed":
        found = _parts_of_local_file(context.platform, file_id, row["fields"])
        for position, (size, md5) in enumerate(found, start=1):
            store.insert("part", file=file_id, position=position, size=size, md5=md5, state="complete")
        parts = store.all(PartRow, "SELECT * FROM part WHERE file = ? ORDER BY position", file_id)
    return {
        str(part["position"]): {"state": part["state"], "size": part["size"], "md5": part["md5"]}
        for part in parts
    }


def part_size_of_local_file(store: Store, row: ObjectRow) -> int | None:
    """Return the size of the parts of a closed file whose MD5s have not been computed yet, else None."""
    if store.value("SELECT 1 FROM part WHERE file = ?", row["id"]):
        return None
    return _part_size(row["fields"])


def _part_size(fields: JSON) -> int:
    part_size: int = fields.get("partSize") or max(_PART_OF_LOCAL_FILE, -(-fields["size"] // MAXIMUM_PARTS))
    return part_size


def _parts_of_local_file(platform: Platform, file_id: str, fields: JSON) -> list[Part]:
    (path,) = file_bytes.pieces(platform, file_id)
    size, part_size = fields["size"], _part_size(fields)
    if size <= _HASHED_INLINE:
        return local_bytes.hash_parts(path, part_size)
    if file_id not in platform.hashed_parts:

        def work() -> None:
            platform.hashed_parts[file_id] = local_bytes.hash_parts(path, part_size)

        raise WorkRequired(f"MD5 of {file_id}", work)

    def discard() -> None:
        platform.hashed_parts.pop(file_id, None)

    # Only after the commit: if another file of the same call requires work, this transaction is repeated.
    platform.store.after_commit(discard)
    return platform.hashed_parts[file_id]


def _check_open(platform: Platform, file_id: str) -> None:
    state = platform.store.value("SELECT state FROM object WHERE id = ?", file_id)
    if state != "open":
        raise InvalidState(f"{file_id} is not in the open state; it is {state or 'removed'}")


def _open_file(context: Context, file_id: str) -> ObjectRow:
    row = objects.open_object(context, file_id)
    if row["class"] != "file":
        raise access.not_found(file_id)
    return row


def _check_parts(file_id: str, parts: list[PartRow]) -> None:
    if not parts:
        raise InvalidState(f"{file_id} has no parts; upload at least one, even if the file is empty")
    for part in parts:
        if part["state"] != "complete":
            raise InvalidState(f"part {part['position']} of {file_id} has not been uploaded")
    for part in parts[:-1]:
        if part["size"] < MINIMUM_PART_SIZE:
            raise InvalidState(
                f"part {part['position']} of {file_id} has {part['size']} bytes;"
                f" every part but the last must have at least {MINIMUM_PART_SIZE}"
            )
