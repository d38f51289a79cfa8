"""Parse one hole of a command template, such as `{bam+bai:file:*.bam}` or `{>table:file:*.tsv}`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from dx_app_wizard.command_template.indexes import IndexInput, index_inputs
from dx_app_wizard.dxapp.classes import ARRAY_PREFIX, parse_value
from dx_app_wizard.dxapp.names import parameter_name_problem
from dx_app_wizard.errors import UserError

FILE_CLASSES = ("file", "array:file")
CLASSES = (
    *FILE_CLASSES,
    "int",
    "float",
    "string",
    "boolean",
    "array:string",
    "array:int",
    "array:float",
)
WORKER = ("cpus", "mem_mb", "mem_gb")
"""Holes for the size of the worker, which are no inputs."""

ALL_OUTPUTS = "out"
"""The name of the hole, and of the output, for a folder whose files are all outputs."""

HOLE = re.compile(r"\{>?[A-Za-z_]\w*(?:\+[a-z]\w*)*(?:[:?=|][^{}]*)?\}")
"""Any text that has the form of a hole."""

_PARTS = re.compile(
    r"\{(?P<output>>)?(?P<name>[A-Za-z_]\w*)(?P<indexes>(?:\+[a-z]\w*)*)"
    r"(?::(?P<io_class>(?:array:)?[a-z]+)(?::(?P<patterns>[^{}|?=]+))?)?"
    r"(?P<optional>\?)?(?:=(?P<default>[^{}|]*))?(?:\|(?P<flag>[^{}]+))?\}"
)


class HoleError(UserError):
    """A hole of a command template is invalid; `column` counts from 1."""

    code = "from-hole"

    def __init__(self, message: str, column: int, hint: str | None = None) -> None:
        super().__init__(f"column {column}: {message}", hint)
        self.column = column


@dataclass(frozen=True)
class Hole:
    """A hole: an input, an output, or the size of the worker.

    `flag` is the text before the value, with a final blank if the value is a word of its own. `indexes` are
    the kinds of index that programs need beside the file. A hole `is_reference` if it has only a name.
    """

    name: str
    io_class: str = "file"
    is_output: bool = False
    patterns: tuple[str, ...] = ()
    optional: bool = False
    default: str | None = None
    flag: str = ""
    indexes: tuple[str, ...] = ()
    is_reference: bool = field(default=False, compare=False)

    @property
    def is_file(self) -> bool:
        """True for a file, and for an array of files."""
        return self.io_class in FILE_CLASSES

    @property
    def is_array(self) -> bool:
        """True for an array."""
        return self.io_class.startswith(ARRAY_PREFIX)

    @property
    def is_worker(self) -> bool:
        """True for a hole that gets the size of the worker."""
        return self.name in WORKER and not self.is_output

    @property
    def ending(self) -> str:
        """The ending of the file's name, such as `.bam`; empty if the patterns have none."""
        first = self.patterns[0] if self.patterns else ""
        # The ending becomes part of the script.
        return first.removeprefix("*") if re.fullmatch(r"\*\.[\w.+-]+", first) else ""

    @property
    def index_inputs(self) -> tuple[IndexInput, ...]:
        """The inputs for the indexes of the file."""
        return index_inputs(self.name, self.indexes, of_array=self.is_array)

    def declaration(self) -> dict[str, Any]:
        """Return the parameter as in dxapp.json."""
        parameter: dict[str, Any] = {"name": self.name, "class": self.io_class}
        if self.optional:
            parameter["optional"] = True
        if self.default is not None:
            parameter["default"] = _default(self)
        if self.patterns:
            parameter["patterns"] = list(self.patterns)
        return parameter

    def __str__(self) -> str:
        """Return the hole as text, with everything that is not the default."""
        text = f"{'>' if self.is_output else ''}{self.name}{''.join(f'+{kind}' for kind in self.indexes)}"
        if self.io_class != "file" or self.patterns:
            text += f":{self.io_class}"
        if self.patterns:
            text += f":{','.join(self.patterns)}"
        text += "?" if self.optional else ""
        text += "" if self.default is None else f"={self.default}"
        return "{" + text + (f"|{self.flag}" if self.flag else "") + "}"


def cannot_be_text(value: str) -> bool:
    """Return whether a default or flag has characters that the text of a hole cannot have."""
    return any(char in value for char in "{}|\n")


def parse_hole(text: str, column: int) -> Hole:
    """Return the hole that text is; raise HoleError, with the column of the text in the template."""
    match = _PARTS.fullmatch(text)
    if match is None:
        raise HoleError(f"{text} is not a hole", column, f"Write {_FORM}, or {{{text}}} for the text itself.")
    io_class = match["io_class"] or "file"
    has_only_name = not any(match[part] for part in ("indexes", "io_class", "optional", "default"))
    is_output = bool(match["output"])
    if match["name"] == ALL_OUTPUTS and has_only_name and not is_output:
        return Hole(ALL_OUTPUTS, "array:file", is_output=True)
    patterns = tuple(part.strip() for part in (match["patterns"] or "").split(",") if part.strip())
    hole = Hole(
        match["name"],
        io_class,
        is_output,
        patterns,
        bool(match["optional"]),
        match["default"],
        match["flag"] or "",
        tuple(match["indexes"].split("+")[1:]),
        is_reference=has_only_name and not is_output,
    )
    if problem := _problem(hole):
        raise HoleError(f"{text}: {problem}", column, f"Write {_FORM}.")
    return hole


_FORM = "{NAME}, {NAME:CLASS}, {NAME:CLASS=DEFAULT}, {NAME:file:*.ENDING} or {>OUTPUT:file:*.ENDING}"


def _problem(hole: Hole) -> str | None:
    """Return the reason why a hole is invalid, None if it is valid."""
    if hole.io_class not in CLASSES:
        return f"the class is one of {', '.join(CLASSES)}; got {hole.io_class!r}"
    has_default = hole.default is not None
    rules = (
        (hole.is_output and not hole.is_file, "an output is a file or array:file"),
        (hole.is_output and (has_default or bool(hole.indexes)), "an output has no default and no index"),
        (bool(hole.patterns) and not hole.is_file, "only a file has a pattern"),
        (bool(hole.indexes) and not hole.is_file, "only a file has an index"),
        (hole.is_array and "bwa" in hole.indexes, "only a single file has an index of bwa"),
        (has_default and (hole.is_file or hole.is_array), "a file or an array has no default"),
    )
    broken = next((message for is_broken, message in rules if is_broken), None)
    return _name_problem(hole) or broken or (_default_problem(hole) if has_default else None)


def _name_problem(hole: Hole) -> str | None:
    """Return the problem with the name, which is a variable in bash, or part of the names of variables."""
    if hole.name in WORKER and (hole.is_output or not hole.is_reference):
        return f"the name {hole.name!r} is reserved for the size of the worker"
    if hole.name in ("in", "file") or (hole.name == ALL_OUTPUTS and not hole.is_output):
        return f"the name {hole.name!r} is reserved"
    found = parameter_name_problem(hole.name, "bash")
    return f"the name {hole.name!r} {found}" if found else None


def _default_problem(hole: Hole) -> str | None:
    try:
        _default(hole)
    except UserError as error:
        return error.message
    return None


def _default(hole: Hole) -> Any:
    return parse_value(hole.io_class, hole.default or "")
