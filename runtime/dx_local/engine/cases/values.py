"""Compare the outputs of a run with the expectations of a test case."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.classes import mismatch
from dx_app_wizard.dxapp.links import link_id
from dx_local.engine.cases.contents import DamagedFileError, has_content
from dx_local.engine.cases.differences import Difference, NewValue, shown
from dx_local.engine.cases.file_checks import file_differences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_app_wizard.dxapp.json_document import JsonPath

_SHOWN = 5
"""Number of differences of one value that are listed."""


@dataclass(frozen=True)
class Output:
    """An output: its value with paths of local copies in place of links to files, and with links."""

    value: Any
    links: Any

    def elements(self) -> list[Output]:
        """Return the elements of an array."""
        return [Output(*pair) for pair in zip(self.value, self.links, strict=True)]


def output_differences(
    expected: Any, output: Output, path: JsonPath, golden_folder: Path
) -> Iterator[Difference]:
    """Yield the differences of an output from its expectation, which is at a path of the case file."""
    if isinstance(expected, list) and isinstance(output.value, list):
        yield from _array_differences(expected, output, path, golden_folder)
    elif isinstance(expected, dict) and "file" in expected:
        if isinstance(output.value, Path):
            yield from file_differences(expected["file"], output.value, (*path, "file"), golden_folder)
        else:
            yield Difference(path, f"expected a file, got {shown(output.links)}")
    elif isinstance(expected, dict) and "class" in expected:
        yield from _class_differences(expected, output, path)
    elif isinstance(expected, dict) and "value" in expected:
        tolerance = expected.get("tolerance", 0)
        yield from _value_differences(expected["value"], output, (*path, "value"), tolerance)
    else:
        yield from _value_differences(expected, output, path, 0)


def _array_differences(
    expected: list[Any], output: Output, path: JsonPath, golden_folder: Path
) -> Iterator[Difference]:
    if all(_is_plain(item) for item in expected) or len(expected) != len(output.value):
        yield from _value_differences(expected, output, path, 0)
        return
    for number, (item, element) in enumerate(zip(expected, output.elements(), strict=True)):
        yield from output_differences(item, element, (*path, number), golden_folder)


def _is_plain(expected: Any) -> bool:
    """Return whether an expectation is a value, and has no expectations in it."""
    if isinstance(expected, list):
        return all(map(_is_plain, expected))
    return not (isinstance(expected, dict) and expected.keys() & {"file", "class", "value"})


def _class_differences(expected: dict[str, Any], output: Output, path: JsonPath) -> Iterator[Difference]:
    if problem := mismatch(expected["class"], output.links):
        yield Difference(path, problem)
    elif expected.get("non_empty") and (place := _empty_place(output.value)) is not None:
        yield Difference(path, f"{place or 'it'} is empty: {shown(output.value)}")


def _empty_place(value: Any, place: str = "") -> str | None:
    """Return the place of an empty file, string, array or hash in a value, or None."""
    if isinstance(value, Path):
        try:
            return None if has_content(value) else place
        except DamagedFileError:
            return None
    if isinstance(value, list) and value:
        places = (_empty_place(item, f"{place}[{number}]") for number, item in enumerate(value))
        return next((found for found in places if found is not None), None)
    return place if isinstance(value, (str, list, dict)) and not value else None


def _value_differences(
    expected: Any, output: Output, path: JsonPath, tolerance: float
) -> Iterator[Difference]:
    found = list(_unequal(expected, output.value, (), tolerance))
    if not found:
        return
    if _has_objects(output.value):
        wanted = '{"file": {…}}' if isinstance(output.value, Path) else '{"class": "CLASS"}'
        message = f"expected {shown(expected)}, got {shown(output.links)}"
        yield Difference(path, message, (f"Its ID is new in each run; expect {wanted}.",))
        return
    fix = NewValue(path, _in_order(output.value, expected))
    for number, (place, message) in enumerate(found[:_SHOWN], 1):
        more = len(found) - _SHOWN if number == _SHOWN else 0
        details = (f"and {more} more differences",) if more > 0 else ()
        yield Difference((*path, *place), message, details, fix)


def _in_order(value: Any, example: Any) -> Any:
    """Return a value whose hash has its keys in the order of an example, as far as that has them."""
    if not (isinstance(value, dict) and isinstance(example, dict)):
        return value
    keys = [*(key for key in example if key in value), *(key for key in value if key not in example)]
    return {key: _in_order(value[key], example.get(key)) for key in keys}


def _has_objects(value: Any) -> bool:
    """Return whether a value is or contains a link or a file, whose ID is new in each run."""
    if isinstance(value, Path) or link_id(value):
        return True
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(_has_objects, parts))


def _unequal(expected: Any, got: Any, place: JsonPath, tolerance: float) -> Iterator[tuple[JsonPath, str]]:
    """Yield the place and description of each part in which two JSON values differ."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for key in {**expected, **got}:
            if key not in got:
                yield (*place, key), f"expected {shown(expected[key])}, got nothing"
            elif key not in expected:
                yield (*place, key), f"expected nothing, got {shown(got[key])}"
            else:
                yield from _unequal(expected[key], got[key], (*place, key), tolerance)
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        for number, pair in enumerate(zip(expected, got, strict=True)):
            yield from _unequal(*pair, (*place, number), tolerance)
    elif not _same(expected, got, tolerance):
        counts = ""
        if isinstance(expected, list) and isinstance(got, list):
            counts = f" ({len(expected)} and {len(got)} elements)"
        yield place, f"expected {shown(expected)}, got {shown(got)}{counts}"


def _same(expected: Any, got: Any, tolerance: float) -> bool:
    if isinstance(expected, bool) or isinstance(got, bool):
        return expected is got
    if isinstance(expected, (int, float)) and isinstance(got, (int, float)):
        return expected == got or math.isclose(expected, got, rel_tol=0, abs_tol=tolerance)
    return type(expected) is type(got) and bool(expected == got)
