"""Scatters that fit the inputs of an app: the default, all to choose from, and that of earlier versions."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dx_app_wizard.file_formats import format_of, is_index
from dx_app_wizard.scatter.fit import FILE_CLASSES, file_inputs, fit, named
from dx_app_wizard.scatter.scatter import Scatter, ScatterError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dx_app_wizard.scatter.fit import Inputs

USUAL_SIZE = 1000
_COMPANIONS = ("fasta", "fasta-gz", "bed", "bed-gz", "gtf")
"""Formats of files that usually accompany the data, such as references."""


def default_scatter(inputs: Inputs) -> Scatter | None:
    """Return the scatter of an app that names none; None if no input holds files.

    Each process job gets a file of an array, with its index if the app has both; or a file of a binary
    format; or lines.
    """
    candidates = sorted(file_inputs(inputs), key=_rank)
    if not candidates:
        return None
    chosen = candidates[0]
    name = str(chosen["name"])
    if chosen["class"] == "array:file":
        return Scatter((name, *_index_of(chosen, inputs)))
    known = format_of(chosen)
    return Scatter((name,)) if known and known.binary else Scatter((name,), "lines")


def earlier_scatter(inputs: Inputs) -> Scatter | None:
    """Return the scatter of apps that were generated before there was a choice: always by lines."""
    for io_class in FILE_CLASSES:
        of_class = [parameter for parameter in named(inputs) if parameter.get("class") == io_class]
        for parameter in sorted(of_class, key=_may_be_absent):
            return Scatter((str(parameter.get("name")),), "lines")
    return None


def fitting_scatters(inputs: Inputs) -> Iterator[tuple[Scatter, str]]:
    """Yield every scatter that fits the inputs, the default first, with its description."""
    default = default_scatter(inputs)
    seen = set()
    for parameter in sorted(file_inputs(inputs), key=_rank):
        for scatter in _scatters_of(parameter, inputs, default):
            if scatter not in seen:
                seen.add(scatter)
                with suppress(ScatterError):
                    fit(scatter, inputs)
                    yield scatter, describe(scatter, inputs)


def describe(scatter: Scatter, inputs: Inputs) -> str:
    """Return the share of a process job as a phrase: `a file of bams with its index`."""
    division = fit(scatter, inputs)
    if scatter.kind == "region":
        bed = any(partner.role == "regions" for partner in division.partners)
        return "a region of the BED file" if bed else f"a contig of {scatter.input}"
    if scatter.kind == "pairs":
        return f"two files of {scatter.input} that follow each other"
    if scatter.kind in ("lines", "records"):
        count = f"{scatter.size} {scatter.kind}" if scatter.size else f"a part of the {scatter.kind}"
        return f"{count} of {scatter.input}"
    names = ["its index" if partner.role == "index" else partner.name for partner in division.partners]
    return f"a file of {scatter.input}" + (f" with {' and '.join(names)}" if names else "")


def _scatters_of(parameter: Mapping[str, Any], inputs: Inputs, default: Scatter | None) -> Iterator[Scatter]:
    name = str(parameter["name"])
    if default and default.input == name:
        yield default
    index = _index_of(parameter, inputs)
    if parameter["class"] == "array:file":
        yield Scatter((name, *index))
        yield Scatter((name,))
        yield Scatter((name,), "pairs")
    beds = tuple(
        str(other["name"])
        for other in file_inputs(inputs)
        if other["class"] == "file" and (known := format_of(other)) and known.name == "bed"
    )
    yield Scatter((name, *index), "region")
    yield Scatter((name, *index, *beds[:1]), "region")
    yield Scatter((name,), "lines")
    yield Scatter((name,), "lines", USUAL_SIZE)
    yield Scatter((name,), "records", USUAL_SIZE)


def _index_of(parameter: Mapping[str, Any], inputs: Inputs) -> tuple[str, ...]:
    """Return the name of the input with the indexes of the files in parameter, if there is one."""
    known = format_of(parameter)
    for other in named(inputs):
        index = format_of(other) if is_index(other) else None
        same_class = other.get("class") == parameter["class"]
        if known and known.divided_by and index and same_class and index.endings[0] in known.indexes:
            return (str(other["name"]),)
    return ()


def _rank(parameter: Mapping[str, Any]) -> tuple[bool, bool, bool]:
    known = format_of(parameter)
    is_companion = known is not None and known.name in _COMPANIONS
    return is_companion, _may_be_absent(parameter), parameter["class"] != "array:file"


def _may_be_absent(parameter: Mapping[str, Any]) -> bool:
    return bool(parameter.get("optional")) and parameter.get("default") is None
