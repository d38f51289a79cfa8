"""The record of an app's origin in its folder, `.dx-app-wizard.json`, from which it can be updated.

It has the version of this program, the template's hash, the answers, the given dxapp.json, and the text of
every file as it was rendered: the common ancestor in the three-way merge of an update.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from dx_app_wizard import __version__
from dx_app_wizard.dxapp import json_document
from dx_app_wizard.dxapp.json_document import Position
from dx_app_wizard.dxapp.model import RECORD_NAME
from dx_app_wizard.errors import RecordError, SpecFileError
from dx_app_wizard.files import files_below
from dx_app_wizard.rendering.changes import Change, FileContent, Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from dx_app_wizard.dxapp.json_document import Document, JsonPath
    from dx_app_wizard.rendering.changes import ChangeSet

RECORD_PATH = PurePosixPath(RECORD_NAME)
BUILT_IN = "built-in"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Digest:
    """The SHA-256 of a rendered file that is not text, in hexadecimal."""

    sha256: str


Base = str | Digest | None
"""A file as it was rendered: its text or digest, None if the user's own file was kept instead."""


@dataclass(frozen=True)
class Template:
    """A version of a template: its source, and the hash of its files."""

    source: str
    hash: str


@dataclass(frozen=True)
class Origin:
    """Everything from which an app is rendered; `json_file` is the text of the given dxapp.json, or None."""

    template: Template
    answers: Mapping[str, Any]
    json_file: str | None = None
    tool_version: str = __version__


@dataclass(frozen=True)
class Record:
    """The origin of an app, and the base of each of its files."""

    origin: Origin
    base: Mapping[PurePosixPath, Base]

    def dumps(self) -> str:
        """Return the record as JSON, with texts as arrays of lines, which version control compares well."""
        raw: dict[str, Any] = {
            "schema": SCHEMA_VERSION,
            "tool": {"name": "dx-app-wizard", "version": self.origin.tool_version},
            "template": {"source": self.origin.template.source, "hash": self.origin.template.hash},
            "answers": self.origin.answers,
        }
        if self.origin.json_file is not None:
            raw["json_file"] = self.origin.json_file.split("\n")
        raw["base"] = {path.as_posix(): _dump_base(base) for path, base in sorted(self.base.items())}
        return json_document.dumps(raw)


def base_of(content: FileContent) -> Base:
    """Return the base of a rendered file, for the record."""
    text = content.text
    return Digest(hashlib.sha256(content.data).hexdigest()) if text is None else text


def with_new_record(
    changes: ChangeSet,
    files: Mapping[PurePosixPath, FileContent],
    origin: Origin,
    own: Collection[PurePosixPath] = (),
    replaced: Collection[PurePosixPath] = (),
) -> ChangeSet:
    """Return the changes that write these rendered files, with the change of the record.

    `own` are files of the user, and `replaced` the rendered files instead of which the app has some of them:
    updates leave both alone. If the user's version of a file is kept, its base stays the same. Raises
    RecordError.
    """
    if changes.conflicts:
        return changes
    previous = read_record(changes.folder)
    kept = (Verdict.SKIP, Verdict.BESIDE)
    base = {
        change.path: (previous.base.get(change.path) if previous else None)
        if change.verdict in kept
        else base_of(files[change.path])
        for change in changes.changes
        if change.path not in own
    }
    base |= dict.fromkeys(replaced)
    return with_record(changes, Record(origin, base), previous)


def with_record(changes: ChangeSet, record: Record, previous: Record | None) -> ChangeSet:
    """Return the changes with that of the record last, so that an interruption leaves the previous record."""
    text = record.dumps()
    verdict = Verdict.CREATE
    if previous:
        verdict = Verdict.UNCHANGED if text == previous.dumps() else Verdict.REPLACE
    change = Change(RECORD_PATH, verdict, FileContent(text.encode()), RECORD_PATH)
    return replace(changes, changes=(*changes.changes, change))


def read_record(folder: Path) -> Record | None:
    """Return the record in an app's folder, None if there is none.

    Raises RecordError with line and column if the record is invalid.
    """
    path = folder / RECORD_PATH
    if not path.is_file():
        return None
    try:
        return _Reader(path, json_document.read(path)).record()
    except SpecFileError as error:
        raise RecordError(error) from error


def template_hash(*folders: Path) -> str:
    """Return a hash of the names and contents of all files of a template, which may be in several folders."""
    total = hashlib.sha256()
    for folder in folders:
        for path in files_below(folder):
            if "__pycache__" not in path.parts and ".git" not in path.parts:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                total.update(f"{path.relative_to(folder).as_posix()}\n{content}\n".encode())
    return f"sha256:{total.hexdigest()}"


@dataclass(frozen=True)
class _Reader:
    """A reader of records in JSON that checks every part."""

    path: Path
    document: Document

    def record(self) -> Record:
        raw = self._kind((), dict)
        if raw.get("schema") != SCHEMA_VERSION:
            self._fail(
                ("schema",),
                f"has a version other than {SCHEMA_VERSION}, the only one that this program reads",
            )
        for part in ("tool", "template", "answers", "base"):
            if part not in raw:
                self._fail((), f"lacks {part!r}")
        origin = Origin(
            template=Template(self._text(("template", "source")), self._text(("template", "hash"))),
            answers=self._kind(("answers",), dict),
            json_file=self._lines(("json_file",)) if "json_file" in raw else None,
            tool_version=self._text(("tool", "version")),
        )
        return Record(origin, {self._file(name): self._base(name) for name in self._kind(("base",), dict)})

    def _base(self, name: str) -> Base:
        path = ("base", name)
        value = self._at(path)
        if isinstance(value, dict):
            return Digest(self._text((*path, "sha256")))
        return None if value is None else self._lines(path)

    def _file(self, name: str) -> PurePosixPath:
        """Return the path of a file; reject a path that leads out of the app."""
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in name or "\0" in name:
            self._fail(("base", name), f"names {name!r}, which is not a file of the app")
        return path

    def _lines(self, path: JsonPath) -> str:
        lines = self._kind(path, list)
        if not all(isinstance(line, str) for line in lines):
            self._fail(path, "must be an array of lines")
        return "\n".join(lines)

    def _text(self, path: JsonPath) -> str:
        self._kind(path[:-1], dict)
        text: str = self._kind(path, str)
        return text

    def _kind(self, path: JsonPath, kind: type) -> Any:
        value = self._at(path)
        if not isinstance(value, kind):
            self._fail(path, f"must be {_KINDS[kind]}")
        return value

    def _at(self, path: JsonPath) -> Any:
        value = self.document.value
        for step in path:
            value = value.get(step)
        return value

    def _fail(self, path: JsonPath, problem: str) -> None:
        position = self.document.position(path) or Position(1, 1)
        where = json_document.path_text(path) or "it"
        message = f"is not a record of dx-app-wizard: {where} {problem}"
        raise SpecFileError(self.path, message, position.line, position.column)


def _dump_base(base: Base) -> Any:
    if isinstance(base, Digest):
        return {"sha256": base.sha256}
    return None if base is None else base.split("\n")


_KINDS: dict[type, str] = {str: "a string", list: "an array", dict: "an object"}
