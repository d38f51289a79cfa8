"""Read JSON files strictly, with the position of every value, and write them for people to read.

Anything that `dx build` or a browser rejects is rejected here, with its position: duplicate keys, NaN and
Infinity, numbers that overflow, and anything that is not UTF-8.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp import regular_file
from dx_app_wizard.dxapp.json_errors import explain
from dx_app_wizard.errors import SpecFileError
from dx_app_wizard.files import atomic_write

if TYPE_CHECKING:
    from collections.abc import Callable

JsonPath = tuple["str | int", ...]
"""The path of a value from the top: `("inputSpec", 0, "class")`."""

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_SURROGATE = re.compile("[\ud800-\udfff]")
_PLAIN_KEY = re.compile(r"[A-Za-z_][0-9A-Za-z_-]*")


@dataclass(frozen=True)
class Position:
    """A position in a text, counted from 1 as in editors."""

    line: int
    column: int


@dataclass(frozen=True)
class Document:
    """A parsed JSON text: its value, and the position at which each value in it begins."""

    value: Any
    positions: dict[JsonPath, Position]
    text: str = ""
    """The text of the file, without a byte order mark."""
    has_mark: bool = False
    """True if the file begins with a byte order mark."""

    def at(self, path: JsonPath) -> Any:
        """Return the value at path; raise LookupError if there is none."""
        value = self.value
        for step in path:
            value = value[step]
        return value

    def position(self, path: JsonPath) -> Position | None:
        """Return the position of the value at path, or of the nearest enclosing value that exists."""
        while path not in self.positions and path:
            path = path[:-1]
        return self.positions.get(path)


def path_text(path: JsonPath) -> str:
    """Return path as text: `inputSpec[0].class`, `runSpec["a key"]`, and an empty string for the top."""
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
    """Read a JSON file of an app; raise SpecFileError with line and column if it is invalid.

    Anything but a regular file is rejected, as reading a pipe might never end.
    """
    return _parsed(_bytes(regular_file.read, path), path)


def read_given(path: Path) -> Document:
    """Read a JSON file or pipe that the user named; raise SpecFileError as `read` does."""
    return _parsed(read_bytes(path), path)


def read_bytes(path: Path) -> bytes:
    """Return the contents of a file or pipe; raise SpecFileError if it cannot be read."""
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
    """Decode UTF-8 bytes read from path, without a byte order mark.

    Raises SpecFileError with the line if they are not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        hint = "Save it as UTF-8."
        raise SpecFileError(path, "is not UTF-8 text", line, hint=hint) from error


def parse(text: str, path: Path) -> Document:
    """Parse JSON text read from path; raise SpecFileError as `read` does."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        reason = explain(text, error)
        place = _place(text, reason.offset)
        raise SpecFileError(path, reason.message, *place, hint=reason.hint) from error
    except RecursionError as error:
        raise SpecFileError(path, "is nested too deeply") from error
    except ValueError as error:
        raise SpecFileError(path, f"has a number that is too long: {error}") from error
    return Document(value, _Scanner(text, path).positions(), text)


def _place(text: str, offset: int) -> tuple[int, int]:
    """Return line and column, from 1, of an offset in text."""
    before = text[:offset]
    return before.count("\n") + 1, offset - before.rfind("\n")


def dumps(value: Any) -> str:
    """Return value as the text of a file: indented by two spaces, not escaped to ASCII, with a final newline.

    Raises ValueError for NaN and Infinity, which JSON does not have.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    return escaped_surrogates(text) + "\n"


def escaped_surrogates(text: str) -> str:
    """Escape unpaired surrogates in JSON text, which UTF-8 cannot encode."""
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def write(path: Path, value: Any) -> None:
    """Write value to path, formatted by `dumps`. The file is replaced atomically."""
    atomic_write(path, dumps(value))


class _Scanner:
    """Record where each value of a valid JSON text begins, without recursion."""

    def __init__(self, text: str, path: Path) -> None:
        self._path = path
        self._text = text
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def positions(self) -> dict[JsonPath, Position]:
        """Return the positions of values; raise SpecFileError at a duplicate key or an overflowing number."""
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
        """Step over a comma; return whether a key comes next."""
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
            self._fail(match, f"is not JSON: {text} is not a JSON value")
        if text[0] in "-0123456789" and math.isinf(float(text)):
            self._fail(match, f"has a number that is too large: {text}")

    def _fail(self, match: re.Match[str], message: str) -> None:
        position = self._position(match.start())
        raise SpecFileError(self._path, message, position.line, position.column)

    def _position(self, offset: int) -> Position:
        line = bisect_right(self._line_starts, offset)
        return Position(line, offset - self._line_starts[line - 1] + 1)
