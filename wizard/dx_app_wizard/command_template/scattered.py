"""A command that each process job runs on its own files: the app's inputs and outputs, and the checks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dx_app_wizard.command_template.region_command import RegionCommand, region_command
from dx_app_wizard.scatter.scatter import Scatter, ScatterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dx_app_wizard.command_template.holes import Hole
    from dx_app_wizard.command_template.indexes import IndexInput
    from dx_app_wizard.command_template.template import CommandTemplate

ARRAY = "array:file"
POSSIBLE = (
    "Each process job can get a file (bam), files of several inputs by position (bam+bed), two files of an"
    " array (reads:pairs), or a region (bam:region)."
)
"""The scatters of a command, as a hint."""


@dataclass(frozen=True)
class ScatteredCommand:
    """A command that each process job runs on its own files.

    The names in `scatter` are those of inputs of the command: `bam` in `samtools flagstat {bam}`. The app has
    the array `bams` instead, of which each process job gets a file as `bam`. An input that is an array
    already keeps its name. `template` names the outputs after the first of these files.
    """

    template: CommandTemplate
    scatter: Scatter

    @cached_property
    def divided(self) -> tuple[Hole, ...]:
        """The inputs of which each process job gets its own files."""
        return tuple(self.template.holes[name] for name in self.scatter.inputs)

    @property
    def indexes(self) -> tuple[IndexInput, ...]:
        """The indexes of these files, which are joined by name."""
        return tuple(index for hole in self.divided for index in hole.index_inputs)

    @cached_property
    def arrays(self) -> dict[str, str]:
        """The names of the app's arrays by those of the command's inputs and their indexes."""
        declared = self.template.input_declarations()
        taken = {str(parameter["name"]) for parameter in declared}
        own = {*(hole.name for hole in self.divided), *(index.name for index in self.indexes)}
        return {
            str(parameter["name"]): str(parameter["name"])
            if parameter["class"] == ARRAY
            else _plural(str(parameter["name"]), taken)
            for parameter in declared
            if parameter["name"] in own
        }

    @property
    def of_app(self) -> Scatter:
        """The scatter with the names of the app's arrays."""
        return replace(self.scatter, inputs=tuple(self.arrays[name] for name in self.scatter.inputs))

    def app_inputs(self, declared: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the inputs of the app as in dxapp.json, for those of the command."""
        return [
            {**parameter, "name": self.arrays[parameter["name"]], "class": ARRAY}
            if parameter.get("name") in self.arrays
            else dict(parameter)
            for parameter in declared
        ]

    def input_declarations(self) -> list[dict[str, Any]]:
        """Return the inputs of the app as in dxapp.json."""
        return self.app_inputs(self.template.input_declarations())

    def output_declarations(self) -> list[dict[str, Any]]:
        """Return the outputs of the app as in dxapp.json: an array for each output of the command."""
        return [{**parameter, "class": ARRAY} for parameter in self.template.output_declarations()]

    def explanation(self) -> str:
        """Return a sentence about the arrays of the app, for people."""
        renamed = [
            f"{name} becomes {array} ({ARRAY})" for name, array in self.arrays.items() if name != array
        ]
        outputs = [hole.name for hole in self.template.outputs]
        are = "is" if len(outputs) == 1 else "are"
        first = self.of_app.input
        share = f"two files of {first}" if self.scatter.kind == "pairs" else f"a file of {first}"
        gathered = f"each process job gets {share}; {' and '.join(outputs)} {are} gathered into {ARRAY}"
        return "; ".join([", ".join(renamed), gathered] if renamed else [gathered])


def scattered_command(template: CommandTemplate, scatter: Scatter) -> ScatteredCommand | RegionCommand:
    """Return the command as each process job runs it.

    An index of one of its files may be named, although it always accompanies that. Raises ScatterError if the
    command cannot be scattered like that.
    """
    if scatter.kind == "region":
        return region_command(template, scatter)
    if scatter.kind not in ("file", "position", "pairs"):
        raise ScatterError(f"a command cannot be scattered by {scatter.kind}", POSSIBLE)
    files = {hole.name: hole for hole in template.inputs if hole.is_file}
    first = _divided(scatter.input, files)
    of_first = {name for index in first.index_inputs for name in (index.kind, index.name)}
    partners = tuple(name for name in scatter.partners if name not in of_first)
    divided = (first, *(_divided(name, files) for name in partners))
    if scatter.kind == "pairs" and (partners or not first.is_array):
        hint = f"Write {{{first.name}:array:file}} in the command, or name two inputs: r1+r2."
        raise ScatterError("pairs are two files of one array", hint)
    _check_holes(divided)
    _check_outputs(template)
    named = replace(template, named_by=first.name)
    return ScatteredCommand(named, replace(scatter, inputs=(first.name, *partners)))


def _divided(name: str, files: Mapping[str, Hole]) -> Hole:
    if name in files:
        return files[name]
    near = get_close_matches(name, files, n=1)
    known = ", ".join(files) or "none"
    hint = f"Did you mean {near[0]}?" if near else f"The inputs of the command that are files: {known}."
    raise ScatterError(f"the command has no file `{name}`", hint)


def _check_holes(divided: Iterable[Hole]) -> None:
    for hole in divided:
        if hole.optional:
            message = f"`{hole.name}` is optional, and each process job needs a file"
            raise ScatterError(message, f"Write {{{hole.name}}} without a question mark.")
        if "bwa" in hole.indexes:
            message = f"`{hole.name}` has an index of several files (bwa), which cannot be joined by name"
            raise ScatterError(message, "Scatter the reads instead.")


def _check_outputs(template: CommandTemplate) -> None:
    for hole in template.outputs:
        if hole.is_array or hole.optional:
            form = "an array" if hole.is_array else "optional"
            message = f"the output `{hole.name}` is {form}, and each process job must write one file"
            raise ScatterError(message, f"Write one file: {{>{hole.name}}}. tar packs several.")


def _plural(name: str, taken: set[str]) -> str:
    """Return a name for an array of what `name` is, that is not among the taken ones."""
    if name.endswith("s"):
        return _free(f"{name}_files", taken)
    if name.endswith(("x", "ch", "sh")):
        return _free(f"{name}es", taken)
    return _free(f"{name}s", taken)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_files"
    return name
