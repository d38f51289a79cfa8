"""A JSON text, changed to say something more and otherwise left as it is.

What stays the same keeps its spaces, its escapes and the spelling of its numbers; new keys come last in
their object, laid out as their neighbours are.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dx_app_wizard.spec.jsonfile import TOKEN, escaped_surrogates

if TYPE_CHECKING:
    from collections.abc import Iterator

_USUAL_INDENT = "  "
_LONGEST_ON_A_LINE = 60


def rewritten(text: str, value: Any) -> str:
    """Return JSON text changed so that it says value."""
    edits = sorted(_Rewriting(text).edits(_outline(text), json.loads(text), value))
    parts, end = [], 0
    for edit in edits:
        parts += [text[end : edit.start], edit.text]
        end = edit.end
    return "".join([*parts, text[end:]])


@dataclass(frozen=True, order=True)
class _Edit:
    """What comes in place of a part of the text."""

    start: int
    end: int
    text: str


@dataclass
class _Node:
    """Where a value stands in the text, and for an object where its members begin (keys) and stand."""

    start: int
    end: int = 0
    key_starts: list[int] = field(default_factory=list)
    members: dict[str, _Node] = field(default_factory=dict)


def _outline(text: str) -> _Node:
    """Return where the values of a text known to be JSON stand; values within arrays are left out."""
    top = _Node(0)
    stack: list[tuple[_Node, bool]] = []
    here = top
    key: str | None = None
    awaits_key = False
    for match in TOKEN.finditer(text):
        word = match[0]
        if word in ":,":
            awaits_key = word == "," and bool(stack) and stack[-1][1]
        elif word in "}]":
            here, awaits_key = stack.pop()[0], False
            here.end = match.end()
        elif awaits_key:
            key, awaits_key = json.loads(word), False
            stack[-1][0].key_starts.append(match.start())
        else:
            here = _Node(match.start(), match.end())
            if not stack:
                top = here
            elif stack[-1][1] and key is not None:
                stack[-1][0].members[key] = here
            if word in "{[":
                awaits_key = word == "{"
                stack.append((here, awaits_key))
    return top


@dataclass(frozen=True)
class _Rewriting:
    """The text, and how it is laid out."""

    text: str

    def edits(self, node: _Node, old: Any, new: Any) -> Iterator[_Edit]:
        """Yield the edits after which the text at node says new."""
        # 1, 1.0 and true are equal in Python.
        if json.dumps(old) == json.dumps(new):
            return
        if not (isinstance(old, dict) and isinstance(new, dict) and list(new)[: len(old)] == list(old)):
            yield _Edit(node.start, node.end, self._value(new, self._indent_before(node.start) or ""))
            return
        for key, member in node.members.items():
            yield from self.edits(member, old[key], new[key])
        added = {key: value for key, value in new.items() if key not in old}
        if added:
            yield self._insertion(node, added)

    def _insertion(self, node: _Node, added: dict[str, Any]) -> _Edit:
        """Return the edit that puts members after the last one of an object."""
        last = max((member.end for member in node.members.values()), default=node.start + 1)
        indent = self._member_indent(node)
        outer = self._indent_before(node.start, anywhere=True) or ""
        closing = "" if node.members else f"{self._newline}{outer}"
        if indent is None:
            members = ", ".join(self._member(key, value, None) for key, value in added.items())
            if not self._newline or len(members) <= _LONGEST_ON_A_LINE:
                return _Edit(last, last, f", {members}" if node.members else members)
            indent, closing = outer + self._unit, f"{self._newline}{outer}"
        separator = f",{self._newline}{indent}"
        members = separator.join(self._member(key, value, indent) for key, value in added.items())
        if node.members:
            return _Edit(last, last, f"{separator}{members}{closing}")
        return _Edit(node.start, node.end, f"{{{self._newline}{indent}{members}{closing}}}")

    def _member(self, key: str, value: Any, indent: str | None) -> str:
        return f"{_dumps(key)}: {self._value(value, indent)}"

    def _value(self, value: Any, indent: str | None) -> str:
        """Return the text of value, on one line where there is no indent."""
        if indent is None or not self._newline:
            return _dumps(value)
        lines = _dumps(value, indent=self._unit).split("\n")
        return f"{self._newline}{indent}".join(lines)

    def _member_indent(self, node: _Node) -> str | None:
        """Return what stands before the members of an object; None where they stand on the same line."""
        if not self._newline:
            return None
        if node.key_starts:
            return self._indent_before(node.key_starts[0])
        return (self._indent_before(node.start, anywhere=True) or "") + self._unit

    def _indent_before(self, position: int, *, anywhere: bool = False) -> str | None:
        """Return the white space from the line's beginning to position, or with `anywhere` to other text."""
        line_start = max(self.text.rfind("\n", 0, position), self.text.rfind("\r", 0, position)) + 1
        before = self.text[line_start:position]
        blank = before[: len(before) - len(before.lstrip(" \t"))]
        return blank if line_start and (anywhere or blank == before) else None

    @property
    def _newline(self) -> str:
        """The line ending of the text; empty where all of it stands on one line."""
        found = re.search(r"\r\n|\n|\r", self.text.strip())
        return found[0] if found else ""

    @property
    def _unit(self) -> str:
        """What the text indents by: the white space before its first key."""
        found = re.match(r"\s*\{\s*?[\r\n]+([ \t]+)\"", self.text)
        return found[1] if found else _USUAL_INDENT


def _dumps(value: Any, indent: str | None = None) -> str:
    return escaped_surrogates(json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False))
