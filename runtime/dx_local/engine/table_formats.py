"""Read and write the rows of a GTable as local files: CSV, TSV and FASTQ.

A header contains the names of the columns, optionally with types as `NAME:TYPE`. A column without a type is
int64, double or string, the first of these that fits all its values. FASTQ has the columns name, sequence and
quality.
"""

from __future__ import annotations

import csv
import gzip
import re
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

from dx_local.errors import UsageError
from dx_local.platform.core.local_bytes import temporary_in
from dx_local.platform.gtables.columns import INTEGER_RANGES, TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from dx_local.platform.core.context import JSON

SUFFIXES = (".csv", ".tsv", ".fastq", ".fq")
FASTQ_COLUMNS = [{"name": name, "type": "string"} for name in ("name", "sequence", "quality")]

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True)
class TableSource:
    """A local file as a table: its columns, and a function that reads its rows from the beginning."""

    columns: list[JSON]
    rows: Callable[[], Iterator[list[Any]]]


def read_table(path: Path) -> TableSource:
    """Return the table in a file. Raises UsageError with the line, here or while rows are read."""
    suffix = format_of(path)
    if suffix not in _DELIMITERS:
        return TableSource(FASTQ_COLUMNS, lambda: _fastq_rows(path))
    columns = _columns(path, _DELIMITERS[suffix])
    return TableSource(columns, lambda: _delimited_rows(path, _DELIMITERS[suffix], columns))


def write_table(path: Path, columns: list[JSON], rows: Iterable[list[Any]]) -> None:
    """Write rows to a file in the format of its suffix, with column types. Raises UsageError."""
    suffix = format_of(path)
    with temporary_in(path.parent) as partial:
        with _opened(partial, "wt", packed=path.suffix == ".gz") as file:
            if suffix in _DELIMITERS:
                writer = csv.writer(file, delimiter=_DELIMITERS[suffix], lineterminator="\n")
                writer.writerow(f"{column['name']}:{column['type']}" for column in columns)
                writer.writerows([_as_text(value) for value in row] for row in rows)
            else:
                _write_fastq(file, columns, rows)
        partial.replace(path)


def format_of(path: Path) -> str:
    """Return the suffix that determines the format of a table file. Raises UsageError."""
    name = path.name.lower().removesuffix(".gz")
    for suffix in SUFFIXES:
        if name.endswith(suffix):
            return suffix
    raise UsageError(
        f"the format of the table {str(path)!r} is unknown", f"Its name must end in {', '.join(SUFFIXES)}."
    )


@contextmanager
def _opened(path: Path, mode: str, *, packed: bool) -> Iterator[IO[str]]:
    opener: Any = gzip.open if packed else open
    try:
        with opener(path, mode, encoding="utf-8-sig" if mode == "rt" else "utf-8", newline="") as file:
            yield file
    except UnicodeDecodeError as error:
        raise UsageError(f"{str(path)!r} is not UTF-8 text: {error.reason}") from None
    except (gzip.BadGzipFile, EOFError):
        raise UsageError(f"{str(path)!r} is not a complete gzip file") from None
    except csv.Error as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error}") from None


@contextmanager
def _lines(path: Path, delimiter: str) -> Iterator[Iterator[tuple[int, list[str]]]]:
    """Read a delimited file; yield its lines that are not empty, with their numbers."""
    with _opened(path, "rt", packed=path.suffix == ".gz") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        yield ((reader.line_num, fields) for fields in reader if fields)


def _columns(path: Path, delimiter: str) -> list[JSON]:
    with _lines(path, delimiter) as lines:
        header = next(lines, None)
        if header is None:
            raise UsageError(f"{str(path)!r} is empty", "Its first line must name the columns.")
        columns = [_column(text) for text in header[1]]
        if all(column["type"] for column in columns):
            return columns
        kinds: list[set[str]] = [set() for _ in columns]
        for number, fields in lines:
            _check_width(path, number, fields, columns)
            for seen, text in zip(kinds, fields, strict=True):
                if "string" not in seen:
                    seen.add(_kind(text))
    for column, seen in zip(columns, kinds, strict=True):
        if not column["type"]:
            column["type"] = next((kind for kind in ("string", "double", "int64") if kind in seen), "string")
    return columns


def _column(text: str) -> JSON:
    name, _, kind = text.rpartition(":")
    if name and kind in TYPES:
        return {"name": name, "type": kind}
    return {"name": text, "type": ""}


def _kind(text: str) -> str:
    # "007" and "1_000" are names rather than numbers, and must survive a round trip.
    if re.fullmatch(r"0|-?[1-9][0-9]{0,17}", text):
        return "int64"
    return "double" if re.fullmatch(r"-?[0-9]+\.[0-9]+([eE][-+]?[0-9]{1,2})?", text) else "string"


def _delimited_rows(path: Path, delimiter: str, columns: list[JSON]) -> Iterator[list[Any]]:
    readers = [_reader(column["type"]) for column in columns]
    with _lines(path, delimiter) as lines:
        for number, fields in islice(lines, 1, None):
            _check_width(path, number, fields, columns)
            try:
                yield [read(text) for read, text in zip(readers, fields, strict=True)]
            except (ValueError, KeyError):
                raise _type_error(path, number, fields, columns) from None


def _type_error(path: Path, number: int, fields: list[str], columns: list[JSON]) -> UsageError:
    column, text = next(
        (column, text)
        for column, text in zip(columns, fields, strict=True)
        if not _fits(column["type"], text)
    )
    return UsageError(
        f"{path}:{number}: {text!r} is not of type {column['type']}, the type of column {column['name']!r}"
    )


def _fits(kind: str, text: str) -> bool:
    try:
        _reader(kind)(text)
    except (ValueError, KeyError):
        return False
    return True


def _reader(kind: str) -> Callable[[str], Any]:
    if kind == "string":
        return str
    if kind == "boolean":
        return lambda text: _BOOLEANS[text.lower()]
    return int if kind in INTEGER_RANGES else float


def _check_width(path: Path, number: int, fields: list[str], columns: list[JSON]) -> None:
    if len(fields) != len(columns):
        raise UsageError(f"{path}:{number}: {len(fields)} values for {len(columns)} columns")


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _fastq_rows(path: Path) -> Iterator[list[Any]]:
    with _opened(path, "rt", packed=path.suffix == ".gz") as file:
        lines = (line.rstrip("\r\n") for line in file)
        for number, record in enumerate(iter(lambda: list(islice(lines, 4)), [])):
            if len(record) == 1 and not record[0]:
                return
            is_whole = len(record) == 4 and record[0].startswith("@") and record[2].startswith("+")
            if not is_whole or len(record[1]) != len(record[3]):
                raise UsageError(
                    f"{path}:{number * 4 + 1}: no FASTQ record begins here",
                    "A record has four lines: @NAME, sequence, +, and one quality per letter.",
                )
            yield [record[0][1:], record[1], record[3]]


def _write_fastq(file: IO[str], columns: list[JSON], rows: Iterable[list[Any]]) -> None:
    names = [column["name"] for column in columns]
    try:
        places = [names.index(column["name"]) for column in FASTQ_COLUMNS]
    except ValueError:
        raise UsageError(
            "only a table with the columns name, sequence and quality can be written as FASTQ",
            "Write it as .csv or .tsv.",
        ) from None
    for row in rows:
        name, sequence, quality = (row[place] for place in places)
        file.write(f"@{name}\n{sequence}\n+\n{quality}\n")
