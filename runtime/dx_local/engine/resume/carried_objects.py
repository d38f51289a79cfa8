"""Carry data objects over from the platform of a kept run to that of a new run.

The objects keep their IDs, so that values which refer to them stay the same. The bytes of files are shared
with the kept run as far as that is safe, and never change the kept run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.classes import EMULATED_CLASSES
from dx_local.errors import UsageError
from dx_local.platform.core import local_bytes
from dx_local.platform.core.errors import ApiError
from dx_local.platform.core.ids import class_of
from dx_local.platform.core.json_text import to_json
from dx_local.platform.core.schema import PartRow, PlacementRow
from dx_local.platform.data import file_bytes
from dx_local.platform.gtables import gtables
from dx_local.platform.lifecycle import workspaces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dx_local.platform.core.context import Platform
    from dx_local.platform.core.schema import ObjectRow

ID = re.compile(rf"\b(?:{'|'.join(EMULATED_CLASSES)})-[0-9A-Za-z]{{24}}\b")
"""The ID of a data object in a text."""


class MissingBytesError(UsageError):
    """The bytes of a file of a kept run are gone, or are no longer those of the run."""


def ids_in(value: Any) -> list[str]:
    """Return the IDs of data objects anywhere in a JSON value, in links and in texts, without duplicates."""
    return list(dict.fromkeys(ID.findall(to_json(value))))


@dataclass(frozen=True)
class Carrier:
    """Carries objects from one platform, which is only read, to another; call it in a transaction.

    `on_change` is called with the name of an input file that its user changed since the kept run, and the
    file is used as it is now; without it, such a file is an error.
    """

    source: Platform
    target: Platform
    on_change: Callable[[str], None] | None = None
    _carried: set[tuple[str, str]] = field(default_factory=set)

    def carry(self, object_ids: list[str], project: str, *, prefer: str | None = None) -> list[str]:
        """Place objects, and all objects to which they refer, in a project; return the IDs of new ones.

        Of several copies in the kept run, that in the project `prefer` counts. IDs without an object are
        ignored. Raises MissingBytesError, and UsageError for an object that was never closed.
        """
        new = []
        pending = list(object_ids)
        while pending:
            object_id = pending.pop()
            row = self.source.store.get("object", object_id)
            if (object_id, project) in self._carried or row is None:
                continue
            self._carried.add((object_id, project))
            pending += referred_by(row)
            placement = _placement(self.source, object_id, prefer)
            if placement is None:
                continue
            if self._add(row):
                new.append(object_id)
            workspaces.copy_placement(
                self.target.store, self._placed(placement), project, placement["folder"]
            )
        return new

    def _placed(self, placement: PlacementRow) -> PlacementRow:
        sequence = self.target.store.value("SELECT sequence FROM object WHERE id = ?", placement["object"])
        return {**placement, "sequence": sequence}

    def _add(self, row: ObjectRow) -> bool:
        """Insert an object unless the target has it; return whether it is new."""
        store = self.target.store
        if store.exists("SELECT 1 FROM object WHERE id = ?", row["id"]):
            return False
        if row["state"] != "closed":
            raise UsageError(
                f"{row['id']} was never closed in the kept run", "Run the job again that makes it."
            )
        fields = self._bytes_of(row)
        columns = {**row, "fields": fields}
        del columns["sequence"]
        store.insert("object", **columns)
        return True

    def _bytes_of(self, row: ObjectRow) -> dict[str, Any]:
        """Share the bytes of an object with the target; return the object's fields there."""
        if row["class"] == "file":
            return self._bytes_of_file(row)
        if row["class"] == "gtable":
            self._share(
                gtables.path_of(self.source, row["id"]),
                gtables.path_of(self.target, row["id"]),
                local_bytes.copy_file,  # SQLite may write beside a table that it reads
            )
        return row["fields"]

    def _bytes_of_file(self, row: ObjectRow) -> dict[str, Any]:
        file_id, fields = row["id"], row["fields"]
        try:
            pieces = file_bytes.pieces(self.source, file_id)
        except ApiError as error:
            return {**fields, **self._present_bytes(row, error)}
        if len(pieces) == 1 and pieces[0].is_symlink():
            return {**fields, **file_bytes.link_whole(self.target, file_id, pieces[0])}
        for part in self.source.store.all(PartRow, "SELECT * FROM part WHERE file = ?", file_id):
            self.target.store.insert("part", **part)
        whole = file_bytes.whole_path(self.source, file_id)
        for piece in pieces:
            if piece == whole:
                target = file_bytes.whole_path(self.target, file_id)
            else:
                target = file_bytes.part_folder(self.target, file_id) / piece.name
            self._share(piece, target, local_bytes.clone_hard_link_or_copy)
        return fields

    def _present_bytes(self, row: ObjectRow, error: ApiError) -> dict[str, Any]:
        """Link a user's file that has changed since the kept run, and return the fields that describe it."""
        source = row["fields"].get("source")
        name = self.source.store.value("SELECT name FROM placement WHERE object = ? LIMIT 1", row["id"])
        if source is None or self.on_change is None or not Path(source).is_file():
            where = f" ({source})" if source else ""
            raise MissingBytesError(f"file {name!r}{where} of the kept run cannot be used: {error.message}")
        self.on_change(str(name))
        return file_bytes.link_whole(self.target, row["id"], Path(source))

    def _share(self, source: Path, target: Path, way: Callable[[Path, Path], None]) -> None:
        target.parent.mkdir(exist_ok=True)
        target.unlink(missing_ok=True)  # left by a transaction that was rolled back
        self.target.store.after_rollback(lambda: target.unlink(missing_ok=True))
        way(source, target)


def referred_by(row: ObjectRow) -> Iterator[str]:
    """Yield the objects to which an object refers; the fields of an applet name its bundled files."""
    yield from (each for each in row["links"] if class_of(each) in EMULATED_CLASSES)
    if row["class"] != "file":
        yield from ids_in([row["details"], row["fields"]])


def _placement(platform: Platform, object_id: str, prefer: str | None) -> PlacementRow | None:
    return platform.store.one(
        PlacementRow,
        "SELECT * FROM placement WHERE object = ? ORDER BY project = ? DESC LIMIT 1",
        object_id,
        prefer,
    )
