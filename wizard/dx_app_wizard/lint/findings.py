"""What a linter says, and the registry of its rules: each rule is a function whose docstring documents it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
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
class Finding:
    """One thing wrong: by which rule, how bad, where, and how to mend it.

    `path` is the JSON path in dxapp.json (`inputSpec[0].class`), empty where the fault is in a source file;
    `file` is relative to the app's folder, `line` and `column` count from 1, None where not known.
    """

    rule: str
    level: Level
    path: str
    message: str
    hint: str | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None
    fix: AnyFix | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the finding as a JSON object."""
        fields = asdict(replace(self, fix=None))
        return {**fields, "fix": None if self.fix is None else _fix_json(self.fix)}

    def __str__(self) -> str:
        names_itself = not self.path or self.message.startswith(self.path)
        subject = "" if names_itself else f"{self.path}: "
        lines = [f"{self.level}: {subject}{self.message} [{self.rule}]"]
        if self.file:
            place = (self.file, self.line, self.column)
            lines.append("  at " + ":".join(str(part) for part in place if part is not None))
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)


def _fix_json(fix: AnyFix) -> dict[str, Any]:
    if isinstance(fix, BytesFix):
        return {"file": fix.file, "old": fix.old.decode(), "new": fix.new.decode()}
    return asdict(fix)


@dataclass(frozen=True)
class Fault:
    """What a rule finds in a dxapp.json: the way to it, what is wrong, and how to mend it.

    `absent` marks what is wrong only in that something is not there yet; `fix` is there where it is certain.
    """

    path: JsonPath
    message: str
    hint: str | None = None
    absent: bool = False
    fix: AnyFix | None = None


@dataclass(frozen=True)
class CodeFault:
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
AnyFault = TypeVar("AnyFault")


@dataclass(frozen=True)
class Rule(Generic[Subject, AnyFault]):
    """A rule: its stable id, its level, what it says of itself, and its check."""

    id: str
    level: Level
    documentation: str
    check: Callable[[Subject], Iterator[AnyFault]]


class Rules(Generic[Subject, AnyFault]):
    """The rules that look at one kind of subject, in the order of their definition."""

    def __init__(self) -> None:
        self.by_id: dict[str, Rule[Subject, AnyFault]] = {}

    def rule(
        self, level: Level
    ) -> Callable[[Callable[[Subject], Iterator[AnyFault]]], Callable[[Subject], Iterator[AnyFault]]]:
        """Register the decorated function; `io_class` becomes the rule `io-class`."""

        def register(
            check: Callable[[Subject], Iterator[AnyFault]],
        ) -> Callable[[Subject], Iterator[AnyFault]]:
            rule_id = check.__name__.strip("_").replace("_", "-")
            self.by_id[rule_id] = Rule(rule_id, level, check.__doc__ or "", check)
            return check

        return register

    def faults(self, subject: Subject) -> Iterator[tuple[Rule[Subject, AnyFault], AnyFault]]:
        """Yield what each rule finds in subject."""
        for rule in self.by_id.values():
            for fault in rule.check(subject):
                yield rule, fault
