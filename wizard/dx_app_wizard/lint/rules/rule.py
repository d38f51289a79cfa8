"""A lint rule: a function whose docstring documents it, the violations it yields, and their fixes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dx_app_wizard.dxapp.json_document import JsonPath

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class Fix:
    """A certain fix of a dxapp.json: replace the value at path."""

    path: JsonPath
    value: Any


@dataclass(frozen=True)
class KeyFix:
    """A certain fix of a dxapp.json: rename the key at path, or remove it with its value if `key` is None.

    With `into`, move key and value to the end of the object at that path instead.
    """

    path: JsonPath
    key: str | None = None
    into: JsonPath | None = None


@dataclass(frozen=True)
class BytesFix:
    """A certain fix of a file of the app: replace every occurrence of these bytes."""

    file: str
    old: bytes
    new: bytes


AnyFix = Fix | KeyFix | BytesFix


@dataclass(frozen=True)
class Violation:
    """A violation in a dxapp.json, at `path`.

    `absent` is true if a part is merely missing, as in a dxapp.json that the wizard will complete. `fix` is
    None unless the fix is certain.
    """

    path: JsonPath
    message: str
    hint: str | None = None
    absent: bool = False
    fix: AnyFix | None = None


@dataclass(frozen=True)
class CodeViolation:
    """A violation in a file of the app, whose name is relative to the app's folder.

    The place is `line` and `column`, or in dxapp.json `path`.
    """

    file: str
    message: str
    hint: str | None = None
    line: int | None = None
    column: int | None = None
    path: JsonPath = ()
    fix: AnyFix | None = None


Subject = TypeVar("Subject")
AnyViolation = TypeVar("AnyViolation")


@dataclass(frozen=True)
class Rule(Generic[Subject, AnyViolation]):
    """A rule: its stable id, level, documentation and check."""

    id: str
    level: Level
    documentation: str
    check: Callable[[Subject], Iterator[AnyViolation]]


class Rules(Generic[Subject, AnyViolation]):
    """A registry of the rules for one kind of subject, in the order of their definition."""

    def __init__(self) -> None:
        self.by_id: dict[str, Rule[Subject, AnyViolation]] = {}

    def rule(
        self, level: Level
    ) -> Callable[[Callable[[Subject], Iterator[AnyViolation]]], Callable[[Subject], Iterator[AnyViolation]]]:
        """Register the decorated function; `io_class` becomes the rule `io-class`."""

        def register(
            check: Callable[[Subject], Iterator[AnyViolation]],
        ) -> Callable[[Subject], Iterator[AnyViolation]]:
            rule_id = check.__name__.strip("_").replace("_", "-")
            self.by_id[rule_id] = Rule(rule_id, level, check.__doc__ or "", check)
            return check

        return register

    def violations(self, subject: Subject) -> Iterator[tuple[Rule[Subject, AnyViolation], AnyViolation]]:
        """Yield each rule with the violations that it finds in subject."""
        for rule in self.by_id.values():
            for violation in rule.check(subject):
                yield rule, violation
