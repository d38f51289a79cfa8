"""Parse YAML as strictly as JSON, with the position of every value.

An unquoted word has the same meaning as in JSON: `true`, `false`, `null` or a number; any other is a string.
So `no`, `on`, `1.0.0`, `2026-11-23` and `0o17` are strings. An empty value is null. Anything that JSON cannot
express is rejected: duplicate keys, keys that are not strings, anchors and aliases, tags, several documents.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from dx_app_wizard.dxapp.json_document import Document, JsonPath, Position
from dx_app_wizard.errors import SpecFileError

if TYPE_CHECKING:
    from pathlib import Path

DEEPEST_NESTING = 100

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WORDS = {"true": True, "false": False, "null": None, "": None}


def parse(text: str, path: Path) -> Document:
    """Parse YAML text from path; raise SpecFileError with line and column."""
    builder = _Builder(path)
    try:
        for event in yaml.parse(text, Loader=yaml.BaseLoader):
            builder.process(event)
    except yaml.MarkedYAMLError as error:
        line, column = _place(error.problem_mark)
        raise SpecFileError(path, _syntax_message(error), line, column) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        column = error.position - (before.rfind("\n") + 1) + 1
        message = f"is not YAML: it contains the character U+{ord(text[error.position]):04X}"
        raise SpecFileError(path, message, before.count("\n") + 1, column) from error
    return Document(builder.value, builder.positions)


def _syntax_message(error: yaml.MarkedYAMLError) -> str:
    hint = ""
    if error.context == "while scanning an alias":
        hint = "; put a string that begins with * in quotes, such as '*.bam'"
    return f"is not YAML: {error.problem or error.context}{hint}"


def _join_surrogates(text: str) -> str:
    """Join surrogates that were written as two escapes into one character, as JSON does."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _place(mark: Any) -> tuple[int | None, int | None]:
    return (mark.line + 1, mark.column + 1) if mark else (None, None)


@dataclass
class _Container:
    """A hash or array that is being read; `step` is the key or index of its current value."""

    value: dict[str, Any] | list[Any]
    step: str | int = 0
    awaits_key: bool = False

    def add(self, value: Any) -> None:
        if isinstance(self.value, list):
            self.value.append(value)
            self.step = len(self.value) - 1
        else:
            self.value[str(self.step)] = value
            self.awaits_key = True


@dataclass
class _Builder:
    """A builder of the value from the parser's events, without recursion."""

    path: Path
    value: Any = None
    positions: dict[JsonPath, Position] = field(default_factory=dict)
    _open: list[_Container] = field(default_factory=list)
    _documents: int = 0

    def process(self, event: yaml.Event) -> None:
        """Process the parser's next event."""
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._fail(event, "contains several documents instead of one")
        elif isinstance(event, yaml.AliasEvent):
            self._fail(event, f"has the alias *{event.anchor}; write its value, or put the string in quotes")
        elif isinstance(event, yaml.NodeEvent):
            self._reject_properties(event)
            self._process_node(event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._open.pop()

    def _process_node(self, event: yaml.NodeEvent) -> None:
        here = self._open[-1] if self._open else None
        if here and here.awaits_key and isinstance(here.value, dict):
            here.step = self._key(event, here.value)
            here.awaits_key = False
            return
        if isinstance(event, yaml.ScalarEvent):
            self._put(event, self._scalar(event))
            return
        value: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._put(event, value)
        self._open.append(_Container(value, awaits_key=isinstance(value, dict)))
        if len(self._open) > DEEPEST_NESTING:
            self._fail(event, "is nested too deeply")

    def _put(self, event: yaml.NodeEvent, value: Any) -> None:
        if self._open:
            self._open[-1].add(value)
        else:
            self.value = value
        line, column = _place(event.start_mark)
        self.positions[tuple(container.step for container in self._open)] = Position(line or 1, column or 1)

    def _key(self, event: yaml.NodeEvent, known: dict[str, Any]) -> str:
        key = self._scalar(event) if isinstance(event, yaml.ScalarEvent) else None
        if not isinstance(key, str):
            self._fail(event, "has a key that is not a string; put it in quotes")
        elif key in known:
            self._fail(event, f"has the key {key!r} twice in the same object")
        return str(key)

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        text = _join_surrogates(event.value)
        if event.style is not None:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if not _NUMBER.fullmatch(text):
            return text
        try:
            number = json.loads(text)
        except ValueError:
            self._fail(event, "contains a number that is too long")
        else:
            if not math.isinf(number):
                return number
            self._fail(event, f"contains a number that is too large: {text}")

    def _reject_properties(self, event: yaml.NodeEvent) -> None:
        if event.anchor is not None:
            self._fail(event, f"has the anchor &{event.anchor}; put a string that begins with & in quotes")
        if getattr(event, "tag", None) is not None:
            tag = event.tag  # type: ignore[attr-defined]  # scalars and containers have one, aliases not
            self._fail(event, f"has the tag {tag}; put a string that begins with ! in quotes")

    def _fail(self, event: yaml.Event, message: str) -> None:
        raise SpecFileError(self.path, message, *_place(event.start_mark))
