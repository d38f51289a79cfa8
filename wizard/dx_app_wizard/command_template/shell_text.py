"""Divide a shell command into words, operators and holes, as far as making an app needs.

Only the surface of the language is read: quotes, escapes, substitutions, operators. Everything is kept as it
is written; nothing is expanded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
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
    COMMENT = "comment"
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


@dataclass
class _Level:
    """The text within `$( )`, `( )`, backticks or `(( ))`: the quotation mark in force, and its end.

    `start` is the offset of the opening, and `parentheses` counts those that are open within `(( ))`.
    """

    quote: str = ""
    end: str = ""
    start: int = 0
    parentheses: int = 0


_ARITHMETIC = "))"


class _Scanner:
    """A scanner of one command; `problems` has the holes that are invalid."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.pieces: list[Piece] = []
        self.problems: list[HoleError] = []
        self.levels = [_Level()]

    @property
    def level(self) -> _Level:
        return self.levels[-1]

    @property
    def quote(self) -> str:
        return self.level.quote

    def scan(self) -> None:
        while self.at < len(self.text):
            self._step()
        if len(self.levels) > 1:
            is_backtick = self.text[self.level.start] == "`"
            message = f"{'a backtick' if is_backtick else 'a parenthesis'} is not closed"
            self.problems.append(HoleError(message, self.level.start + 1, "Close it."))
        elif self.quote:
            opened = max(self.text.rfind(self.quote), 0)
            self.problems.append(
                HoleError(f"the quotation mark {self.quote} is not closed", opened + 1, "Close it.")
            )

    def _step(self) -> None:
        char = self.text[self.at]
        if self.quote == "'":
            self._in_single_quotes()
        elif char == "\\" and self.at + 1 < len(self.text) and self.text[self.at + 1] != "\n":
            self._escape(self.text[self.at + 1])
        elif char in "()" and self.level.end == _ARITHMETIC:
            self._parenthesis_in_arithmetic(char)
        elif self.text.startswith("{{", self.at) and (match := HOLE.match(self.text, self.at + 1)):
            self._doubled(match.group())
        elif char == "{" and (match := HOLE.match(self.text, self.at)) and not self._follows_dollar():
            self._hole(match.group())
        elif char in "$`":
            self._expansion(char)
        elif self.quote == '"':
            self._in_double_quotes(char)
        else:
            self._unquoted(char)

    def _expansion(self, char: str) -> None:
        if char == "`":
            self._backtick()
        elif self.text.startswith("$((", self.at):
            self._open("$((", _ARITHMETIC)
        elif self.text.startswith("$(", self.at):
            self._open("$(", ")")
        else:
            self._add(Kind.TEXT, 1, None)

    def _open(self, text: str, end: str, *, kind: Kind = Kind.TEXT, raw: str | None = None) -> None:
        """Add the text that opens a level, written as `raw` in the script."""
        start = self.at
        self._add(kind, len(text), None, raw=raw)
        # In (( )) nothing is divided into words, as in quotes.
        self.levels.append(_Level('"' if end == _ARITHMETIC else "", end, start))

    def _close(self, length: int, raw: str | None = None) -> None:
        self.levels.pop()
        # The end of $( ) in double quotes belongs to the word around it.
        kind = Kind.TEXT if self.quote or length > 1 else Kind.OPERATOR
        self._add(kind, length, None, raw=raw)

    def _backtick(self) -> None:
        """Read a backtick as the beginning or the end of `$( )`, which means the same."""
        if self.level.end == "`":
            self._close(1, ")")
        else:
            self._open("`", "`", raw="$(")

    def _parenthesis_in_arithmetic(self, char: str) -> None:
        if char == ")" and not self.level.parentheses:
            self._close(2 if self.text.startswith("))", self.at) else 1)
            return
        self.level.parentheses += 1 if char == "(" else -1
        self._add(Kind.TEXT, 1, char)

    def _escape(self, char: str) -> None:
        if char in "`$\\" and any(level.end == "`" for level in self.levels):
            message = f"\\{char} within backticks is not read"
            self.problems.append(HoleError(message, self.at + 1, "Write $( ) instead of the backticks."))
        self._add(Kind.TEXT, 2, self._escaped(char))

    def _in_single_quotes(self) -> None:
        end = self.text.find("'", self.at)
        if end < 0:
            self.at = len(self.text)
            return
        while self.at < end:
            self._quoted_text(end)
        self._add(Kind.TEXT, 1, "", quote="'")
        self.level.quote = ""

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
        depth = len(self.levels) - 1
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
            self.level.quote = '"' if self.level.end == _ARITHMETIC else ""
            return
        self._add(Kind.TEXT, 1, char)

    def _unquoted(self, char: str) -> None:
        starts_word = not self.pieces or self.pieces[-1].kind in (Kind.BLANK, Kind.OPERATOR)
        if char == "#" and starts_word:
            end = self.text.find("\n", self.at)
            length = (len(self.text) if end < 0 else end) - self.at
            # In a command that is taken literally, holes are escaped in comments as well.
            raw = re.sub(rf"\{{({HOLE.pattern})\}}", r"\1", self.text[self.at : self.at + length])
            self._add(Kind.COMMENT, length, None, raw=raw)
        elif match := _BLANK.match(self.text, self.at):
            self._add(Kind.BLANK, len(match.group()), None)
        elif char in "'\"":
            self.level.quote = char
            self._add(Kind.TEXT, 1, "")
        elif self.text.startswith("((", self.at):
            self._open("((", _ARITHMETIC)
        elif (match := _OPERATOR.match(self.text, self.at)) and self._may_be_operator(match.group()):
            self._operator(match.group())
        else:
            self._add(Kind.TEXT, 1, char)

    def _operator(self, text: str) -> None:
        if text == ")" and self.level.end == ")":
            self._close(1)
        elif text == "(":
            self._open("(", ")", kind=Kind.OPERATOR)
        else:
            self._add(Kind.OPERATOR, len(text), None)

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
        raw: str | None = None,
    ) -> None:
        text = self.text[self.at : self.at + length] if raw is None else raw
        has_glob = kind is Kind.TEXT and not self.quote and value == text and text in ("*", "?", "[")
        mark = self.quote if quote is None else quote
        start = self.at
        self.at += length
        depth = len(self.levels) - 1
        self.pieces.append(Piece(kind, text, start, self.at, mark, value, depth, hole, has_glob))


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


@dataclass
class _Place:
    """A place in a command, as far as it decides on the meaning of the next word.

    `index` is that of the current word in the list, if words of a substitution in it come after it.
    """

    current: list[Piece] = field(default_factory=list)
    operator: str = ""
    expects_command: bool = True
    statement: int = 0
    last: str = ""
    index: int | None = None


class _WordReader:
    """A reader of the words of a command; the words of a substitution come after the one around it."""

    def __init__(self) -> None:
        self.words: list[Word] = []
        self.place = _Place()
        self.count = 0
        # The statements around each ( ), and the places around each $( ) with their depths.
        self.around = [0]
        self.outer: list[tuple[_Place, int]] = []

    def read(self, piece: Piece) -> None:
        """Read the next piece."""
        if is_substitution(piece):
            self._open(piece)
        elif self.outer and piece.raw == ")" and piece.value is None and piece.depth == self.outer[-1][1]:
            self._close(piece)
        elif piece.kind in (Kind.BLANK, Kind.COMMENT):
            self.end_word()
        elif piece.kind is Kind.OPERATOR:
            self._operator(piece)
        else:
            self.place.last = ""
            self.place.current.append(piece)

    def end_word(self) -> None:
        """Add the word that ends here, if there is one."""
        place = self.place
        if not place.current:
            return
        first, values = place.current[0], [piece.value for piece in place.current]
        value = None if None in values else "".join(part for part in values if part)
        is_command = place.expects_command and not _REDIRECTIONS.fullmatch(place.operator)
        word = Word(
            first.start,
            place.current[-1].end,
            value,
            any(piece.has_glob for piece in place.current),
            place.operator,
            is_command,
            place.statement,
            first.hole if len(place.current) == 1 else None,
        )
        self.words.insert(len(self.words) if place.index is None else place.index, word)
        if is_command:
            assigns = re.match(r"[A-Za-z_]\w*=", "".join(piece.raw for piece in place.current)) is not None
            place.expects_command = value in _KEYWORDS or assigns
        place.operator, place.index = "", None
        place.current.clear()

    def _open(self, piece: Piece) -> None:
        if self.place.index is None:
            self.place.index = len(self.words)
        self.place.current.append(piece)
        self.outer.append((self.place, piece.depth))
        self.count += 1
        self.place = _Place(statement=self.count)

    def _close(self, piece: Piece) -> None:
        self.end_word()
        self.place, _ = self.outer.pop()
        self.place.last = ""
        self.place.current.append(piece)

    def _operator(self, piece: Piece) -> None:
        self.end_word()
        place = self.place
        if _REDIRECTIONS.fullmatch(piece.raw):
            place.operator = piece.raw
        elif piece.raw == ")":
            # An argument may follow <( ); only f() is followed by a command.
            place.operator, place.expects_command = "", place.last == "("
            place.statement = self.around.pop() if len(self.around) > 1 else place.statement
        else:
            self.around += [place.statement] if piece.raw == "(" else []
            place.operator, place.expects_command = "", True
            self.count += 1
            place.statement = self.count
        place.last = piece.raw


def is_substitution(piece: Piece) -> bool:
    """Return whether a piece opens `$( )`, or backticks."""
    return piece.raw == "$(" and piece.value is None and piece.quote != "'"


def words_of(pieces: tuple[Piece, ...]) -> list[Word]:
    """Return the words of a command, in order; those of a substitution after the word that has it."""
    reader = _WordReader()
    for piece in pieces:
        reader.read(piece)
    reader.end_word()
    return reader.words
