"""The contents of values: two values are equal if their data objects have the same bytes and metadata.

IDs differ from run to run, so they do not count.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from dx_local.engine.ledger.ledger import content_of
from dx_local.engine.resume.carried_objects import ID, ids_in, referred_by
from dx_local.platform.core.errors import ApiError
from dx_local.platform.core.schema import PlacementRow
from dx_local.platform.data import file_bytes
from dx_local.platform.gtables import gtables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dx_local.engine.ledger.ledger import Content
    from dx_local.platform.core.context import Platform
    from dx_local.platform.core.schema import ObjectRow

_WITH_BYTES = ("file", "gtable")

INode = tuple[int, int, int, int]
"""A file on the disk in one version: device, inode, size, and time of change."""


class SharedDigests:
    """The contents of files on the disk, each of which is read once, however many platforms link to it."""

    def __init__(self) -> None:
        self._known: dict[tuple[INode, ...], Content] = {}

    def known(self, paths: list[Path]) -> Content | None:
        """Return the content of consecutive files if it is known. Raises OSError."""
        return self._known.get(_version(paths))

    def learn(self, paths: list[Path], content: Content) -> None:
        """Remember a content that was recorded. Raises OSError."""
        self._known[_version(paths)] = content

    def read(self, paths: list[Path]) -> Content:
        """Return the content of consecutive files; may be called in any thread. Raises OSError."""
        version = _version(paths)
        if version not in self._known:
            self._known[version] = content_of(paths)
        return self._known[version]


class Contents:
    """The contents of the values of one platform; `recorded` returns the content of an object's bytes."""

    def __init__(self, platform: Platform, recorded: Callable[[str], Content | None]) -> None:
        self._platform = platform
        self._recorded = recorded
        self._computed: dict[str, Content] = {}
        self._identities: dict[str, str] = {}

    def unread(self, value: Any) -> dict[str, list[Path]]:
        """Return the files with the bytes of each object in a value whose content is not known yet.

        Objects whose bytes are missing or have changed are left out: their content stays unknown.
        """
        found: dict[str, list[Path]] = {}
        pending, seen = ids_in(value), set()
        while pending:
            object_id = pending.pop()
            row = None if object_id in seen else self._platform.store.get("object", object_id)
            seen.add(object_id)
            if row is None:
                continue
            pending += referred_by(row)
            if row["class"] in _WITH_BYTES and self.bytes_of(object_id) is None:
                paths = paths_of(self._platform, object_id)
                if paths:
                    found[object_id] = paths
        return found

    def users_files(self) -> Iterator[tuple[str, list[Path]]]:
        """Yield the user's files that are unchanged, with their paths."""
        query = "SELECT id FROM object WHERE class = 'file' AND json_extract(fields, '$.source') IS NOT NULL"
        for object_id in self._platform.store.column(query):
            if paths := paths_of(self._platform, object_id):
                yield object_id, paths

    def learn(self, object_id: str, content: Content) -> None:
        """Remember the content of an object's bytes, which was read."""
        self._computed[object_id] = content
        self._identities.clear()  # those of objects that link to this one

    def bytes_of(self, object_id: str) -> Content | None:
        """Return the content of an object's bytes if it is recorded or was read."""
        return self._computed.get(object_id) or self._recorded(object_id)

    def of(self, value: Any) -> str:
        """Return a digest of a value. An object of unknown content is equal to none but itself."""
        text = json.dumps(value, sort_keys=True)
        return _digest(ID.sub(lambda found: self._identity(found[0]), text))

    def _identity(self, object_id: str) -> str:
        if object_id not in self._identities:
            self._identities[object_id] = object_id  # ends the recursion of objects that link to each other
            row = self._platform.store.get("object", object_id)
            if row is not None:
                self._identities[object_id] = self._identity_of(row)
        return self._identities[object_id]

    def _identity_of(self, row: ObjectRow) -> str:
        placement = self._platform.store.one(
            PlacementRow, "SELECT * FROM placement WHERE object = ? LIMIT 1", row["id"]
        )
        named = [placement and placement[key] for key in ("name", "tags", "properties")]
        if row["class"] in _WITH_BYTES:
            content = self.bytes_of(row["id"])
            if content is None:
                return row["id"]
            columns = [row["fields"].get(key) for key in ("columns", "indices")]
            described: list[Any] = [*content, columns]
        else:
            described = [{key: value for key, value in row["fields"].items() if key != "local"}]
        parts = [row["class"], *named, row["types"], row["details"], described]
        return f"content-{self.of(parts)}"


def paths_of(platform: Platform, object_id: str) -> list[Path]:
    """Return the files with the bytes of a file or table; none if they are missing or have changed."""
    if object_id.startswith("gtable-"):
        table = gtables.path_of(platform, object_id)
        return [table] if table.exists() else []
    try:
        return file_bytes.pieces(platform, object_id)
    except ApiError:
        return []


def _version(paths: list[Path]) -> tuple[INode, ...]:
    statuses = [path.stat() for path in paths]
    return tuple((each.st_dev, each.st_ino, each.st_size, each.st_mtime_ns) for each in statuses)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
