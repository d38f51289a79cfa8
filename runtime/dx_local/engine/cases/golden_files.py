"""Compare a text file, or some of its columns, with a golden file, exactly or within a tolerance."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from dx_local.engine.cases.contents import comparable_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SHOWN = 3  # pairs of lines
_LONGEST_LINE = 100  # characters of a line
_SEPARATORS = re.compile(r"([\s,;:=|]+)")


class MissingColumnError(Exception):
    """A table has no column of the wanted name."""

    def __init__(self, file: Path, column: str, header: list[str]) -> None:
        super().__init__(f"{file} has no column {column!r}; it has {', '.join(header)}")
        self.file = file


@dataclass(frozen=True)
class LineDifference:
    """The first lines in which two files differ, ready to print."""

    summary: str
    lines: tuple[str, ...]


def first_difference(
    golden: Path, file: Path, columns: list[str] | None, tolerance: float
) -> LineDifference | None:
    """Return the first lines in which a file differs from its golden file, or None.

    Line numbers count compared lines. Raises MissingColumnError, DamagedFileError and OSError.
    """
    pairs = zip_longest(_texts(golden, columns), _texts(file, columns))
    differing: list[tuple[int, str | None, str | None]] = []
    count = 0
    for number, (expected, got) in enumerate(pairs, 1):
        if expected == got or (tolerance and _is_near(expected, got, tolerance)):
            continue
        count += 1
        if count <= _SHOWN:
            differing.append((number, expected, got))
    if not count:
        return None
    width = len(str(differing[-1][0]))
    lines = [line for each in differing for line in _shown(*each, width)]
    more = (f"and {count - _SHOWN:,} more lines",) if count > _SHOWN else ()
    return LineDifference(f"at line {differing[0][0]}", (*lines, *more))


def header_of(file: Path) -> list[str]:
    """Return the columns that the first line of a table names. Raises as `first_difference`."""
    return _cells(next(_texts(file, None), ""))


def _texts(file: Path, columns: list[str] | None) -> Iterator[str]:
    lines = (line.decode("utf-8", "surrogateescape") for line in comparable_lines(file))
    return lines if columns is None else _only(columns, lines, file)


def _only(columns: list[str], lines: Iterator[str], file: Path) -> Iterator[str]:
    """Yield the cells of some columns of each line of a table."""
    header = _cells(next(lines, ""))
    for column in columns:
        if column not in header:
            raise MissingColumnError(file, column, header)
    places = [header.index(column) for column in columns]
    yield "\t".join(columns)
    for line in lines:
        cells = _cells(line)
        yield "\t".join(cells[place] if place < len(cells) else "" for place in places)


def _cells(line: str) -> list[str]:
    """Return the cells of a line, separated by tabs or else by commas; # at its beginning is left out."""
    text = line.rstrip("\r\n").removeprefix("#")
    return text.split("\t" if "\t" in text else ",")


def _is_near(expected: str | None, got: str | None, tolerance: float) -> bool:
    """Return whether two lines are equal but for numbers that differ by at most the tolerance."""
    if expected is None or got is None:
        return False
    ours, theirs = _SEPARATORS.split(expected), _SEPARATORS.split(got)
    return len(ours) == len(theirs) and all(
        one == other or _are_near(one, other, tolerance) for one, other in zip(ours, theirs, strict=True)
    )


def _are_near(one: str, other: str, tolerance: float) -> bool:
    try:
        return abs(float(one) - float(other)) <= tolerance
    except ValueError:
        return False


def _shown(number: int, expected: str | None, got: str | None, width: int) -> Iterator[str]:
    """Yield a line as expected and as found, in a form in which the difference can be seen."""
    is_invisible = expected is not None and got is not None and expected.split() == got.split()
    for sign, line in (("-", expected), ("+", got)):
        if line is not None:
            text = ascii(line)[1:-1] if is_invisible else line.rstrip("\r\n")
            text = text if len(text) <= _LONGEST_LINE else f"{text[: _LONGEST_LINE - 1]}…"
            yield f"{number:{width}} {sign} {text}"
