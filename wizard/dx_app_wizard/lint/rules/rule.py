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
    """A certain fix of a dxapp.json: the value at path becomes this one."""

    path: JsonPath
    value: Any


@dataclass(frozen=True)
class KeyFix:
    """A certain fix of a dxapp.json: the key at path is renamed, or with None removed with its value.

    With `into`, key and value are moved to the end of the object there instead.
    """

    path: JsonPath
    key: str | None = None
    into: JsonPath | None = None


@dataclass(frozen=True)
class BytesFix:
    """A certain fix of a file of the app: everywhere in it, these bytes are replaced by others."""

    file: str
    old: bytes
    new: bytes


AnyFix = Fix | KeyFix | BytesFix


@dataclass(frozen=True)
class Violation:
    """What a rule finds in a dxapp.json: the way to it, what is wrong, and how to mend it.

    `absent` marks what is wrong only in that something is not there yet; `fix` is there where it is certain.
    """

    path: JsonPath
    message: str
    hint: str | None = None
    absent: bool = False
    fix: AnyFix | None = None


@dataclass(frozen=True)
class CodeViolation:
    """What a rule finds in a file of the app: the file relative to its folder, the place, and the message.

    In dxapp.json the place is given as `path`.
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
    """A rule: its stable id, its level, what it says of itself, and its check."""

    id: str
    level: Level
    documentation: str
    check: Callable[[Subject], Iterator[AnyViolation]]


class Rules(Generic[Subject, AnyViolation]):
    """The rules that look at one kind of subject, in the order of their definition."""

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
        """Yield what each rule finds in subject."""
        for rule in self.by_id.values():
            for violation in rule.check(subject):
                yield rule, violation
