"""Adapt the sample and the test cases of an app of a command when an update begins or ends its scatter."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.command_answers import COMMAND, command_of
from dx_app_wizard.command_template.scattered import ScatteredCommand
from dx_app_wizard.rendering.changes import Change, FileContent, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from dx_app_wizard.rendering.changes import ChangeSet
    from dx_app_wizard.rendering.provenance import Record

_DATA = PurePosixPath("test/data")
_INPUT = PurePosixPath("test/input.json")
_CASES = PurePosixPath("test/cases")


def with_own_samples(changes: ChangeSet, record: Record, answers: Mapping[str, Any]) -> ChangeSet:
    """Return the changes of an update, with those of the sample and the cases that the user's files became.

    Values become arrays of one, or the other way round. The template's samples are left out of such an app.
    `answers` are the new ones; those of the record are the previous ones.
    """
    if not answers.get(COMMAND) or record.base.get(_INPUT, "") is not None:
        return changes
    kept = [
        change
        for change in changes.changes
        if not (change.verdict is Verdict.CREATE and _DATA in change.path.parents)
    ]
    adapted = {}
    if record.origin.answers.get(COMMAND) == answers[COMMAND]:
        before, after = _command(record.origin.answers), _command(answers)
        if (before is None) != (after is None):
            adapted = {change.path: change for change in _adapted(changes.folder, before, after)}
    others = [change for change in kept if change.path not in adapted]
    return replace(changes, changes=(*others, *adapted.values()))


def _command(answers: Mapping[str, Any]) -> ScatteredCommand | None:
    command = command_of(answers[COMMAND], answers.get("scatter"))
    return command if isinstance(command, ScatteredCommand) else None


def _adapted(
    folder: Path, before: ScatteredCommand | None, after: ScatteredCommand | None
) -> Iterator[Change]:
    """Yield the changes of test/input.json, and of the user's cases."""
    names = after.arrays if after else {new: old for old, new in before.arrays.items()} if before else {}
    outputs = {hole.name for command in (before, after) if command for hole in command.template.outputs}
    paths = [_INPUT, *(_CASES / path.name for path in sorted((folder / _CASES).glob("*.json")))]
    for path in paths:
        if path == _CASES / "interface.json":
            continue  # The template's own.
        try:
            content = json.loads((folder / path).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if not isinstance(content, dict):
            continue
        wraps = after is not None
        if path == _INPUT:
            new = _renamed(content, names, wraps=wraps)
        else:
            new = dict(content)
            for key, mapping in (("input", names), ("expect", {name: name for name in outputs})):
                if isinstance(content.get(key), dict):
                    new[key] = _renamed(content[key], mapping, wraps=wraps)
            if not wraps:
                new.pop("jobs", None)
        if new != content:
            data = (json.dumps(new, indent=2, ensure_ascii=False) + "\n").encode()
            yield Change(path, Verdict.REPLACE, FileContent(data), path)


def _renamed(values: Mapping[str, Any], names: Mapping[str, str], *, wraps: bool) -> dict[str, Any]:
    """Return the values under their new names, as arrays of one if `wraps`, or without such an array."""
    return {
        names.get(name, name): _value(value, wraps) if name in names else value
        for name, value in values.items()
    }


def _value(value: Any, wraps: bool) -> Any:
    if wraps:
        return value if isinstance(value, list) else [value]
    return value[0] if isinstance(value, list) and len(value) == 1 else value
