"""The report of a run as plain data: its cause of failure, entry points, jobs, inputs and outputs.

Everything comes from the folder of the run, so that the report can be made again at any later time.
`docs/reference/schemas/report.schema.json` describes the data.
"""

from __future__ import annotations

import json
import os
import platform as machine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard import __version__
from dx_app_wizard.dxapp.links import links_in
from dx_local.engine.reports.edges import edges_of
from dx_local.engine.reports.entry_points import summary, system_requirements
from dx_local.engine.reports.input_texts import data_object
from dx_local.engine.reports.job_rows import EarlierTry, Job, earlier_tries, run_jobs
from dx_local.engine.run_folder import INTERRUPTED, RUNNING, WORKSPACES
from dx_local.platform.core.json_text import to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_local.engine.reports.job_rows import RunJobs
    from dx_local.platform.core.context import JSON, Platform
    from dx_local.platform.core.store import Row, Store

SCHEMA = 1
"""Version of the report; a change that breaks readers increases it."""

FILE_NAME = "report.json"
"""The report, in the folder of the run."""

_COLUMNS = {"entry_point": "entryPoint", "cpu_seconds": "cpuSeconds"}
_LONGEST_VALUE = 10_000  # characters of JSON
_LINES_AROUND = 3
_FINAL = frozenset({"done", "failed", "terminated"})


@dataclass(frozen=True)
class ReportRequest:
    """The run to report on.

    `app` is the folder with the user's own code. Without `root`, the run has all jobs of the platform; with
    it, only those in the tree of that job or analysis. `is_over` is false while jobs can still run, and
    `command` is the command line that started the run, if it is known. If `is_again` is true, an earlier
    report in the folder of the run provides the facts that only the process of the run knew: its environment,
    and the source code at that time.
    """

    app: Path
    root: str = ""
    is_over: bool = True
    command: tuple[str, ...] | None = None
    is_again: bool = False


def report_of(platform: Platform, request: ReportRequest) -> JSON:
    """Return the report of the run on a platform, which has started a job.

    Paths in the folder of the run are relative to it.
    """
    store = platform.store
    run = run_jobs(store, request.root)
    root = run.root
    earlier = earlier_tries(store, run.positions, request.root)
    kept = earlier_report(platform.folder) if request.is_again else {}
    summaries = _summaries(run, earlier)
    return {
        "schema": SCHEMA,
        "name": root["executable_name"],
        "function": root["function"],
        "run": platform.folder.name if platform.folder.parent.name == WORKSPACES else None,
        "state": _state(root, is_over=request.is_over),
        "created": root["created"],
        "stopped": root["stopped"],
        "cause": _cause(platform, root["id"], request.app, kept),
        "entryPoints": summaries,
        "systemRequirements": system_requirements(summaries, root["region"]),
        "edges": edges_of(platform, run, request.root),
        "jobs": _columns(Job._fields, run.jobs),
        "earlierTries": _columns(EarlierTry._fields, earlier),
        "inputs": _values(store, root["id"], "COALESCE(input, original_input)", "input"),
        "outputs": _values(store, root["id"], "output", "output"),
        "environment": _environment(request, root["region"], kept.get("environment") or {}),
    }


def _columns(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> JSON:
    """Return rows as one list for each field, under its name in the report."""
    return {_COLUMNS.get(name, name): [row[position] for row in rows] for position, name in enumerate(names)}


def _state(root: Row, *, is_over: bool) -> str:
    return str(root["state"]) if root["state"] in _FINAL else INTERRUPTED if is_over else RUNNING


def earlier_report(folder: Path) -> JSON:
    """Return the report that is in the folder of a run, or an empty one."""
    with suppress(OSError, ValueError, RecursionError):
        found = json.loads((folder / FILE_NAME).read_bytes())
        if isinstance(found, dict) and found.get("schema") == SCHEMA:
            return found
    return {}


def _environment(request: ReportRequest, region: str, kept: JSON) -> JSON:
    here = {
        "dxLocal": __version__,
        "python": machine.python_version(),
        "machine": f"{machine.system()} {machine.release()} {machine.machine()}",
        "cores": os.cpu_count(),
        "region": region,
        "command": None if request.command is None else list(request.command),
    }
    return {name: kept.get(name, value) for name, value in here.items()}


def _summaries(run: RunJobs, earlier: Sequence[EarlierTry]) -> list[JSON]:
    """Return the summaries of all entry points, in the order in which they were first used."""
    members: list[list[Job]] = [[] for _ in run.entry_points]
    for job in run.jobs:
        members[job.entry_point].append(job)
    tries: list[list[EarlierTry]] = [[] for _ in run.entry_points]
    for each in earlier:
        tries[run.jobs[each.job].entry_point].append(each)
    return [
        summary(key, run.root["region"], jobs, earlier_ones)
        for key, jobs, earlier_ones in zip(run.entry_points, members, tries, strict=True)
    ]


def _cause(platform: Platform, root: str, app: Path, kept: JSON) -> JSON | None:
    """Return the cause of a failure, or None for a run that is done or was killed."""
    row = platform.store.get("job", root, without="output")
    if row is None or row["state"] not in _FINAL - {"done"}:
        return None
    from dx_local.engine.reports import failure_log  # most runs do not need these
    from dx_local.engine.reports.failure_report import explain

    found = explain(platform, row, app)
    cause = found.to_json()
    del cause["findings"], cause["hint"]
    cause["input"] = _bounded(cause["input"])
    cause["log"] = found.log_file and str(found.log_file.relative_to(platform.folder))
    before = kept.get("cause") or {}
    source = before.get("source") or {}
    if before.get("job") == cause["job"] and "lines" in source:
        cause["source"] = source  # the code may have changed since
    elif cause["source"]:
        file = Path(cause["source"]["file"])
        cause["source"] |= {
            "place": failure_log.relative(str(file.resolve()), app),
            **_around(file, cause["source"]["line"]),
        }
    return {**cause, "excerpt": list(found.excerpt)}


def _around(file: Path, line: int) -> JSON:
    """Return the lines around a line, and the number of the first one."""
    with suppress(OSError):
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        first = max(line - _LINES_AROUND, 1)
        return {"first": first, "lines": lines[first - 1 : line + _LINES_AROUND]}
    return {"first": line, "lines": []}


def _values(store: Store, job_id: str, column: str, name: str) -> list[JSON]:
    """Return the inputs or outputs of a job with their files; none if they are too large to be read."""
    start = store.value(f"SELECT substr({column}, 1, 1) AS start FROM job WHERE id = ?", job_id)
    if start != "{":
        return []
    values = store.value(f"SELECT {column} AS {name} FROM job WHERE id = ?", job_id)
    return [
        {"name": key, "value": _bounded(value), "files": _files(store, value)}
        for key, value in values.items()
    ]


def _bounded(value: Any) -> Any:
    """Return a value, or null if its JSON is too long for a report."""
    return value if len(to_json(value)) <= _LONGEST_VALUE else None


def _files(store: Store, value: Any) -> list[JSON]:
    """Return the names and sizes of the data objects that a value refers to."""
    found = (data_object(store, entity) for entity in links_in(value))
    return [dict(row) for row in found if row]
