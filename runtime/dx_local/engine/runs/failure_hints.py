"""Advice on a failed run: parts of the app that are missing on this machine, or a trace of its commands.

The parts are objects of the cloud, container images, git repositories, Python 2, and assets.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dx_local.engine.mapped_objects.mapping import CLASSES
from dx_local.engine.runs.missing_images import missing_images

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_local.engine.reports.failure_report import FailureReport
    from dx_local.engine.runs.preparation import PreparedRun
    from dx_local.platform.core.context import Platform
    from dx_local.platform.core.store import Store

_TRACE_HINT = "With --xtrace (xtrace=True in tests), bash prints each command before it runs it."
_REASONS_OF_EXITS = ("AppError", "AppInternalError")
# The beginnings of messages that name no line: of an exit code or signal, and of mark-section.
_EXIT_MESSAGES = ("The job's process ", "Error while ")

_ID = re.compile(
    rf"\b(?:(project-[0-9A-Za-z]{{24}}):)?((?:{'|'.join(CLASSES)})-[0-9A-Za-z]{{24}})\b", re.ASCII
)
# Messages of the platform and of dx about an ID that does not exist.
_NOT_FOUND = re.compile(
    r"could not be found|not found|No matches|Could not find|Unable to resolve", re.IGNORECASE
)

# The messages of job environments that cannot be prepared.
_NOT_CLONED = re.compile(
    r"Error while installing git packages .+?: (?P<url>\S+) cannot be cloned\n(?P<reason>.+)", re.DOTALL
)
_NO_NETWORK = "requests no network access"
_NO_PYTHON2 = re.compile(r"The app requests python2\S*, but jobs run under Python 3")


def failure_hint(report: FailureReport, platform: Platform, run: PreparedRun) -> str | None:
    """Return advice on a failed run, or None if there is none."""
    if flags := _missing_objects(report, platform.store):
        return f"not on this machine; pass local data for it: {' '.join(flags)}"
    if missing := [*_missing_parts(report), *run.missing_parts]:
        return " ".join(missing)
    return _TRACE_HINT if _trace_would_explain(report, platform, run) else None


def _missing_parts(report: FailureReport) -> Iterator[str]:
    """Yield advice on the parts that the failure itself names as missing."""
    if images := missing_images([*report.log_tail, *report.message.splitlines()]):
        commands = ", ".join(f"dx-local image add FILE --name {name}" for name in images)
        yield f"not on this machine; add the image from a file: {commands}"
    if match := _NOT_CLONED.search(report.message):
        needs_network = _NO_NETWORK in match["reason"]
        allow = "request network access in dxapp.json, or " if needs_network else ""
        yield f"{allow}use a local clone: git config --global url.PATH.insteadOf {match['url']}"
    if _NO_PYTHON2.match(report.message):
        yield report.message.splitlines()[-1]


def _missing_objects(report: FailureReport, store: Store) -> list[str]:
    """Return the options for the objects that the log or the message of a failure names as not found.

    The line of code that failed may name the project as well.
    """
    lines = [line for line in (*report.log_tail, *report.message.splitlines()) if _NOT_FOUND.search(line)]
    code = {entity: project for project, entity in _ID.findall(report.source.text if report.source else "")}
    found = {}
    for project, entity in (ids for line in lines for ids in _ID.findall(line)):
        table = "project" if entity.startswith("project-") else "object"
        if not store.exists(f"SELECT 1 FROM {table} WHERE id = ?", entity):
            home = project or code.get(entity)
            found[entity] = f"--object {home}:{entity}=PATH" if home else f"--object {entity}=PATH"
    return list(found.values())


def _trace_would_explain(report: FailureReport, platform: Platform, run: PreparedRun) -> bool:
    """Return whether a trace of commands is new to the user, and may name the one that ended the job."""
    failed = platform.store.get("job", report.job_id, without="output")
    root = platform.store.value("SELECT executable FROM job ORDER BY sequence LIMIT 1")
    is_in_bash = run.app.spec.run_spec.interpreter == "bash" and failed and failed["executable"] == root
    has_run = report.log_file is not None and report.reason in _REASONS_OF_EXITS
    names_no_line = report.source is None and report.message.startswith(_EXIT_MESSAGES)
    is_traced = run.request.settings.xtrace or any(line.startswith("+") for line in report.log_tail)
    return bool(is_in_bash and has_run and names_no_line and not is_traced)
