"""Explain JSON syntax errors in terms of common mistakes: comments, trailing commas, conflict markers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from json import JSONDecodeError

_COMMENT = re.compile(r"//|/\*|#")
_LITERALS = {"True": "true", "False": "false", "None": "null", "undefined": "null"}
_WORD = re.compile(r"[A-Za-z_$][\w$-]*")
_CONFLICT_MARKER = re.compile(r"^(<{7}|[|]{7}|={7}|>{7})(?= |$)", re.MULTILINE)
_LONGEST = 30


class JsonError(NamedTuple):
    """A mistake in a JSON text: a predicate that follows the file's name, a hint, and the offset."""

    message: str
    hint: str | None
    offset: int


def explain(text: str, error: JSONDecodeError) -> JsonError:
    """Return the mistake that most likely made json.loads raise this error."""
    if not text.strip():
        return JsonError("is empty", "Write a JSON object: { … }.", 0)
    if marker := _CONFLICT_MARKER.search(text):  # explains any other mistake
        return _marker(marker[0], marker.start())
    at = _next(text, error.pos)
    if at >= len(text):
        return JsonError("ends too early", "Add the missing quotation mark, ] or }.", len(text.rstrip()))
    found = _in_string(text, error) or _foreign(text, at) or _comma(text, at)
    return found or _unexpected(text, at, error)


def _next(text: str, offset: int) -> int:
    """Return the offset of the first character at or after offset that is not white space."""
    return offset + len(text[offset:]) - len(text[offset:].lstrip(" \t\r\n"))


def _marker(marker: str, at: int) -> JsonError:
    return JsonError(
        f"has a conflict marker, {marker}, of a merge", "Keep one version, and remove the markers.", at
    )


def _foreign(text: str, at: int) -> JsonError | None:
    """Return a mistake for syntax of other languages: comments, quotation marks, literals, bare keys."""
    if _COMMENT.match(text, at):
        return JsonError("has a comment, which JSON does not allow", "Remove the comment.", at)
    if text[at] in "'`\u201c\u201d\u2018\u2019":
        return JsonError(f"has a string in {text[at]} quotation marks", 'Use " instead.', at)
    word = _WORD.match(text, at)
    if word and word[0] in _LITERALS:
        return JsonError(f"has {word[0]}, which is not JSON", f"Write {_LITERALS[word[0]]}.", at)
    if word and text[_next(text, word.end()) :].startswith(":"):
        return JsonError(f"has the key {word[0]} without quotation marks", f'Write "{word[0]}".', at)
    if word:
        return JsonError(f"has {word[0]} without quotation marks", f'Write "{word[0]}".', at)
    return None


def _comma(text: str, at: int) -> JsonError | None:
    before = text[:at].rstrip(" \t\r\n")
    if text[at] in "]}" and before.endswith(","):
        return JsonError(f"has a comma before {text[at]}", "Remove the comma.", len(before) - 1)
    if text[at] == "," and text[at + 1 :].lstrip().startswith(("]", "}")):
        bracket = text[at + 1 :].lstrip()[0]
        return JsonError(f"has a comma before {bracket}", "Remove the comma.", at)
    if text[at] == "," and before.endswith((",", "[", "{")):
        return JsonError("has an extra comma", "Remove the comma.", at)
    return None


def _in_string(text: str, error: JSONDecodeError) -> JsonError | None:
    if error.msg.startswith("Invalid control character"):
        character = "a line break" if text[error.pos] in "\r\n" else "a tab or other control character"
        hint = r"Close the quotation mark, or write \n for a line break and \t for a tab."
        return JsonError(f"has {character} within a string", hint, error.pos)
    if error.msg.startswith("Invalid \\"):
        hint = r"Write a backslash as \\."
        return JsonError("has an invalid backslash escape", hint, error.pos)
    if error.msg.startswith("Unterminated string"):
        return JsonError("has a string without a closing quotation mark", 'Close it with ".', error.pos)
    return None


def _unexpected(text: str, at: int, error: JSONDecodeError) -> JsonError:
    line = text[at:].split("\n", 1)[0].rstrip()
    here = line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
    if error.msg == "Extra data":
        return JsonError(f"has extra text after its end: {here}", "Remove it, or the extra bracket.", at)
    if error.msg.startswith("Expecting ','"):
        return JsonError(f"is missing a comma before {here}", "Add the comma or the missing bracket.", at)
    if error.msg.startswith("Expecting ':'"):
        return JsonError(f"is missing a colon before {here}", 'Write "KEY": VALUE.', at)
    if error.msg.startswith("Expecting property name"):
        return JsonError(f"is missing a key before {here}", 'Write "KEY": VALUE.', at)
    return JsonError(
        f"is missing a value before {here}", "Write a quoted string, a number, an array or an object.", at
    )
