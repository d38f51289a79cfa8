"""Check an output file: against a golden file, and by its size, digests, lines, columns and text."""

from __future__ import annotations

import hashlib
from itertools import islice
from typing import TYPE_CHECKING, Any

from dx_local.engine.cases.contents import DamagedFileError, has_content, is_binary, lines_of
from dx_local.engine.cases.differences import Difference, NewGolden, NewValue, shown
from dx_local.engine.cases.golden_files import MissingColumnError, first_difference, header_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dx_app_wizard.dxapp.json_document import JsonPath


def file_differences(
    checks: dict[str, Any], file: Path, path: JsonPath, golden_folder: Path
) -> Iterator[Difference]:
    """Yield the differences of a file from the checks at a path of the case file."""
    try:
        if "golden" in checks:
            yield from _golden_differences(checks, file, (*path, "golden"), golden_folder)
        elif "columns" in checks:
            yield from _column_differences(checks["columns"], file, (*path, "columns"))
        for name, measure in _MEASURES.items():
            if name in checks and (got := measure(file)) != checks[name]:
                message = f"expected {shown(checks[name])}, got {shown(got)}"
                yield Difference((*path, name), message, fix=NewValue((*path, name), got))
        yield from _missing_texts(checks.get("contains", []), file, (*path, "contains"))
        if checks.get("non_empty") and not has_content(file):
            yield Difference((*path, "non_empty"), f"{file.name} is empty")
    except DamagedFileError as error:
        yield Difference(path, f"{file.name} cannot be read: {error}")


def _golden_differences(
    checks: dict[str, Any], file: Path, path: JsonPath, golden_folder: Path
) -> Iterator[Difference]:
    golden = golden_folder / checks["golden"]
    fix = NewGolden(golden, file)
    if not golden.is_file():
        yield Difference(path, f"there is no {golden}", ("dx-local test --update writes it",), fix)
        return
    try:
        if is_binary(golden) or is_binary(file):
            if _digest("sha256", golden) != _digest("sha256", file) and not _is_same_binary(golden, file):
                sizes = f"{golden.stat().st_size:,} and {file.stat().st_size:,} bytes"
                yield Difference(path, f"{file.name} differs from {golden} ({sizes})", fix=fix)
            return
        found = first_difference(golden, file, checks.get("columns"), checks.get("tolerance", 0))
    except MissingColumnError as error:
        yield Difference(path, str(error), fix=fix if error.file == golden else None)
        return
    except DamagedFileError as error:
        yield Difference(path, f"{file.name} and {golden} cannot be compared: {error}", fix=fix)
        return
    if found:
        yield Difference(path, f"{file.name} differs from {golden} {found.summary}", found.lines, fix)


def _is_same_binary(golden: Path, file: Path) -> bool:
    """Return whether two files have the same decompressed content."""
    ours, theirs = lines_of(golden), lines_of(file)
    end = object()
    while (one := next(ours, end)) == (other := next(theirs, end)):
        if one is other is end:
            return True
    return False


def _column_differences(columns: list[str], file: Path, path: JsonPath) -> Iterator[Difference]:
    header = header_of(file)
    for column in columns:
        if column not in header:
            yield Difference(path, f"{file.name} has no column {column!r}; it has {', '.join(header)}")


def _missing_texts(texts: str | list[str], file: Path, path: JsonPath) -> Iterator[Difference]:
    wanted = [texts] if isinstance(texts, str) else texts
    if not wanted:
        return
    content = b"".join(lines_of(file))
    for text in wanted:
        if text.encode() not in content:
            start = b"".join(islice(lines_of(file), 3)).decode("utf-8", "replace").splitlines()
            shown_lines = tuple(f"| {line}"[:100] for line in start)
            yield Difference(path, f"{file.name} does not contain {shown(text)}; it begins:", shown_lines)


def _line_count(file: Path) -> int:
    return sum(1 for _ in lines_of(file))


def _digest(name: str, file: Path) -> str:
    digest = hashlib.new(name, usedforsecurity=False)
    with file.open("rb") as opened:
        while piece := opened.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


_MEASURES: dict[str, Callable[[Path], object]] = {
    "lines": _line_count,
    "size": lambda file: file.stat().st_size,
    "md5": lambda file: _digest("md5", file),
    "sha256": lambda file: _digest("sha256", file),
}
