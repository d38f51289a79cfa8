"""Read TOML files, with the line of every key if it can be found."""

from __future__ import annotations

import codecs
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dx_app_wizard.errors import Place, SpecFileError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from pathlib import Path

_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")
_HEADER = re.compile(r"\s*(\[\[?[^\[\]]+\]\]?)\s*(?:#.*)?")
_KEY = re.compile(r"""\s*((?:[\w.\s-]|"[^"]*"|'[^']*')+?)\s*=""")


@dataclass(frozen=True)
class TomlFile:
    """A parsed TOML file: its tables, and the lines of keys, from 1, by path."""

    path: Path
    value: dict[str, Any]
    lines: dict[tuple[str, ...], int]
    has_mark: bool = False
    """True if the file begins with a byte order mark."""

    def place(self, *keys: str) -> Place:
        """Return the place of a key given by its path, or of the nearest enclosing table."""
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return Place(str(self.path), self.lines.get(keys))


def read(path: Path) -> TomlFile:
    """Read a TOML file; raise SpecFileError, with line and column if known, if it is invalid."""
    if path.exists() and not path.is_file():
        raise SpecFileError(path, "is not a file")
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise SpecFileError(path, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SpecFileError(path, "is not UTF-8 text") from error
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(path, str(error)) from error
    except RecursionError as error:
        raise SpecFileError(path, "is nested too deeply") from error
    return TomlFile(path, value, _lines(text), has_mark=data.startswith(codecs.BOM_UTF8))


def _not_toml(path: Path, message: str) -> SpecFileError:
    place = _PLACE.search(message)
    line, column = (int(number) for number in place.groups()) if place and place[1] else (None, None)
    return SpecFileError(path, f"is not TOML: {_PLACE.sub('', message)}", line, column)


def _lines(text: str) -> dict[tuple[str, ...], int]:
    """Return the lines of keys. Lines are not parsed, so a multi-line string may contain a false match."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(line):
            table = _steps(header[1])
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *_steps(f"{key[1]} = 0")), number)
    return lines


def _steps(line: str) -> tuple[str, ...]:
    """Return the path of keys in a header or an assignment."""
    try:
        value: Any = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return ()
    steps = []
    while isinstance(value, dict) and value:
        step, value = next(iter(value.items()))
        steps.append(step)
    return tuple(steps)
