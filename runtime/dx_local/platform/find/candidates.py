"""Choose the index range of `placement` that a search reads, so that it does not read a whole project.

By default, a search reads the copies of a project in the order of results and stops when the page is full,
which is fast if many match. If a name, folder, ID, label or link leaves few candidates, it reads and sorts
those instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dx_local.platform.find.conditions import Condition, linking_to, one_of
from dx_local.platform.find.globs import Glob
from dx_local.platform.requests import request_fields as read
from dx_local.platform.requests.folder_paths import below

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON
    from dx_local.platform.core.store import Store

MAX_CANDIDATES = 2000
"""The limit up to which reading and sorting candidates is preferred to reading in the order of results."""

_LABELLED = "placement.object IN (SELECT object FROM label WHERE label.project = ?"


@dataclass(frozen=True)
class Range:
    """A range of an index of `placement` that contains all results of a search.

    If `index` is empty, the primary key is used.
    """

    index: str
    within: Condition
    is_ordered: bool = False

    def in_order(self) -> str:
        """Return the ORDER BY terms for the order of results: last modified first."""
        # The unary plus prevents SQLite from reading the whole project by the index of this order.
        plus = "" if self.is_ordered else "+"
        return f"{plus}placement.modified DESC, {plus}placement.sequence DESC"

    def source(self) -> str:
        """Return the FROM clause that reads this range."""
        return f"placement INDEXED BY {self.index}" if self.index else "placement"


def everything(class_name: str | None) -> Range:
    """Return the range of all copies of a class, or of all classes, in the order of results."""
    if class_name is None:
        return Range("placement_by_time", Condition("1"), is_ordered=True)
    of_class = Condition("placement.class = ?", (class_name,))
    return Range("placement_by_class", of_class, is_ordered=True)


def best_range(store: Store, project: str, request: JSON, folder: str, *, recurse: bool) -> Range:
    """Return the range that a search in a folder should read: the smallest one, or else everything."""
    smallest, size = everything(read.optional_text(request, "class")), MAX_CANDIDATES
    candidates = [
        *_of_objects(request),
        *_of_names(request.get("name")),
        *_of_labels(project, request),
        *_of_folder(folder, recurse=recurse),
    ]
    for candidate in candidates:
        found = store.value(
            f"SELECT COUNT(*) FROM (SELECT 1 FROM {candidate.source()}"
            f" WHERE placement.project = ? AND {candidate.within.sql} LIMIT ?)",
            project,
            *candidate.within.values,
            size,
        )
        if found < size:
            smallest, size = candidate, found
    return smallest


def _of_objects(request: JSON) -> list[Range]:
    found = []
    if request.get("id") is not None:
        found.append(Range("", one_of("placement.object", read.strings(request, "id"))))
    if request.get("link") is not None:
        found.append(Range("", linking_to(read.text(request, "link"))))
    return found


def _of_names(wanted: Any) -> list[Range]:
    if isinstance(wanted, str):
        return [Range("placement_by_name", Condition("placement.name = ?", (wanted,)))]
    if not isinstance(wanted, dict) or not isinstance(wanted.get("glob"), str):
        return []
    glob = Glob.parse(wanted["glob"])
    columns = {
        "placement_by_name": ("placement.name", glob.prefix),
        "placement_by_ending": ("backwards(placement.name)", glob.suffix[::-1]),
    }
    return [Range(index, _starting_with(*column)) for index, column in columns.items() if column[1]]


def _of_labels(project: str, request: JSON) -> list[Range]:
    """Return a range for each tag and property that all results must have."""
    found: list[tuple[str, tuple[str, ...]]] = [
        ("kind = 'tag' AND key = ?", (tag,))
        for field in ("tag", "tags")
        for tag in _required(request.get(field))
    ]
    for properties in _required(request.get("properties")):
        for key, value in properties.items():
            if value is True:
                found.append(("kind = 'property' AND key = ?", (key,)))
            else:
                found.append(("kind = 'property' AND key = ? AND value = ?", (key, value)))
    return [Range("", Condition(f"{_LABELLED} AND {sql})", (project, *values))) for sql, values in found]


def _required(wanted: Any) -> list[Any]:
    """Return the operands of a condition that all results must meet; those of `$or` are not among them."""
    if wanted is None or (isinstance(wanted, dict) and "$or" in wanted):
        return []
    if isinstance(wanted, dict) and "$and" in wanted:
        return [each for operand in wanted["$and"] for each in _required(operand)]
    return [wanted]


def _of_folder(folder: str, *, recurse: bool) -> list[Range]:
    if not recurse:
        return [Range("placement_by_folder", Condition("placement.folder = ?", (folder,)))]
    if folder == "/":
        return []
    _, high = below(folder)
    within = Condition("placement.folder >= ? AND placement.folder < ?", (folder, high))
    return [Range("placement_by_folder", within)]


def _starting_with(column: str, text: str) -> Condition:
    """Match values that start with a text; no character sorts after U+10FFFF."""
    return Condition(f"{column} >= ? AND {column} <= ?", (text, text + "\U0010ffff" * 2))
