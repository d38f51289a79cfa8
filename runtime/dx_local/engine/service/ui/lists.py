"""The contents of a platform as lists for its pages: runs and projects, and the files of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform.core.states import FINAL
from dx_local.platform.core.store import Row

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON
    from dx_local.platform.core.store import Store

_MOST_RUNS = 500
_MOST_OBJECTS = 2000
_RUNS = f"""
SELECT top.id, top.name, top.executable_name, top.state, top.created, COUNT(*) AS jobs,
    MAX(tree.started) AS started, MAX(tree.stopped) AS stopped,
    SUM(tree.state = 'failed' AND tree.failure_reason != 'JobTreeFailure') AS failed
FROM (SELECT * FROM job WHERE root = id ORDER BY sequence DESC LIMIT {_MOST_RUNS}) AS top
JOIN job AS tree ON tree.root = top.id GROUP BY top.id ORDER BY top.sequence DESC
"""
_PROJECTS = """
SELECT id, name, region, bytes, created,
    (SELECT COUNT(*) FROM placement WHERE placement.project = project.id) AS objects
FROM project WHERE class = 'project' ORDER BY created DESC
"""
_OBJECTS = f"""
SELECT object.id, object.class, object.state, object.created, placement.name, placement.folder,
    json_extract(object.fields, '$.size') AS bytes
FROM placement JOIN object ON object.id = placement.object
WHERE placement.project = ? ORDER BY placement.folder, placement.name LIMIT {_MOST_OBJECTS}
"""
_FINAL = frozenset(state.value for state in FINAL)


def platform_lists(store: Store, now: int) -> JSON:
    """Return the runs, the latest first, and the projects of a platform; `now` is in ms."""
    runs, projects = store.all(Row, _RUNS), store.all(Row, _PROJECTS)
    active = sum(run["state"] not in _FINAL for run in runs)
    counts = f"{_count(len(runs), 'run')}, {active:,} in progress; {_count(len(projects), 'project')}."
    return {
        "sentence": counts,
        "lists": [
            {
                "title": "Runs",
                "nothing": "No applet, app or workflow has run yet.",
                "columns": ["run", "executable", "state", "started", "duration", "jobs", "failed"],
                "rows": [
                    [
                        {"text": run["name"], "href": f"/ui/run/{run['id']}"},
                        run["executable_name"],
                        {"state": _state(run)},
                        {"time": run["created"]},
                        {"ms": _end(run, now) - run["created"]},
                        {"number": run["jobs"]},
                        {"number": run["failed"]},
                    ]
                    for run in runs
                ],
            },
            {
                "title": "Projects",
                "nothing": "There is no project.",
                "columns": ["project", "ID", "region", "objects", "size of files", "created"],
                "rows": [
                    [
                        {"text": project["name"], "href": f"/ui/project/{project['id']}"},
                        project["id"],
                        project["region"],
                        {"number": project["objects"]},
                        {"bytes": project["bytes"]},
                        {"time": project["created"]},
                    ]
                    for project in projects
                ],
            },
        ],
    }


def project_lists(store: Store, project: str) -> JSON:
    """Return the data objects of a project; closed files have links."""
    objects = store.all(Row, _OBJECTS, project)
    more = " (the first ones)" if len(objects) == _MOST_OBJECTS else ""
    return {
        "sentence": f"{_count(len(objects), 'data object')}{more}.",
        "lists": [
            {
                "title": "Data objects",
                "nothing": "The project is empty.",
                "columns": ["folder", "name", "class", "state", "size", "created"],
                "rows": [
                    [
                        each["folder"],
                        _name(each),
                        each["class"],
                        each["state"],
                        {"bytes": each["bytes"]},
                        {"time": each["created"]},
                    ]
                    for each in objects
                ],
            }
        ],
    }


def _state(run: Row) -> str:
    """Return the state of a run, which is in progress as long as any of its jobs can run."""
    if run["state"] in _FINAL:
        return str(run["state"])
    return "waiting" if run["started"] is None else "running"


def _end(run: Row, now: int) -> int:
    return int(run["stopped"] or now) if run["state"] in _FINAL else now


def _name(each: Row) -> JSON | str:
    if each["class"] != "file" or each["state"] != "closed":
        return str(each["name"])
    return {"text": each["name"], "href": f"/ui/file/{each['id']}"}


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' if number != 1 else ''}"
