"""A command template as parsed: its pieces, its inputs and outputs, and every problem with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from dx_app_wizard.command_template.holes import Hole, HoleError
from dx_app_wizard.command_template.shell_text import Kind, Piece, Word, scan, words_of
from dx_app_wizard.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

_REFERENCE_ENDINGS = (".fa", ".fasta", ".fna", ".fa.gz", ".fasta.gz", ".fna.gz")


class TemplateProblemsError(UserError):
    """A command template is invalid; `errors` has every problem."""

    code = "from-template"

    def __init__(self, errors: tuple[HoleError, ...]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors


@dataclass(frozen=True)
class CommandTemplate:
    """A shell command with holes; `text` is the template as written.

    `named_by` is the input that names the outputs, empty for the first that is suitable.
    """

    text: str
    pieces: tuple[Piece, ...]
    named_by: str = ""

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """The words of the command."""
        return tuple(words_of(self.pieces))

    @cached_property
    def holes(self) -> dict[str, Hole]:
        """The holes by their names, in order of appearance; a declaration takes precedence over its uses."""
        found: dict[str, Hole] = {}
        for piece in self.pieces:
            if piece.hole and (piece.hole.name not in found or found[piece.hole.name].is_reference):
                found[piece.hole.name] = piece.hole
        return found

    @property
    def inputs(self) -> tuple[Hole, ...]:
        """The holes that are inputs."""
        return tuple(hole for hole in self.holes.values() if not (hole.is_output or hole.is_worker))

    @property
    def outputs(self) -> tuple[Hole, ...]:
        """The holes that are outputs."""
        return tuple(hole for hole in self.holes.values() if hole.is_output)

    @property
    def naming_input(self) -> Hole | None:
        """The input whose file's name begins the names of output files.

        This is the first file that is required; a reference sequence only if there is no other.
        """
        if self.named_by:
            return self.holes[self.named_by]
        files = [hole for hole in self.inputs if hole.is_file and not hole.optional]
        others = [hole for hole in files if hole.ending not in _REFERENCE_ENDINGS]
        return next(iter(others or files), None)

    def input_declarations(self) -> list[dict[str, Any]]:
        """Return the inputs as in dxapp.json; the indexes of a file come after it."""
        found: list[dict[str, Any]] = []
        for hole in self.inputs:
            found += [hole.declaration(), *(index.declaration() for index in hole.index_inputs)]
        return found

    def output_declarations(self) -> list[dict[str, Any]]:
        """Return the outputs as in dxapp.json."""
        return [hole.declaration() for hole in self.outputs]

    def commands(self) -> Iterator[str]:
        """Yield the names of the programs that the command runs, as written."""
        for word in self.words:
            if word.is_command and word.value:
                yield word.value


@lru_cache(maxsize=64)
def parse_template(text: str) -> CommandTemplate:
    """Return the parsed template.

    Raises TemplateProblemsError with every problem, in order of their columns.
    """
    pieces, problems = scan(text)
    template = CommandTemplate(text, pieces)
    found = [*problems, *_contradictions(template), *_unreadable(template)]
    if not text.strip():
        found.append(HoleError("the command is empty", 1))
    found += [
        HoleError("the command has a control character", at + 1)
        for at, char in enumerate(text)
        if not (char.isprintable() or char in "\n\t")
    ]
    if found:
        raise TemplateProblemsError(tuple(sorted(found, key=lambda error: error.column)))
    return template


def _contradictions(template: CommandTemplate) -> Iterator[HoleError]:
    """Yield an error for each hole that contradicts another one of the same name."""
    taken: dict[str, str] = {}
    for piece in template.pieces:
        hole = piece.hole
        if hole is None or hole.is_worker:
            continue
        first = template.holes[hole.name]
        if hole.is_output != first.is_output:
            yield HoleError(
                f"{hole.name} is both an input and an output", piece.start + 1, "Rename one of them."
            )
        elif not hole.is_reference and hole != first:
            message = f"{hole} and {first} have the same name and differ"
            yield HoleError(message, piece.start + 1, f"Write {{{hole.name}}} for the second one.")
        if hole.is_file and not hole.is_output:
            for ending in ("path", "name", "prefix"):
                if f"{hole.name}_{ending}" in template.holes:
                    message = f"{hole.name}_{ending} is a variable of the input {hole.name}"
                    yield HoleError(message, piece.start + 1, f"Rename the hole {hole.name}_{ending}.")
        for index in hole.index_inputs:
            if index.name in template.holes or taken.setdefault(index.name, hole.name) != hole.name:
                message = f"the name {index.name} is taken by the index of {hole.name}"
                yield HoleError(message, piece.start + 1)


_UNREADABLE_KEYWORDS = ("case", "select", "coproc", "function")


def _unreadable(template: CommandTemplate) -> Iterator[HoleError]:
    """Yield an error for parts of the shell's language that a template cannot have."""
    found = [*_keywords(template), *_functions(template)]
    for at, construct in found:
        hint = "Put these lines into a script, and make an app of the command `bash SCRIPT ...`."
        yield HoleError(f"{construct} cannot be part of the command", at + 1, hint)
    for piece in template.pieces:
        if piece.kind is Kind.OPERATOR and piece.raw in ("<<", "<<-"):
            hint = "Put these lines into a file or a script, and name that."
            yield HoleError("a here document cannot be part of the command", piece.start + 1, hint)
        if piece.kind is Kind.OPERATOR and piece.raw == "&" and "wait" not in template.commands():
            message = "the job would end without the command that & starts in the background"
            yield HoleError(message, piece.start + 1, "Remove the &, or end the command with `; wait`.")
        hole = template.holes[piece.hole.name] if piece.hole else None
        if hole is None or not piece.quote:
            continue
        if hole.is_array or hole.io_class == "boolean" or hole.flag or hole.optional:
            message = f"{hole} is in double quotes, where it cannot become several words or none"
            yield HoleError(message, piece.start + 1, "Close the quotes around it.")


def _keywords(template: CommandTemplate) -> Iterator[tuple[int, str]]:
    """Yield the offset and the description of each keyword that a template cannot have."""
    for word in template.words:
        if word.is_command and word.value in _UNREADABLE_KEYWORDS:
            yield word.start, f"`{word.value}`"
            if word.value == "case":
                # The patterns after it would be taken for commands, and (in its functions) for others.
                return


def _functions(template: CommandTemplate) -> Iterator[tuple[int, str]]:
    """Yield the offset and the description of each function `NAME()` in a command."""
    pieces = [piece for piece in template.pieces if piece.kind is not Kind.BLANK]
    starts = {word.end: word for word in template.words if word.is_command and word.value}
    for before, first, second in zip(pieces, pieces[1:], pieces[2:], strict=False):
        opens = first.kind is Kind.OPERATOR and first.raw == "("
        if opens and second.kind is Kind.OPERATOR and second.raw == ")" and before.end in starts:
            word = starts[before.end]
            yield word.start, f"the function `{word.value}`"
