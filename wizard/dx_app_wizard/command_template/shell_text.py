"""Divide a shell command into words, operators and holes, as far as making an app needs.

Only the surface of the language is read: quotes, escapes, substitutions, operators. Everything is kept as it
is written; nothing is expanded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from dx_app_wizard.command_template.holes import HOLE, Hole, HoleError, parse_hole

_OPERATOR = re.compile(
    r"\n|;;|;|&&|\|\||\|&|\||<<<|<<-?|[0-9]*>&[0-9-]+|&>>?|[0-9]*>>|[0-9]*>\|?|<>|[0-9]*<&?|&|[()]"
)
_BLANK = re.compile(r"(?:[ \t]|\\\n)+")


class Kind(Enum):
    """The kind of a piece."""

    TEXT = "text"
    HOLE = "hole"
    BLANK = "blank"
    OPERATOR = "operator"


@dataclass(frozen=True)
class Piece:
    """A piece of a command: `raw` is its text in a script, `start` and `end` are offsets in the template.

    `quote` is the quotation mark around it, or empty. `value` is the text without quotes, None if the shell
    would compute it. `depth` is 0 outside of parentheses and substitutions.
    """

    kind: Kind
    raw: str
    start: int
    end: int
    quote: str = ""
    value: str | None = None
    depth: int = 0
    hole: Hole | None = None
    has_glob: bool = False


class _Scanner:
    """A scanner of one command; `problems` has the holes that are invalid."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.pieces: list[Piece] = []
        self.problems: list[HoleError] = []
        # The quotation mark in force, one per level of $( ) and ( ).
        self.quotes = [""]

    @property
    def quote(self) -> str:
        return self.quotes[-1]

    def scan(self) -> None:
        while self.at < len(self.text):
            self._step()
        if self.quote:
            opened = max(self.text.rfind(self.quote), 0)
            self.problems.append(
                HoleError(f"the quotation mark {self.quote} is not closed", opened + 1, "Close it.")
            )

    def _step(self) -> None:
        char = self.text[self.at]
        if self.quote == "'":
            self._in_single_quotes()
        elif char == "\\" and self.at + 1 < len(self.text) and self.text[self.at + 1] != "\n":
            self._add(Kind.TEXT, 2, self._escaped(self.text[self.at + 1]))
        elif self.text.startswith("{{", self.at) and (match := HOLE.match(self.text, self.at + 1)):
            self._doubled(match.group())
        elif char == "{" and (match := HOLE.match(self.text, self.at)) and not self._follows_dollar():
            self._hole(match.group())
        elif self.text.startswith("$(", self.at):
            self._add(Kind.TEXT, 2, None)
            self.quotes.append("")
        elif char in {"$", "`"}:
            self._add(Kind.TEXT, 1, None)
        elif self.quote == '"':
            self._in_double_quotes(char)
        else:
            self._unquoted(char)

    def _in_single_quotes(self) -> None:
        end = self.text.find("'", self.at)
        if end < 0:
            self.at = len(self.text)
            return
        while self.at < end:
            self._quoted_text(end)
        self._add(Kind.TEXT, 1, "", quote="'")
        self.quotes[-1] = ""

    def _quoted_text(self, end: int) -> None:
        """Add the text up to the next hole or to the offset end, in single quotes."""
        match = HOLE.search(self.text, self.at, end)
        if match is None:
            self._add(Kind.TEXT, end - self.at, self.text[self.at : end])
            return
        start = match.start()
        doubled = (
            start > self.at
            and self.text[start - 1] == "{"
            and self.text[match.end() : match.end() + 1] == "}"
        )
        before = start - doubled - self.at
        if before:
            self._add(Kind.TEXT, before, self.text[self.at : self.at + before])
        if doubled:
            self._doubled(match.group())
            return
        if not (start and self.text[start - 1] == "$"):
            hint = f"Close the quotes around it, or write {{{match.group()}}} for the text itself."
            message = f"{match.group()} is in single quotes, so the shell does not see a variable there"
            self.problems.append(QuotedHoleError(message, start + 1, hint))
        self._add(Kind.TEXT, len(match.group()), match.group())

    def _doubled(self, text: str) -> None:
        start = self.at
        self.at += len(text) + (2 if self.text.startswith("}", self.at + 1 + len(text)) else 1)
        depth = len(self.quotes) - 1
        self.pieces.append(Piece(Kind.TEXT, text, start, self.at, self.quote, text, depth))

    def _hole(self, text: str) -> None:
        try:
            hole = parse_hole(text, self.at + 1)
        except HoleError as error:
            self.problems.append(error)
            self._add(Kind.TEXT, len(text), None)
            return
        self._add(Kind.HOLE, len(text), None, hole=hole)

    def _in_double_quotes(self, char: str) -> None:
        if char == '"':
            self._add(Kind.TEXT, 1, "")
            self.quotes[-1] = ""
            return
        self._add(Kind.TEXT, 1, char)

    def _unquoted(self, char: str) -> None:
        starts_word = not self.pieces or self.pieces[-1].kind in (Kind.BLANK, Kind.OPERATOR)
        if char == "#" and starts_word:
            # Comments are left out of the script.
            end = self.text.find("\n", self.at)
            self.at = len(self.text) if end < 0 else end
        elif match := _BLANK.match(self.text, self.at):
            self._add(Kind.BLANK, len(match.group()), None)
        elif char in "'\"":
            self.quotes[-1] = char
            self._add(Kind.TEXT, 1, "")
        elif (match := _OPERATOR.match(self.text, self.at)) and self._may_be_operator(match.group()):
            self._operator(match.group())
        else:
            self._add(Kind.TEXT, 1, char, has_glob=char in "*?[")

    def _operator(self, text: str) -> None:
        if text == ")" and len(self.quotes) > 1:
            self.quotes.pop()
            # The end of $( ) in double quotes belongs to the word around it.
            self._add(Kind.TEXT if self.quote else Kind.OPERATOR, 1, None)
            return
        self._add(Kind.OPERATOR, len(text), None)
        if text == "(":
            self.quotes.append("")

    def _may_be_operator(self, text: str) -> bool:
        """Return whether digits before a redirection are a descriptor: they begin a word."""
        return not text[0].isdigit() or not self.pieces or self.pieces[-1].kind in (Kind.BLANK, Kind.OPERATOR)

    def _escaped(self, char: str) -> str:
        return char if not self.quote or char in '$`"\\' else f"\\{char}"

    def _follows_dollar(self) -> bool:
        return self.at > 0 and self.text[self.at - 1] == "$"

    def _add(
        self,
        kind: Kind,
        length: int,
        value: str | None,
        *,
        quote: str | None = None,
        hole: Hole | None = None,
        has_glob: bool = False,
    ) -> None:
        raw = self.text[self.at : self.at + length]
        mark = self.quote if quote is None else quote
        start = self.at
        self.at += length
        depth = len(self.quotes) - 1
        self.pieces.append(Piece(kind, raw, start, self.at, mark, value, depth, hole, has_glob))


class QuotedHoleError(HoleError):
    """A hole is in single quotes."""

    code = "from-quoted"


def scan(text: str) -> tuple[tuple[Piece, ...], tuple[HoleError, ...]]:
    """Return the pieces of a command, and every problem with its holes and quotes."""
    scanner = _Scanner(text)
    scanner.scan()
    return tuple(scanner.pieces), tuple(scanner.problems)


def open_quote(text: str) -> str:
    """Return the quotation mark in force at the end of a text, or an empty string."""
    scanner = _Scanner(text)
    scanner.scan()
    return scanner.quote


def escaped_holes(text: str) -> str:
    """Return a text in which everything that has the form of a hole is the text itself."""

    def escaped(match: re.Match[str]) -> str:
        before = text[: match.start()]
        backslashes = len(before) - len(before.rstrip("\\"))
        is_escaped = backslashes % 2 == 1 and open_quote(before) != "'"
        is_no_hole = is_escaped or before.endswith("$")
        return match.group() if is_no_hole else f"{{{match.group()}}}"

    return HOLE.sub(escaped, text)


@dataclass(frozen=True)
class Word:
    """A word of a command, from the offset `start` up to `end`.

    `value` is the word without quotes, None if the shell would compute it or if it has holes. `before` is the
    operator right before it, or empty; `is_command` is true for the name of a program, or a keyword.
    """

    start: int
    end: int
    value: str | None
    has_glob: bool
    before: str
    is_command: bool
    statement: int
    hole: Hole | None = None


_REDIRECTIONS = re.compile(r"[0-9]*(?:<|>).*|&>>?")
RESERVED = frozenset(
    "if then elif else fi while until for in do done ! { } [[ ]] time".split()  # noqa: SIM905
)
"""Words of the shell's grammar that a command may have; functions and `case` belong into scripts."""

_KEYWORDS = frozenset("if then elif else while until do ! { time exec command nohup env".split())  # noqa: SIM905


def words_of(pieces: tuple[Piece, ...]) -> list[Word]:
    """Return the words of a command, in order."""
    found: list[Word] = []
    current: list[Piece] = []
    operator, expects_command, statement = "", True, 0
    last, around, count = "", [0], 0

    def end_word() -> None:
        nonlocal operator, expects_command
        if not current:
            return
        values = [piece.value for piece in current]
        value = None if None in values else "".join(part for part in values if part)
        is_target = bool(_REDIRECTIONS.fullmatch(operator))
        is_command = expects_command and not is_target
        hole = current[0].hole if len(current) == 1 else None
        globs = any(piece.has_glob for piece in current)
        found.append(
            Word(current[0].start, current[-1].end, value, globs, operator, is_command, statement, hole)
        )
        if is_command:
            assigns = value is not None and re.match(r"[A-Za-z_]\w*=", value) is not None
            expects_command = value in _KEYWORDS or assigns
        operator = ""
        current.clear()

    for piece in pieces:
        if piece.kind is Kind.BLANK:
            end_word()
        elif piece.kind is Kind.OPERATOR:
            end_word()
            if _REDIRECTIONS.fullmatch(piece.raw):
                operator = piece.raw
            elif piece.raw == ")":
                # An argument may follow a substitution; only f() is followed by a command.
                operator, expects_command = "", last == "("
                statement = around.pop() if len(around) > 1 else statement
            else:
                around += [statement] if piece.raw == "(" else []
                operator, expects_command = "", True
                count += 1
                statement = count
            last = piece.raw
        else:
            last = ""
            current.append(piece)
    end_word()
    return found
