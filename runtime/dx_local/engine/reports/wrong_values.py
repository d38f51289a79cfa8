"""Find the job that produced a value because of which another job failed.

The platform fails the job that uses a value, such as an output of the wrong class; the mistake is in the job
that returned it. The messages are those of `dx_local.platform.lifecycle`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp import regular_file
from dx_app_wizard.dxapp.classes import mismatch
from dx_app_wizard.dxapp.links import links_in, references_in
from dx_local.engine.job_labels import job_label
from dx_local.platform.execution.job_logs import job_folder_name
from dx_local.platform.requests import strict_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dx_app_wizard.dxapp.links import Reference
    from dx_local.platform.core.context import JSON, Platform
    from dx_local.platform.core.schema import JobRow

_INPUT = "InputError"
_REASONS = frozenset({_INPUT, "OutputError"})
_REFERENCE = re.compile(r"(?P<job>job-\w{24}):(?P<field>[^:]+): (?P<problem>.+)", re.DOTALL)
_CLASS = re.compile(r"'(?P<field>[^']+)' is declared as (?P<io_class>[\w:]+): (?P<problem>.+)", re.DOTALL)
_OBJECT = re.compile(r"(?:waits for )?(?P<object>[a-z]+-\w{24})\b.+", re.DOTALL)
_NAMES = re.compile(r"outputs? '(?P<field>[^']+)'.* (?:is|are) (?:missing|not declared)\b")
_MOST_STEPS = 100


@dataclass(frozen=True)
class WrongValue:
    """An output because of which a job failed: the job that returned it, its name, and the problem.

    `problem` is None if the message of the failure explains everything.
    """

    producer: JobRow
    field: str
    problem: str | None


def wrong_value(platform: Platform, failed: JobRow) -> WrongValue | None:
    """Return the value because of which a job failed, or None if it failed for another reason."""
    message = failed["failure_message"] or ""
    if failed["failure_reason"] not in _REASONS:
        return None
    if match := _REFERENCE.fullmatch(message):
        producer = platform.store.get("job", match["job"])
        return WrongValue(producer, match["field"], match["problem"]) if producer else None
    if match := _NAMES.match(message):
        return WrongValue(failed, match["field"], None)
    values = failed["original_input"] if failed["failure_reason"] == _INPUT else _returned(platform, failed)
    if match := _CLASS.fullmatch(message):
        return _of_wrong_class(platform, failed, values, match)
    if match := _OBJECT.fullmatch(message):
        return _unusable_object(platform, failed, values, match)
    return None


def _of_wrong_class(
    platform: Platform, failed: JobRow, values: JSON, match: re.Match[str]
) -> WrongValue | None:
    io_class, field = match["io_class"], match["field"]
    origin = _Origin(platform, lambda value: _is_wrong(io_class, value))
    producer, name = origin.of(failed, field, values.get(field))
    if producer["id"] != failed["id"]:
        declared = f"{job_label(platform.store, failed)} declares {field!r} as {io_class}"
        return WrongValue(producer, name, f"{match['problem']} ({declared})")
    return None if failed["failure_reason"] == _INPUT else WrongValue(failed, field, None)


def _unusable_object(
    platform: Platform, failed: JobRow, values: JSON, match: re.Match[str]
) -> WrongValue | None:
    entity, problem = match["object"], match[0]
    origin = _Origin(platform, lambda value: entity in links_in(value))
    for field, value in values.items():
        producer, name = origin.of(failed, field, value)
        # An input that no job returned was passed by the job or user who started this one.
        is_returned = producer["id"] != failed["id"] or failed["failure_reason"] != _INPUT
        if is_returned and entity in links_in(_returned(platform, producer).get(name)):
            return WrongValue(producer, name, f"it {problem}" if problem.startswith("waits") else problem)
    return None


class _Origin:
    """Follows references to the job that returned a value; `is_wrong` recognises the value in an array."""

    def __init__(self, platform: Platform, is_wrong: Callable[[Any], bool]) -> None:
        self._platform = platform
        self._is_wrong = is_wrong

    def of(self, job: JobRow, field: str, value: Any) -> tuple[JobRow, str]:
        for _ in range(_MOST_STEPS):
            steps = list(self._steps(value))
            if not steps:
                break
            job, field, value = next((step for step in steps if self._is_wrong(step[2])), steps[0])
        return job, field

    def _steps(self, value: Any) -> Iterator[tuple[JobRow, str, Any]]:
        """Yield the jobs that a value refers to, each with the name and value of its output."""
        for reference in references_in(value):
            if job := self._job(reference):
                yield job, reference.field, _returned(self._platform, job).get(reference.field)

    def _job(self, reference: Reference) -> JobRow | None:
        return self._platform.store.get("job", reference.execution)


def _is_wrong(io_class: str, value: Any) -> bool:
    """Return whether a value is not of a class, nor an element of an array of that class."""
    item = io_class.partition(":")[2] or io_class
    return mismatch(io_class, value) is not None and mismatch(item, value) is not None


def _returned(platform: Platform, job: JobRow) -> JSON:
    """Return the output of a job as its program wrote it, with references; if it is lost, as recorded."""
    path = platform.folder / "jobs" / job_folder_name(job) / "home" / "job_output.json"
    try:
        output = strict_json.parse(regular_file.read(path))
    except (OSError, ValueError):
        output = None
    return output if isinstance(output, dict) else job["output"] or {}
