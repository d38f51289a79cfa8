"""Find the warnings of ShellCheck that a command's own text would cause, as scripts keep it unchanged.

Source: the wiki pages of these codes at https://www.shellcheck.net/wiki/.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dx_app_wizard.command_template.shell_text import Kind, is_substitution

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_app_wizard.command_template.shell_text import Piece, Word
    from dx_app_wizard.command_template.template import CommandTemplate

_LOOPS_ONCE = ("SC2043", "SC2066")
_LOOPS_OVER_SUBSTITUTION = ("SC2013", "SC2044", "SC2045")
_UNQUOTED_SUBSTITUTION = ("SC2046",)
_ECHO_AND_SUBSTITUTION = ("SC2005", "SC2116")
_LITERAL_BRACE = ("SC1083",)
_UNQUOTED_VARIABLE = ("SC2086", "SC2231")


def directives(template: CommandTemplate) -> list[str]:
    """Return the lines that keep ShellCheck from reporting the text of the command; none if it is clean."""
    codes = sorted(
        {code for found in (_loops(template), _unquoted(template), _braces(template)) for code in found}
    )
    if not codes:
        return []
    return ["# The command is kept as it was written.", f"# shellcheck disable={','.join(codes)}"]


def _loops(template: CommandTemplate) -> Iterator[str]:
    """Yield the codes about the words after `for NAME in`."""
    words = template.words
    for at, word in enumerate(words[:-3]):
        if not (word.is_command and word.value == "for" and words[at + 2].value == "in"):
            continue
        listed = [other for other in words[at + 3 :] if other.statement == word.statement]
        if any(is_substitution(piece) for other in listed for piece in _pieces(template, other)):
            yield from _LOOPS_OVER_SUBSTITUTION
        elif len(listed) == 1 and not (listed[0].has_glob or (listed[0].hole and listed[0].hole.is_array)):
            yield from _LOOPS_ONCE


def _unquoted(template: CommandTemplate) -> Iterator[str]:
    """Yield the codes about substitutions and variables that are not in quotes, and about those of echo."""
    echoes = [word for word in template.words if word.is_command and word.value == "echo"]
    places = {place for word in echoes for place in (word.start, word.end + 1)}
    previous = ""
    for piece, following in zip(template.pieces, template.pieces[1:], strict=False):
        is_assigned, previous = previous == "=", piece.raw
        if is_substitution(piece) and not places.isdisjoint((piece.start, piece.end)):
            yield from _ECHO_AND_SUBSTITUTION
        if piece.quote or piece.kind is not Kind.TEXT or piece.value is not None:
            continue
        if is_substitution(piece):
            yield from () if is_assigned else _UNQUOTED_SUBSTITUTION
        elif piece.raw == "$" and re.match(r"[A-Za-z_{0-9]", following.raw):
            yield from _UNQUOTED_VARIABLE


def _braces(template: CommandTemplate) -> Iterator[str]:
    """Yield the code about literal braces, which may be taken for the shell's own."""
    own = {word.start for word in template.words if word.value in ("{", "}")}
    for piece in template.pieces:
        is_literal = piece.kind is Kind.TEXT and not piece.quote and piece.value == piece.raw
        if is_literal and re.search("[{}]", piece.raw) and piece.start not in own:
            yield from _LITERAL_BRACE


def _pieces(template: CommandTemplate, word: Word) -> Iterator[Piece]:
    return (piece for piece in template.pieces if word.start <= piece.start < word.end)
