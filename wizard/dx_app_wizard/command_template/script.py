"""Write the bash script of an app that runs a command template.

Inputs are emitted only in quotes, so that a value is always one word, and nothing is evaluated.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dx_app_wizard.command_template.shell_text import Kind, Piece
from dx_app_wizard.command_template.shellcheck_codes import directives

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dx_app_wizard.command_template.holes import Hole
    from dx_app_wizard.command_template.indexes import IndexInput
    from dx_app_wizard.command_template.template import CommandTemplate

_KEYWORDS = frozenset("if then elif else while until do for case ! { function".split())  # noqa: SIM905
_WORKER = {
    "cpus": "$(nproc)",
    "mem_mb": "$mem_mb",
    "mem_gb": "$((mem_mb / 1024))",
}
ONCE = "..."
"""The end of a flag that precedes all values of an array, instead of each one."""

_CONTINUED = "\0"
"""Marks a line break after `|`; commands have no such character."""

_MEMORY = """\
# The worker's memory, less 10 % for everything else.
mem_mb=$(awk '/^MemTotal:/ { print int($2 * 0.9 / 1024) }' /proc/meminfo)"""


def preparation(template: CommandTemplate) -> list[str]:
    """Return the lines that prepare the command: folders of outputs, indexes, words of flags, memory."""
    lines: list[str] = []
    if template.outputs:
        lines.append(f"mkdir -p {' '.join(f'out/{hole.name}' for hole in template.outputs)}")
    if any(name in template.holes for name in ("mem_mb", "mem_gb")):
        lines += _MEMORY.splitlines()
    for hole in template.inputs:
        lines += _flag_words(hole)
        for index in hole.index_inputs:
            lines += ["", *_index_lines(hole, index)]
    return lines


def statements(template: CommandTemplate) -> list[str]:
    """Return the command as lines of bash, one per statement and part of a pipe.

    `a && b` becomes two lines: `set -e` does not end a script if `a` of such a list fails.
    """
    emitter = _Emitter(template)
    for piece in template.pieces:
        emitter.add(piece)
    emitter.end_statement()
    return emitter.lines


def output_path(template: CommandTemplate, hole: Hole) -> str:
    """Return the path of an output, for use in double quotes: `out/table/$reads_prefix.table.tsv`.

    An array of files is a folder.
    """
    if hole.is_array:
        return f"out/{hole.name}"
    source = template.naming_input
    tail = hole.name
    ending = hole.ending
    parts = ending.split(".")[1:]
    plain = parts[:-1] if parts[-1:] == ["gz"] else parts
    for words in (parts, plain, plain[-1:]):
        word = "_".join(words)
        if word and (tail == word or tail.endswith(f"_{word}")):
            tail = tail.removesuffix(word).rstrip("_")
            break
    if source is None:
        return f"out/{hole.name}/{tail or hole.name}{ending}"
    prefix = f"${{{source.name}_prefix[0]}}" if source.is_array else f"${source.name}_prefix"
    return f"out/{hole.name}/{prefix}{f'.{tail}' if tail else ''}{ending}"


@dataclass
class _Emitter:
    """The lines of a script, built piece by piece."""

    template: CommandTemplate
    lines: list[str] = field(default_factory=list)
    _parts: list[str] = field(default_factory=list)
    _comments: list[str] = field(default_factory=list)

    def add(self, piece: Piece) -> None:
        if piece.kind is Kind.COMMENT:
            # A comment stands before the line with its command; in parentheses it is left out.
            self._comments += [] if piece.depth else [piece.raw.rstrip()]
        elif piece.hole:
            self._parts.append(self._emitted(self.template.holes[piece.hole.name], piece))
        elif piece.kind is Kind.BLANK:
            self._parts.append(" ")
        elif piece.kind is Kind.OPERATOR and piece.depth == 0:
            self._operator(piece)
        else:
            self._parts.append(piece.raw)

    def _operator(self, piece: Piece) -> None:
        if piece.raw == "\n" and "".join(self._parts).rstrip(" ").endswith(_CONTINUED):
            # A pipe goes on after the line break.
            return
        if piece.raw in (";", "\n") or (piece.raw == "&&" and self._splits_at(piece)):
            self.end_statement()
        elif piece.raw == "|":
            self._parts = ["".join(self._parts).rstrip(), f" |{_CONTINUED}"]
        else:
            self._parts.append(piece.raw)

    def _splits_at(self, piece: Piece) -> bool:
        """Return whether a `&&` can end a line: the list has no `||`, and is no condition."""
        words = [word for word in self.template.words if word.start < piece.start]
        begins_with = next((word.value for word in words if self._statement_start(piece) <= word.start), None)
        return begins_with not in _KEYWORDS and "||" not in self._operators_of_list(piece)

    def _statement_start(self, piece: Piece) -> int:
        ends = [
            other.end
            for other in self.template.pieces
            if other.kind is Kind.OPERATOR
            and not other.depth
            and other.raw in (";", "\n")
            and other.end <= piece.start
        ]
        return max(ends, default=0)

    def _operators_of_list(self, piece: Piece) -> list[str]:
        start = self._statement_start(piece)
        found: list[str] = []
        for other in self.template.pieces:
            if other.start < start or other.kind is not Kind.OPERATOR or other.depth:
                continue
            if other.raw in (";", "\n"):
                break
            found.append(other.raw)
        return found

    def end_statement(self) -> None:
        text = "".join(self._parts).strip()
        self._parts = []
        if text or self._comments:
            self.lines += self._comments
            self._comments = []
        if text:
            self.lines.append(text.replace(f"{_CONTINUED} ", _CONTINUED))

    def _emitted(self, hole: Hole, piece: Piece) -> str:
        if piece.quote:
            return self._value(hole)
        variable = f"{hole.name}_path" if hole.is_file else hole.name
        is_plain = not (hole.is_output or hole.is_worker or hole.is_array)
        value = f'"${variable}"' if is_plain else f'"{self._value(hole)}"'
        if hole.is_output or hole.is_worker:
            return value
        if hole.flag and (hole.is_array or hole.io_class == "boolean"):
            return self._with_words(hole)
        if hole.optional and not hole.is_array:
            return f"${{{variable}:+{_quoted_words(hole.flag)}{value}}}"
        return f"{_quoted_words(hole.flag)}{value}"

    def _with_words(self, hole: Hole) -> str:
        """Return the words of a flag that may be several or none."""
        if hole.is_array and hole.flag.endswith(ONCE):
            flag, values = _quoted_words(hole.flag.removesuffix(ONCE).rstrip()), self._value(hole)
            return f'{values[:-1]}:+{flag} "{values}"}}'
        return f'"${{{hole.name}_{"words" if hole.is_array else "flag"}[@]}}"'

    def _value(self, hole: Hole) -> str:
        """Return the value for use in double quotes."""
        if hole.is_output:
            return output_path(self.template, hole)
        if hole.is_worker:
            return _WORKER[hole.name]
        variable = f"{hole.name}_path" if hole.is_file else hole.name
        return f"${{{variable}[@]}}" if hole.is_array else f"${{{variable}}}"


def _quoted_words(flag: str) -> str:
    """Return the words of a flag, quoted as far as the shell would change them."""
    return " ".join(shlex.quote(word) if word else "" for word in flag.split(" "))


def _flag_words(hole: Hole) -> Iterator[str]:
    """Yield lines that collect the words of a flag in an array, if they are several or none."""
    if not hole.flag or hole.flag.endswith(ONCE):
        return
    flag = hole.flag.rstrip(" ")
    is_word = flag != hole.flag
    if hole.io_class == "boolean":
        yield f"{hole.name}_flag=()"
        yield f"if [[ ${{{hole.name}:-false}} == true ]]; then"
        yield f"  {hole.name}_flag+=({shlex.quote(flag)})"
        yield "fi"
    elif hole.is_array:
        values = f"{hole.name}_path" if hole.is_file else hole.name
        quoted, value = shlex.quote(flag), f'"${hole.name}_word"'
        word = f"{quoted} {value}" if is_word else f"{quoted}{value}"
        yield f"{hole.name}_words=()"
        yield f'for {hole.name}_word in "${{{values}[@]}}"; do'
        yield f"  {hole.name}_words+=({word})"
        yield "done"


def _index_lines(hole: Hole, index: IndexInput) -> Iterator[str]:
    """Yield the lines that put an index beside its file, or make it if it is absent."""
    if hole.is_array:
        yield from _index_lines_of_array(hole, index)
        return
    path = f"${hole.name}_path"
    if index.is_set:
        yield f"# Programs look for the index of {hole.name} beside it."
        yield f'for {index.name}_file in "${{{index.name}_path[@]}}"; do'
        yield f'  ln -s "${index.name}_file" "${{{hole.name}_path%/*}}/"'
        yield "done"
        condition = f'[[ ! -e "{path}.bwt" ]]'
    else:
        beside = f"${{{hole.name}_path%.*}}.dict" if index.kind == "dict" else f"{path}.{index.kind}"
        yield f"# Programs look for the index of {hole.name} beside it."
        yield f"if [[ -n ${{{index.name}_path:-}} ]]; then"
        yield f'  ln -s "${index.name}_path" "{beside}"'
        yield "fi"
        condition = f'[[ ! -e "{beside}" ]]'
    if index.maker:
        yield f"if {condition}; then"
        yield f'  {" ".join(index.maker)} "{path}"'
        yield "fi"


def _index_lines_of_array(hole: Hole, index: IndexInput) -> Iterator[str]:
    """Yield the lines that put the indexes of an array of files beside them, joined by name."""
    file, given = f"{hole.name}_file", f"{index.name}_file"
    yield f"# Programs look for the index of each file of {hole.name} beside it."
    yield f'for {file} in "${{{hole.name}_path[@]}}"; do'
    yield f'  for {given} in "${{{index.name}_path[@]}}"; do'
    yield f'    if [[ ${{{given}##*/}} == "${{{file}##*/}}.{index.kind}" ]]; then'
    yield f'      ln -s "${given}" "${file}.{index.kind}"'
    yield "    fi"
    yield "  done"
    if index.maker:
        yield f"  if [[ ! -e ${file}.{index.kind} ]]; then"
        yield f'    {" ".join(index.maker)} "${file}"'
        yield "  fi"
    yield "done"


def script(template: CommandTemplate, summary: str) -> str:
    """Return the source of the app: a bash script whose function main runs the command once."""
    body: list[str] = []
    if any(hole.is_file for hole in template.inputs):
        body.append("dx-download-all-inputs")
    body += [*preparation(template), "", *statements(template)]
    body += ["", *_uploads(template)]
    return _SCRIPT.format(summary=summary, main=indented(body), directives=directive_lines(template))


def directive_lines(template: CommandTemplate) -> str:
    """Return the directives for ShellCheck about the command itself, as lines of a script."""
    return "".join(f"{line}\n" for line in directives(template))


def indented(lines: Iterable[str]) -> str:
    """Return lines as the body of a function, without blank lines at its start and end."""
    body = list(lines)
    while body and not body[-1]:
        del body[-1]
    while body and not body[0]:
        del body[0]
    # Line breaks within quotes are part of the command, so the lines after them are not indented.
    return "\n".join(f"  {line}" if line else "" for line in body).replace(_CONTINUED, "\n    ")


def _uploads(template: CommandTemplate) -> Iterator[str]:
    """Yield the lines that upload the outputs; arrays in the order of their files' names."""
    arrays = [hole.name for hole in template.outputs if hole.is_array]
    if len(arrays) < len(template.outputs):
        yield " ".join(["dx-upload-all-outputs", *(f"--except {name}" for name in arrays)])
    for name in arrays:
        yield f"# dx-upload-all-outputs would upload {name} in no particular order."
        yield f"mapfile -t {name}_files < <(find out/{name} -type f | LC_ALL=C sort)"
        yield f'for {name}_file in "${{{name}_files[@]}}"; do'
        upload = f'$(dx upload --brief "${name}_file")'
        yield f'  dx-jobutil-add-output {name} "{upload}" --class=file --array'
        yield "done"


def standalone(template: CommandTemplate) -> str:
    """Return the lines of main that need no platform, as a script of their own."""
    lines = ["set -euo pipefail", *preparation(template), *statements(template)]
    return "\n".join(lines).replace(_CONTINUED, "\n  ") + "\n"


_SCRIPT = """\
#!/usr/bin/env bash
#
# {summary}.
#
# The platform sets a variable for each input; a file has NAME_path, NAME_name and NAME_prefix as well. Files
# that are written to out/NAME/ become output NAME.
# shellcheck disable=SC2154
{directives}
set -euo pipefail
shopt -s inherit_errexit

main() {{
{main}
}}
"""
