"""Report errors: as text for people, and as JSON for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from dx_app_wizard.errors import AnswersError, ConflictError, Problem, SpecFileError, UserError
from dx_app_wizard.lint.findings import FindingsError


def error_text(error: UserError) -> str:
    """Return the complete error: message, position, all single problems, and the hint."""
    lines = [f"error: {_message(error)}"]
    if isinstance(error, SpecFileError):
        lines.append(f"  at {error.location}")
    if isinstance(error, AnswersError):
        width = max(len(problem.flag) for problem in error.problems)
        for problem in error.problems:
            lines.append(f"  {problem.flag:<{width}}  {problem.sentence}")
            if str(problem.place):
                lines.append(f"  {'':<{width}}  at {problem.place}")
    if isinstance(error, ConflictError):
        lines += [f"  {conflict.path} {conflict.reason}" for conflict in error.conflicts]
    if isinstance(error, FindingsError):
        lines += [str(finding) for finding in error.findings]
    if error.hint:
        lines.append(f"  hint: {error.hint}")
    return "\n".join(lines)


def error_json(error: UserError) -> dict[str, Any]:
    """Return the error as an object with `code`, `message`, `hint`, and further keys for some errors."""
    failure: dict[str, Any] = {"code": error.code, "message": _message(error), "hint": error.hint}
    if isinstance(error, SpecFileError):
        failure.update(file=str(error.path), line=error.line, column=error.column)
    if isinstance(error, AnswersError):
        failure["problems"] = [_problem_json(problem) for problem in error.problems]
    if isinstance(error, ConflictError):
        conflicts = [{"path": str(item.path), "reason": item.reason} for item in error.conflicts]
        failure.update(path=str(error.path), conflicts=conflicts)
    if isinstance(error, FindingsError):
        failure["findings"] = [finding.to_json() for finding in error.findings]
    return failure


def _message(error: UserError) -> str:
    """Return the message as a sentence; the message about a file follows the file's name."""
    return f"{error.path.name} {error.message}" if isinstance(error, SpecFileError) else error.message


def _problem_json(problem: Problem) -> dict[str, Any]:
    """Return the problem, with the fields of its place on the same level."""
    fields = asdict(problem)
    place = fields.pop("place")
    return {**fields, **place}
