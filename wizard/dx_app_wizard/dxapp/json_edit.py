"""Edit a JSON text so that it has another value, and preserve the formatting of everything else.

Unchanged parts keep their white space, escapes and number formats; new members and elements are formatted
like their neighbours.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.json_document import TOKEN, escaped_surrogates

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

_USUAL_INDENT = "  "
_LONGEST_ON_A_LINE = 60


def rewritten(text: str, value: Any) -> str:
    """Return JSON text edited so that its value becomes `value`."""
    top = _outline(text)
    return text[: top.start] + _Rewriting(text).text_of(top, json.loads(text), value) + text[top.end :]


def same(one: Any, other: Any) -> bool:
    """Return whether two values are the same JSON; 1, 1.0 and true are equal in Python, but not here."""
    return one is other or json.dumps(one) == json.dumps(other)


def identities(*lists: list[Any]) -> list[list[Hashable]]:
    """Return keys that identify each element of the lists across all of them.

    The key is the name if all elements are objects with distinct names, such as parameters; otherwise it is
    the value and the number of its earlier occurrences in the list.
    """
    if have_names(*lists):
        return [[element["name"] for element in elements] for elements in lists]
    return [_numbered(elements) for elements in lists]


def have_names(*lists: list[Any]) -> bool:
    """Return whether the elements of each list are objects with distinct names."""
    for elements in lists:
        names = [element.get("name") if isinstance(element, dict) else None for element in elements]
        if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
            return False
    return True


def _numbered(elements: list[Any]) -> list[Hashable]:
    seen: Counter[str] = Counter()
    numbered: list[Hashable] = []
    for element in elements:
        text = json.dumps(element)
        numbered.append((text, seen[text]))
        seen[text] += 1
    return numbered


def _places(before: list[Any], after: list[Any]) -> list[int | None] | None:
    """Return the earlier index of each name, or None if the order of the names has changed."""
    places = {name: at for at, name in enumerate(before)}
    kept = [places.get(name) for name in after]
    order = [at for at in kept if at is not None]
    return kept if order == sorted(order) else None


@dataclass
class _Node:
    """The span of a value in the text, and the spans of an array's or object's entries."""

    start: int
    end: int = 0
    entry_starts: list[int] = field(default_factory=list)
    entries: list[_Node] = field(default_factory=list)


def _outline(text: str) -> _Node:
    """Return the spans of the values of a valid JSON text."""
    top = _Node(0)
    stack: list[tuple[_Node, bool]] = []
    awaits_key = False
    for match in TOKEN.finditer(text):
        word = match[0]
        if word in ":,":
            awaits_key = word == "," and bool(stack) and stack[-1][1]
        elif word in "}]":
            stack.pop()[0].end = match.end()
            awaits_key = False
        elif awaits_key:
            stack[-1][0].entry_starts.append(match.start())
            awaits_key = False
        else:
            here = _Node(match.start(), match.end())
            if stack:
                parent, is_object = stack[-1]
                parent.entries.append(here)
                if not is_object:
                    parent.entry_starts.append(match.start())
            else:
                top = here
            if word in "{[":
                awaits_key = word == "{"
                stack.append((here, awaits_key))
    return top


@dataclass(frozen=True)
class _Rewriting:
    """A text to edit, and its formatting."""

    text: str

    def text_of(self, node: _Node, old: Any, new: Any) -> str:
        """Return the text of node, whose value is `old`, edited so that its value becomes `new`."""
        if same(old, new):
            return self.text[node.start : node.end]
        if new and isinstance(old, dict) and isinstance(new, dict):
            kept = _places(list(old), list(new))
            if kept is not None:
                return self._entries(node, kept, list(old.values()), list(new.items()))
        if new and isinstance(old, list) and isinstance(new, list):
            kept = _places(*identities(old, new))
            if kept is not None:
                return self._entries(node, kept, old, [(None, value) for value in new])
        return self._value(new, self._indent_before(node.start, anywhere=True) or "")

    def _entries(
        self, node: _Node, kept: list[int | None], old: list[Any], new: Sequence[tuple[str | None, Any]]
    ) -> str:
        """Return the text of an array or object with new entries: keys (None in arrays) and values.

        `kept` holds the index of each entry among the old values, None for an added one.
        """
        layout = self._layout(node, [entry for entry, at in zip(new, kept, strict=True) if at is None])
        parts = [layout.opening]
        former: int | None = None
        for number, (at, (key, value)) in enumerate(zip(kept, new, strict=True)):
            if number:
                # Preserve the text between two entries, which may hold blank lines.
                together = at is not None and former == at - 1
                parts.append(self._before(node, at) if together and at else layout.separator)
            if at is None:
                parts.append(self._entry(key, value, layout.indent))
            else:
                entry = node.entries[at]
                parts += [self.text[node.entry_starts[at] : entry.start], self.text_of(entry, old[at], value)]
            former = at
        return "".join([*parts, layout.closing])

    def _before(self, node: _Node, at: int) -> str:
        """Return the text between an entry and the one before it."""
        return self.text[node.entries[at - 1].end : node.entry_starts[at]]

    def _layout(self, node: _Node, added: list[tuple[str | None, Any]]) -> _Layout:
        """Return the layout of the entries of an array or object, which added entries follow."""
        outer = self._indent_before(node.start, anywhere=True) or ""
        brackets = self.text[node.start], self.text[node.end - 1]
        indent = self._entry_indent(node)
        opening, closing = brackets
        if node.entries:
            opening = self.text[node.start : node.entry_starts[0]]
            closing = self.text[node.entries[-1].end : node.end]
        if indent is None:
            on_a_line = ", ".join(self._entry(key, value, None) for key, value in added)
            if not added or not self._newline or len(on_a_line) <= _LONGEST_ON_A_LINE:
                return _Layout(opening, ", ", closing, None)
            indent = outer + self._unit
            return _Layout(
                opening, f",{self._newline}{indent}", f"{self._newline}{outer}{brackets[1]}", indent
            )
        if not node.entries:
            opening = f"{brackets[0]}{self._newline}{indent}"
            closing = f"{self._newline}{outer}{brackets[1]}"
        compact = brackets[0] == "[" and node.entries and not any(map(self._is_spread, node.entries))
        return _Layout(opening, f",{self._newline}{indent}", closing, None if compact else indent)

    def _is_spread(self, node: _Node) -> bool:
        """Return whether a value spans several lines."""
        return self._newline in self.text[node.start : node.end]

    def _entry(self, key: str | None, value: Any, indent: str | None) -> str:
        text = self._value(value, indent)
        return text if key is None else f"{_dumps(key)}: {text}"

    def _value(self, value: Any, indent: str | None) -> str:
        """Return the text of value, on one line if there is no indent."""
        if indent is None or not self._newline:
            return _dumps(value)
        lines = _dumps(value, indent=self._unit).split("\n")
        return f"{self._newline}{indent}".join(lines)

    def _entry_indent(self, node: _Node) -> str | None:
        """Return the indent of the entries, None if they are on the line of the bracket."""
        if not self._newline:
            return None
        if node.entries:
            return self._indent_before(node.entry_starts[0])
        return (self._indent_before(node.start, anywhere=True) or "") + self._unit

    def _indent_before(self, position: int, *, anywhere: bool = False) -> str | None:
        """Return the indent of the line if only white space precedes position, or with `anywhere` always."""
        line_start = max(self.text.rfind("\n", 0, position), self.text.rfind("\r", 0, position)) + 1
        before = self.text[line_start:position]
        blank = before[: len(before) - len(before.lstrip(" \t"))]
        return blank if line_start and (anywhere or blank == before) else None

    @cached_property
    def _newline(self) -> str:
        """The line ending of the text, empty if it has one line."""
        found = re.search(r"\r\n|\n|\r", self.text.strip())
        return found[0] if found else ""

    @cached_property
    def _unit(self) -> str:
        """The indent of one level: the white space before the first key."""
        found = re.match(r"\s*\{\s*?[\r\n]+([ \t]+)\"", self.text)
        return found[1] if found else _USUAL_INDENT


@dataclass(frozen=True)
class _Layout:
    """The text before, between and after entries. `indent` is that of new entries, None for one line."""

    opening: str
    separator: str
    closing: str
    indent: str | None


def _dumps(value: Any, indent: str | None = None) -> str:
    return escaped_surrogates(json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False))
