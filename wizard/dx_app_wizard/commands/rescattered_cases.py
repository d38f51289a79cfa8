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
_OF_TEMPLATE = "interface.json"


def with_own_samples(changes: ChangeSet, record: Record, answers: Mapping[str, Any]) -> ChangeSet:
    """Return the changes of an update, with those of the sample and the cases that the user's files became.

    Values become arrays of one; of an array, the first value stays. The template's samples are left out of
    such an app. `answers` are the new ones; those of the record are the previous ones.
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
        command = after or before
        if command and not (before and after):
            wraps = after is not None
            adapted = {change.path: change for change in _adapted(changes.folder, command, wraps=wraps)}
    others = [change for change in kept if change.path not in adapted]
    return replace(changes, changes=(*others, *adapted.values()))


def _command(answers: Mapping[str, Any]) -> ScatteredCommand | None:
    command = command_of(answers[COMMAND], answers.get("scatter"))
    return command if isinstance(command, ScatteredCommand) else None


def _adapted(folder: Path, command: ScatteredCommand, *, wraps: bool) -> Iterator[Change]:
    """Yield the changes of test/input.json, and of the user's cases."""
    # An input that is an array in both forms of the app keeps its sample.
    renamed = {name: array for name, array in command.arrays.items() if name != array}
    inputs = renamed if wraps else {array: name for name, array in renamed.items()}
    outputs = {hole.name: hole.name for hole in command.template.outputs}
    cases = sorted(path.name for path in (folder / _CASES).glob("*.json") if path.name != _OF_TEMPLATE)
    for path in (_INPUT, *(_CASES / name for name in cases)):
        content = _hash(folder / path)
        if path == _INPUT:
            new = _renamed(content, inputs, wraps=wraps)
        else:
            new = dict(content)
            for key, names in (("input", inputs), ("expect", outputs)):
                if isinstance(content.get(key), dict):
                    new[key] = _renamed(content[key], names, wraps=wraps)
            if not wraps:
                new.pop("jobs", None)
        if new != content:
            data = (json.dumps(new, indent=2, ensure_ascii=False) + "\n").encode()
            yield Change(path, Verdict.REPLACE, FileContent(data), path)


def _hash(path: Path) -> dict[str, Any]:
    """Return the JSON hash in a file of the user, which is empty if there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _renamed(values: Mapping[str, Any], names: Mapping[str, str], *, wraps: bool) -> dict[str, Any]:
    """Return the values under their new names, as arrays of one if `wraps`, or the first of each array."""
    return {
        names.get(name, name): _value(value, wraps) if name in names else value
        for name, value in values.items()
    }


def _value(value: Any, wraps: bool) -> Any:
    if wraps:
        return value if isinstance(value, list) else [value]
    return value[0] if isinstance(value, list) and value else value
