"""Fit a scatter to the inputs of an app: reject one that is impossible, and find out how to do it."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

from dx_app_wizard.file_formats import INDEX_ENDINGS, FileFormat, ending_of, format_of, is_index
from dx_app_wizard.scatter.scatter import Scatter, ScatterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Inputs = Sequence[Mapping[str, Any]]
    ByName = Mapping[str, Mapping[str, Any]]

FILE_CLASSES = ("file", "array:file")
DIVISIBLE = "BAM, VCF, BCF or FASTA"
"""The formats with regions, as messages name them."""


@dataclass(frozen=True)
class Partner:
    """An input whose files accompany those of another input.

    A partner is joined by `name` or by `position`. The `role` is `index`, `regions` (a BED file that lists
    the regions) or `partner`. `ending` is that of its files, "" if unknown.
    """

    name: str
    role: Literal["index", "regions", "partner"]
    join: Literal["name", "position"]
    ending: str


@dataclass(frozen=True)
class Division:
    """A scatter that fits the inputs: `input` is the parameter to divide, `format` that of its files."""

    scatter: Scatter
    input: Mapping[str, Any]
    format: FileFormat | None
    partners: tuple[Partner, ...]

    @property
    def index(self) -> Partner | None:
        """The input with the indexes, if there is one."""
        return next((partner for partner in self.partners if partner.role == "index"), None)

    @property
    def index_ending(self) -> str:
        """The ending that an index adds to the name of its file."""
        if self.index and self.index.ending in INDEX_ENDINGS:
            return self.index.ending
        return self.format.indexes[0] if self.format and self.format.indexes else ""

    @property
    def packages(self) -> tuple[str, ...]:
        """The Ubuntu packages that the generated code uses, as it makes missing indexes and takes regions."""
        uses = self.scatter.kind == "region" or self.index is not None
        return (self.format.divided_by,) if uses and self.format and self.format.divided_by else ()


def fit(scatter: Scatter, inputs: Inputs) -> Division:
    """Return the division of the inputs (as in dxapp.json); raise ScatterError if it is impossible."""
    by_name = {str(parameter["name"]): parameter for parameter in named(inputs)}
    for name in scatter.inputs:
        _check_input(name, by_name)
    check = _CHECKS.get(scatter.kind, _check_partners)
    check(scatter, by_name)
    divided = by_name[scatter.input]
    partners = tuple(_partner(by_name[name], scatter) for name in scatter.partners)
    division = Division(scatter, divided, format_of(divided), partners)
    _check_roles(division)
    return division


def named(inputs: Inputs) -> list[Mapping[str, Any]]:
    """Return the inputs that have a name, which those of an invalid dxapp.json may lack."""
    return [parameter for parameter in inputs if isinstance(parameter.get("name"), str)]


def file_inputs(inputs: Inputs) -> list[Mapping[str, Any]]:
    """Return the inputs that hold files, without the indexes of others."""
    return [
        parameter
        for parameter in named(inputs)
        if parameter.get("class") in FILE_CLASSES and not is_index(parameter)
    ]


def _check_input(name: str, by_name: ByName) -> None:
    parameter = by_name.get(name)
    if parameter is None:
        near = get_close_matches(name, by_name, n=1)
        known = ", ".join(by_name) or "none"
        hint = f"Did you mean {near[0]}?" if near else f"The inputs are: {known}."
        raise ScatterError(f"the app has no input `{name}`", hint)
    if parameter.get("class") not in FILE_CLASSES:
        raise ScatterError(
            f"input `{name}` is of class {parameter.get('class')}, and only files can be scattered",
            "Name an input of class file or array:file.",
        )


def _check_alone(scatter: Scatter) -> None:
    if scatter.partners:
        raise ScatterError(
            f"a scatter by {scatter.kind} has no partners", f"Leave out +{'+'.join(scatter.partners)}."
        )


def _check_cut(scatter: Scatter, by_name: ByName) -> None:
    _check_alone(scatter)
    divided = by_name[scatter.input]
    known = format_of(divided)
    if known and known.binary:
        has_regions = known.divided_by and divided["class"] == "file"
        more = f" or {scatter.input}:region" if has_regions else ""
        raise ScatterError(
            f"input `{scatter.input}` is {known.title}, a binary format that has no {scatter.kind} of text",
            f"Use {scatter.input}{more}.",
        )


def _check_pairs(scatter: Scatter, by_name: ByName) -> None:
    _check_alone(scatter)
    if by_name[scatter.input]["class"] != "array:file":
        message = f"input `{scatter.input}` is a single file, which has no pairs"
        raise ScatterError(message, f"Declare it as {scatter.input}:array:file.")


def _check_region(scatter: Scatter, by_name: ByName) -> None:
    divided = by_name[scatter.input]
    known = format_of(divided)
    if not (known and known.divided_by):
        form = f"is {known.title}" if known else "has no pattern of a format with regions"
        raise ScatterError(
            f"input `{scatter.input}` {form}; only {DIVISIBLE} has regions", _patterns_hint(scatter.input)
        )
    for name in scatter.inputs:
        if by_name[name]["class"] != "file":
            message = f"input `{name}` is an array; regions are those of a single file"
            raise ScatterError(message, f"Declare it as {name}:file.")
    if divided.get("optional") and divided.get("default") is None:
        raise ScatterError(
            f"input `{scatter.input}` is optional; regions need a file in every run", "Make it required."
        )
    for name in scatter.partners:
        if _role(by_name[name]) == "partner":
            message = f"`{name}` is neither an index nor a BED file, the only partners of regions"
            raise ScatterError(message, "Give it a pattern such as *.bai or *.bed, or leave it out.")


def _check_partners(scatter: Scatter, by_name: ByName) -> None:
    divided = by_name[scatter.input]
    if is_index(divided):
        message = f"`{scatter.input}` is an index, and not the file to divide"
        raise ScatterError(message, "Name the file first: bams+bais.")
    if scatter.kind != "file" and not scatter.partners:
        message = f"only partners can be joined by {scatter.kind}, and `{scatter.input}` has none"
        raise ScatterError(message, f"Name them: {scatter.input}+PARTNER:{scatter.kind}.")
    for name in scatter.partners:
        if by_name[name]["class"] != divided["class"]:
            raise ScatterError(
                f"`{scatter.input}` is of class {divided['class']}, but its partner `{name}` is of class"
                f" {by_name[name]['class']}",
                "Declare both as array:file.",
            )


def _check_roles(division: Division) -> None:
    for role in ("index", "regions"):
        same = [f"`{partner.name}`" for partner in division.partners if partner.role == role]
        if len(same) > 1:
            raise ScatterError(f"{' and '.join(same)} have the same role", "Leave one of them out.")
    index, known, divided = division.index, division.format, division.scatter.input
    if index is None:
        return
    if not (known and known.divided_by):
        message = f"`{index.name}` is an index, but `{divided}` is not known to be {DIVISIBLE}"
        raise ScatterError(message, _patterns_hint(divided))
    if index.ending not in known.indexes:
        message = (
            f"`{index.name}` has the ending {index.ending}, which is not that of an index of {known.title}"
        )
        raise ScatterError(message, f"An index of {known.title} ends with {' or '.join(known.indexes)}.")


_CHECKS = {"lines": _check_cut, "records": _check_cut, "pairs": _check_pairs, "region": _check_region}


def _partner(parameter: Mapping[str, Any], scatter: Scatter) -> Partner:
    role = _role(parameter)
    if role == "regions" and scatter.kind != "region":
        role = "partner"
    by_name = scatter.kind == "name" or (scatter.kind != "position" and role == "index")
    return Partner(parameter["name"], role, "name" if by_name else "position", ending_of(parameter))


def _role(parameter: Mapping[str, Any]) -> Literal["index", "regions", "partner"]:
    known = format_of(parameter)
    if is_index(parameter):
        return "index"
    return "regions" if known and known.name == "bed" else "partner"


def _patterns_hint(name: str) -> str:
    return f"Give it a pattern: --set 'inputs.{name}.patterns=*.bam'."
