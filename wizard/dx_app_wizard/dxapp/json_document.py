"""JSON as people write it in files: read strictly, with the place of every value; written readably.

Strictly means that what `dx build` or a browser would refuse is refused here, with its place: duplicate
keys, NaN and Infinity, numbers too large for JSON's readers, and anything that is not UTF-8.
"""

from __future__ import annotations

import codecs
import json
import math
import os
import re
import shutil
import tempfile
from bisect import bisect_right
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp import regular_file
from dx_app_wizard.dxapp.json_faults import explain
from dx_app_wizard.errors import SpecFileError

if TYPE_CHECKING:
    from collections.abc import Callable

JsonPath = tuple["str | int", ...]
"""The way to a value from the top: `("inputSpec", 0, "class")`."""

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_SURROGATE = re.compile("[\ud800-\udfff]")
_PLAIN_KEY = re.compile(r"[A-Za-z_][0-9A-Za-z_-]*")


@dataclass(frozen=True)
class Position:
    """A place in a text, as editors count: both from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Document:
    """A JSON text that was read: its value, and where each value in it begins."""

    value: Any
    positions: dict[JsonPath, Position]
    text: str = ""
    """Without the byte order mark that the file may begin with."""
    has_mark: bool = False

    def at(self, path: JsonPath) -> Any:
        """Return the value at path; raise LookupError if there is none."""
        value = self.value
        for step in path:
            value = value[step]
        return value

    def position(self, path: JsonPath) -> Position | None:
        """Return where the value at path begins, or else the nearest value around it that is there."""
        while path not in self.positions and path:
            path = path[:-1]
        return self.positions.get(path)


def path_text(path: JsonPath) -> str:
    """Return path as people write it: `inputSpec[0].class`, `runSpec["a key"]`, and `` for the top."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step, ensure_ascii=False)}]"
    return text


def read(path: Path) -> Document:
    """Read a JSON file of an app; raise SpecFileError, with line and column, for whatever is wrong with it.

    A pipe, a device or the like is wrong.
    """
    return _parsed(_bytes(regular_file.read, path), path)


def read_given(path: Path) -> Document:
    """Read a JSON file that a user has named, which may be a pipe; raise SpecFileError as `read` does."""
    return _parsed(read_bytes(path), path)


def read_bytes(path: Path) -> bytes:
    """Return what a file or pipe holds; raise SpecFileError where it cannot be read."""
    return _bytes(Path.read_bytes, path)


def _bytes(read: Callable[[Path], bytes], path: Path) -> bytes:
    try:
        return read(path)
    except OSError as error:
        raise SpecFileError(path, f"cannot be read: {error.strerror}") from error


def _parsed(data: bytes, path: Path) -> Document:
    document = parse(decode(data, path), path)
    return replace(document, has_mark=data.startswith(codecs.BOM_UTF8))


def decode(data: bytes, path: Path) -> str:
    """Return UTF-8 bytes that came from path as text, without a byte order mark.

    Raises SpecFileError, with the line, for other bytes.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        hint = "Save it as UTF-8."
        raise SpecFileError(path, "is not UTF-8 text", line, hint=hint) from error


def parse(text: str, path: Path) -> Document:
    """Parse JSON text that came from path; raise SpecFileError as `read` does."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        fault = explain(text, error)
        raise SpecFileError(path, fault.message, *_place(text, fault.offset), hint=fault.hint) from error
    except RecursionError as error:
        raise SpecFileError(path, "is nested too deeply") from error
    except ValueError as error:
        raise SpecFileError(path, f"holds a number that is too long: {error}") from error
    return Document(value, _Scanner(text, path).positions(), text)


def _place(text: str, offset: int) -> tuple[int, int]:
    """Return line and column, from 1, of an offset in text."""
    before = text[:offset]
    return before.count("\n") + 1, offset - before.rfind("\n")


def dumps(value: Any) -> str:
    """Return value as the text of a file: indented by two, non-ASCII as it is, a newline at its end.

    Raises ValueError for NaN and Infinity, which JSON does not have.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    return escaped_surrogates(text) + "\n"


def escaped_surrogates(text: str) -> str:
    """Return JSON text with halves of characters, which UTF-8 does not have, as escapes."""
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def write(path: Path, value: Any) -> None:
    """Write value to path as `dumps` has it; the file is there entire or not at all."""
    write_text(path, dumps(value))


def write_text(path: Path, text: str, *, keep_mode: bool = False) -> None:
    """Write text to path as UTF-8; the file is there entire or not at all.

    Only its owner can read it, unless `keep_mode` leaves a file that exists its permissions.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        if keep_mode:
            shutil.copymode(path, temporary)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


class _Scanner:
    """Walks the tokens of a text known to be JSON and notes where each value begins; no recursion."""

    def __init__(self, text: str, path: Path) -> None:
        self._path = path
        self._text = text
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def positions(self) -> dict[JsonPath, Position]:
        """Return where values begin; raise SpecFileError at a duplicate key or an impossible number."""
        positions: dict[JsonPath, Position] = {}
        here: list[str | int] = []
        keys: list[set[str] | None] = []
        awaits_key = False
        for match in TOKEN.finditer(self._text):
            text = match[0]
            if text == ":":
                continue
            if text == ",":
                awaits_key = self._next_element(here, keys)
            elif text in "}]":
                keys.pop()
                here.pop()
                awaits_key = False
            elif awaits_key:
                self._enter_key(match, here, keys)
                awaits_key = False
            else:
                positions[tuple(here)] = self._position(match.start())
                self._check_literal(match)
                if text in "{[":
                    keys.append(set() if text == "{" else None)
                    here.append("" if text == "{" else 0)
                    awaits_key = text == "{"
        return positions

    @staticmethod
    def _next_element(here: list[str | int], keys: list[set[str] | None]) -> bool:
        """Step over a comma; tell whether a key comes next."""
        last = here[-1]
        if isinstance(last, int):
            here[-1] = last + 1
        return keys[-1] is not None

    def _enter_key(self, match: re.Match[str], here: list[str | int], keys: list[set[str] | None]) -> None:
        key = json.loads(match[0])
        known = keys[-1]
        if known is None or key in known:
            self._fail(match, f"has the key {key!r} twice in the same object")
        else:
            known.add(key)
        here[-1] = key

    def _check_literal(self, match: re.Match[str]) -> None:
        text = match[0]
        if text in ("NaN", "Infinity", "-Infinity"):
            self._fail(match, f"is not JSON: {text} is no JSON value")
        if text[0] in "-0123456789" and math.isinf(float(text)):
            self._fail(match, f"holds a number that is too large: {text}")

    def _fail(self, match: re.Match[str], message: str) -> None:
        position = self._position(match.start())
        raise SpecFileError(self._path, message, position.line, position.column)

    def _position(self, offset: int) -> Position:
        line = bisect_right(self._line_starts, offset)
        return Position(line, offset - self._line_starts[line - 1] + 1)
