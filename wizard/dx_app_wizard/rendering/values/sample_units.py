"""Measure the sample files as the generated code does, for the expected outputs of the app's test case.

A unit is a line, a FASTA record, a file or a region, with its measures, such as [lines, characters].
"""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

from dx_app_wizard.rendering.values.samples import REGION_RECORDS, sample_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Unit = list[int]
Chosen = dict[str, dict[str, str]]


def sample_units(scatter: Mapping[str, Any], chosen: Chosen) -> list[Any]:
    """Return the units of the samples: a list for each file if text is cut, or else one for each piece.

    `scatter` is the variable `_scatter`, and `chosen` has the samples of all inputs. The list is empty if the
    app has no files, or if the regions are those of a BED file.
    """
    if not scatter:
        return []
    files = _paths(chosen[scatter["input"]])
    if scatter["kind"] == "cut":
        by_record = scatter["unit"] == "records" and scatter["format"].startswith("fasta")
        return [_records(path) if by_record else [[1, length] for length in _lengths(path)] for path in files]
    if scatter["kind"] == "region":
        return [] if scatter["regions_given"] else [[count] for count in REGION_RECORDS[scatter["format"]]]
    if scatter["kind"] == "pairs":
        return [_sizes(files[at : at + 2]) for at in range(0, len(files), 2)]
    partners = [_paths(chosen[each["name"]]) for each in scatter["partners"] if not each["is_index"]]
    return [_sizes(piece) for piece in zip(files, *partners, strict=False)]


def _paths(samples: Mapping[str, str]) -> list[Path]:
    return [sample_path(name, source) for name, source in samples.items()]


def _sizes(files: Any) -> Unit:
    return [sum(path.stat().st_size for path in files), len(files)]


def _lengths(path: Path) -> list[int]:
    data = path.read_bytes()
    text = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    return [len(line) for line in text.splitlines()]


def _records(path: Path) -> list[Unit]:
    """Return the lines and characters of each record of a FASTA file."""
    records: list[Unit] = []
    for line in path.read_bytes().splitlines():
        if line.startswith(b">"):
            records.append([0, 0])
        records[-1] = [records[-1][0] + 1, records[-1][1] + len(line)]
    return records
