"""Faults of texts that are no JSON, and how to fix them, in the words of people who write dxapp.json."""

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


class JsonFault(NamedTuple):
    """A fault in a JSON text, fit to follow the file's name: where it is, and how to fix it."""

    message: str
    hint: str | None
    offset: int


def explain(text: str, error: JSONDecodeError) -> JsonFault:
    """Return what is wrong with text, which json.loads refused by this error."""
    if not text.strip():
        return JsonFault("is empty", "Write a JSON object: { … }.", 0)
    at = _next(text, error.pos)
    if at >= len(text):
        return JsonFault(
            "ends too early", "Close what is open: a quotation mark, ] or }.", len(text.rstrip())
        )
    fault = _in_text(text, error) or _marker(text, at) or _foreign(text, at) or _comma(text, at)
    return fault or _unexpected(text, at, error)


def _next(text: str, offset: int) -> int:
    """Return the offset of the next character, from offset on, that is no white space."""
    return offset + len(text[offset:]) - len(text[offset:].lstrip(" \t\r\n"))


def _marker(text: str, at: int) -> JsonFault | None:
    """Return a fault if text goes on with a marker that a merge left."""
    if not _CONFLICT_MARKER.match(text, at):
        return None
    return JsonFault(
        f"has a conflict marker, {text[at : at + 7]}", "Keep one version, and remove the markers.", at
    )


def _foreign(text: str, at: int) -> JsonFault | None:
    """Return a fault of those who write another language: comments, quotation marks, literals, bare keys."""
    if _COMMENT.match(text, at):
        return JsonFault("has a comment, which JSON does not allow", "Remove the comment.", at)
    if text[at] in "'`\u201c\u201d\u2018\u2019":
        return JsonFault(f"has a text in {text[at]} quotation marks", 'Write it in " marks.', at)
    word = _WORD.match(text, at)
    if word and word[0] in _LITERALS:
        return JsonFault(f"has {word[0]}, which is no JSON", f"Write {_LITERALS[word[0]]}.", at)
    if word and text[_next(text, word.end()) :].startswith(":"):
        return JsonFault(f"has the key {word[0]} without quotation marks", f'Write "{word[0]}".', at)
    if word:
        return JsonFault(f"has {word[0]} without quotation marks", f'Write "{word[0]}".', at)
    return None


def _comma(text: str, at: int) -> JsonFault | None:
    before = text[:at].rstrip(" \t\r\n")
    if text[at] in "]}" and before.endswith(","):
        return JsonFault(f"has a comma before {text[at]}", "Remove the comma.", len(before) - 1)
    if text[at] == "," and text[at + 1 :].lstrip().startswith(("]", "}")):
        bracket = text[at + 1 :].lstrip()[0]
        return JsonFault(f"has a comma before {bracket}", "Remove the comma.", at)
    if text[at] == "," and before.endswith((",", "[", "{")):
        return JsonFault("has a comma too many", "Remove the comma.", at)
    return None


def _in_text(text: str, error: JSONDecodeError) -> JsonFault | None:
    if error.msg.startswith("Invalid control character"):
        what = "a line break" if text[error.pos] in "\r\n" else "a tab or other control character"
        hint = r"Close the quotation mark, or write \n for a line break and \t for a tab."
        return JsonFault(f"has {what} within a text", hint, error.pos)
    if error.msg.startswith("Invalid \\"):
        hint = r"Write a backslash as \\."
        return JsonFault("has a backslash that begins no escape of JSON", hint, error.pos)
    if error.msg.startswith("Unterminated string"):
        return JsonFault("has a text without its closing quotation mark", 'Add the ".', error.pos)
    return None


def _unexpected(text: str, at: int, error: JSONDecodeError) -> JsonFault:
    line = text[at:].split("\n", 1)[0].rstrip()
    here = line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
    if error.msg == "Extra data":
        return JsonFault(f"goes on after its end, with {here}", "Remove that, or the bracket too many.", at)
    if error.msg.startswith("Expecting ','"):
        return JsonFault(f"lacks a comma before {here}", "Add the comma, or the bracket that is missing.", at)
    if error.msg.startswith("Expecting ':'"):
        return JsonFault(f"lacks a colon before {here}", 'Write "KEY": VALUE.', at)
    if error.msg.startswith("Expecting property name"):
        return JsonFault(f"lacks a key before {here}", 'Write "KEY": VALUE.', at)
    return JsonFault(
        f"lacks a value before {here}", "Write a quoted text, a number, a list or an object.", at
    )
