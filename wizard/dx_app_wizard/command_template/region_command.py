"""A command that each process job runs on one region of a file, and the formats of joined results."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dx_app_wizard.command_template.template import CommandTemplate, parse_template
from dx_app_wizard.file_formats import FileFormat, format_of
from dx_app_wizard.scatter.scatter import Scatter, ScatterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dx_app_wizard.command_template.holes import Hole
    from dx_app_wizard.command_template.indexes import IndexInput

REGION = "region"
"""The hole for the region, which main sets for each process job."""

_JOINED_BY = {
    ".bam": ("samtools", "cat", "-o"),
    ".vcf.gz": ("bcftools", "concat", "-O", "z", "-o"),
    ".bcf": ("bcftools", "concat", "-O", "b", "-o"),
    ".vcf": ("bcftools", "concat", "-O", "v", "-o"),
}
"""By ending, the commands that join files of consecutive regions, by the manual pages of 1.16."""

_LISTED_BY = {"bam": "samtools", "fasta": "samtools", "vcf": "bcftools", "bcf": "bcftools"}


@dataclass(frozen=True)
class RegionCommand:
    """A command that each process job runs on one region of the input `scatter.input`.

    In `template`, the hole `{region}` is a string. The outputs of all regions are joined in their order.
    """

    template: CommandTemplate
    scatter: Scatter

    @cached_property
    def divided(self) -> Hole:
        """The input that has the regions."""
        return self.template.holes[self.scatter.input]

    @property
    def index(self) -> IndexInput:
        """The index of that input."""
        return self.divided.index_inputs[0]

    @property
    def format(self) -> FileFormat:
        """The format of that input."""
        found = _format(self.divided)
        assert found is not None
        return found

    @cached_property
    def regions(self) -> str:
        """The name of the optional input for a BED file with regions."""
        taken = {parameter["name"] for parameter in self.template.input_declarations()}
        name = "regions"
        while name in taken:
            name = f"bed_{name}"
        return name

    @property
    def arrays(self) -> dict[str, str]:
        """The arrays of the app by inputs of the command: none, as all process jobs get the same files."""
        return {}

    @property
    def of_app(self) -> Scatter:
        """The scatter with the inputs of the app: the file, its index and the regions."""
        return Scatter((self.scatter.input, self.index.name, self.regions), "region")

    @property
    def packages_used(self) -> tuple[str, ...]:
        """The programs that list and join the regions."""
        joins = [joined_by(hole)[:1] for hole in self.template.outputs]
        names = [_LISTED_BY[self.format.name], *(name for join in joins for name in join)]
        return tuple(dict.fromkeys(names))

    def app_inputs(self, declared: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the inputs of the app as in dxapp.json, for those of the command."""
        about = f"Regions of {self.scatter.input} as BED; without it, each contig is a region"
        bed = {"name": self.regions, "class": "file", "optional": True, "patterns": ["*.bed"], "help": about}
        return [*(dict(each) for each in declared if each.get("name") != REGION), bed]

    def input_declarations(self) -> list[dict[str, Any]]:
        """Return the inputs of the app as in dxapp.json."""
        return self.app_inputs(self.template.input_declarations())

    def output_declarations(self) -> list[dict[str, Any]]:
        """Return the outputs of the app as in dxapp.json."""
        return self.template.output_declarations()

    def explanation(self) -> str:
        """Return a sentence about the regions, for people."""
        outputs = " and ".join(hole.name for hole in self.template.outputs)
        regions = f"a contig of {self.scatter.input}, or a region of the optional input {self.regions} (BED)"
        return f"each process job gets {regions}; the files of {outputs} are joined in their order"


def region_command(template: CommandTemplate, scatter: Scatter) -> RegionCommand:
    """Return the command as each process job runs it; raise ScatterError if it has no such regions."""
    name = scatter.input
    divided = template.holes.get(name)
    if divided is None or divided.is_output or divided.io_class != "file":
        files = ", ".join(hole.name for hole in template.inputs if hole.io_class == "file") or "none"
        raise ScatterError(f"the command has no file `{name}`", f"The files of the command are: {files}.")
    known = _format(divided)
    if known is None:
        raise ScatterError(
            f"`{name}` is not known to be BAM, VCF, BCF or FASTA, which have regions",
            f"Write its ending: {{{name}+bai:file:*.bam}}.",
        )
    kinds = tuple(ending.lstrip(".") for ending in known.indexes)
    if len(divided.indexes) != 1 or divided.indexes[0] not in kinds or divided.optional:
        message = f"regions of `{name}` need its index, and `{name}` in every run"
        raise ScatterError(message, f"Write {{{name}+{kinds[0]}}} in the command.")
    own = (*divided.indexes, divided.index_inputs[0].name)
    if others := [partner for partner in scatter.partners if partner not in own]:
        message = f"`{others[0]}` goes to every process job, and is no partner of regions"
        raise ScatterError(message, f"Write --scatter {name}:region.")
    return RegionCommand(
        replace(_with_string(template), named_by=name), replace(scatter, inputs=(name,), kind="region")
    )


def joined_by(output: Hole) -> tuple[str, ...]:
    """Return the command that joins files of an output, without their names; empty for text.

    Raises ScatterError if files of its format cannot be joined.
    """
    if output.is_array or output.optional:
        form = "an array" if output.is_array else "optional"
        message = f"the output `{output.name}` is {form}, and each region must write one file"
        raise ScatterError(message, f"Write one file: {{>{output.name}}}.")
    if output.ending in _JOINED_BY:
        return _JOINED_BY[output.ending]
    known = format_of(output.declaration())
    if output.ending == ".sam" or (known and known.binary):
        message = f"files of the output `{output.name}` ({output.ending or 'binary'}) cannot be joined"
        raise ScatterError(message, f"Write one of {', '.join(_JOINED_BY)}, or text.")
    return ()


def _format(hole: Hole) -> FileFormat | None:
    found = format_of(hole.declaration())
    return found if found and found.name in _LISTED_BY else None


def _with_string(template: CommandTemplate) -> CommandTemplate:
    """Return the template with a string as its region; raise ScatterError if it has none."""
    pieces = [piece for piece in template.pieces if piece.hole and piece.hole.name == REGION]
    first = template.holes.get(REGION)
    if first is None or not (first.is_reference or first.io_class == "string") or first.is_output:
        message = "the command has no {region}, so every process job would do the same"
        raise ScatterError(message, "Write {region} in the command: samtools view {bam+bai} {region}.")
    for output in template.outputs:
        joined_by(output)
    text = template.text
    for piece in reversed(pieces):
        if piece.hole and piece.hole.is_reference:
            text = f"{text[: piece.start]}{{{REGION}:string}}{text[piece.end :]}"
    return parse_template(text)
