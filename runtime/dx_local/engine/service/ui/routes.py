"""The routes of the pages below `/ui/`: read only, and only for browsers that came by the printed link."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from dx_local.api.answers import answer_error
from dx_local.api.transfers import file_response
from dx_local.engine.reports.page.assembly import content_policy, live_page, page_data
from dx_local.engine.reports.page.packing import packed
from dx_local.engine.reports.run_report import ReportRequest, report_of
from dx_local.engine.run_folder import reading
from dx_local.engine.service.ui.changes import Changes, Message, event_stream
from dx_local.engine.service.ui.door import HOME, Door
from dx_local.engine.service.ui.lists import platform_lists, project_lists
from dx_local.platform.core.access import not_found
from dx_local.platform.core.errors import InvalidInput, PermissionDenied
from dx_local.platform.core.large_values import is_large
from dx_local.platform.core.states import FINAL
from dx_local.platform.core.store import Row
from dx_local.platform.execution.job_logs import LogReader, log_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from dx_local.platform.core.context import Platform
    from dx_local.platform.core.schema import JobTry

_FINAL = frozenset(state.value for state in FINAL)
_MOST_LINES = 5000
_LONGEST_VALUE = 100_000  # characters of an input or output
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": content_policy("'self'") + "; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Ui:
    """The pages of a platform whose server listens on a port; `link` opens them."""

    def __init__(self, platform: Platform, port: int) -> None:
        self._platform = platform
        self._door = Door(port)
        self._changes = Changes(platform)
        self.link = self._door.link

    def routes(self) -> list[Route]:
        """Return the routes of the pages."""
        pages = _Pages(self._platform, self._changes)
        paths = {
            HOME: pages.home,
            "/ui/lists": pages.lists,
            "/ui/lists/{id}": pages.project_lists,
            "/ui/project/{id}": pages.project,
            "/ui/run/{id}": pages.run,
            "/ui/events/{id}": pages.events,
            "/ui/log/{id}": pages.log,
            "/ui/values/{id}": pages.values,
            "/ui/file/{id}": pages.file,
        }
        return [
            Route(path, partial(_answer, self._platform, self._door, page)) for path, page in paths.items()
        ]

    def close(self) -> None:
        """End the streams to browsers, which the server waits for when it ends."""
        self._changes.close()


async def _answer(
    platform: Platform, door: Door, page: Callable[[Request], Response], request: Request
) -> Response:
    try:
        response = (request.url.path == HOME and door.entry(request)) or _checked(door, page, request)
    except PermissionDenied:
        response = door.refusal()
    except Exception as error:  # noqa: BLE001 - any error becomes a response
        response = answer_error(platform, error)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _checked(door: Door, page: Callable[[Request], Response], request: Request) -> Response:
    door.check(request)
    return page(request)


class _Pages:
    """Answers the requests; reports and lists are made in threads, each with a connection that only reads."""

    def __init__(self, platform: Platform, changes: Changes) -> None:
        self._platform = platform
        self._changes = changes

    def home(self, _request: Request) -> Response:
        """Return the page with all runs and projects."""
        return HTMLResponse(live_page("dx-local", {"mode": "lists", "title": "Local platform"}))

    def project(self, request: Request) -> Response:
        """Return the page with the files of a project."""
        row = self._existing("project", request, "class = 'project'")
        config = {"mode": "lists", "title": row["name"], "project": row["id"]}
        return HTMLResponse(live_page(row["name"], config))

    def run(self, request: Request) -> Response:
        """Return the page of a run."""
        row = self._existing("job", request, "root = id")
        return HTMLResponse(live_page(row["name"], {"mode": "live", "root": row["id"]}))

    def lists(self, _request: Request) -> Response:
        """Send the lists of the first page as they change."""

        def make() -> Message:
            with reading(self._platform.folder) as platform:
                return Message(platform_lists(platform.store, self._platform.clock()))

        return event_stream(self._changes, make)

    def project_lists(self, request: Request) -> Response:
        """Send the files of a project as jobs change them."""
        project = self._existing("project", request, "class = 'project'")["id"]

        def make() -> Message:
            with reading(self._platform.folder) as platform:
                return Message(project_lists(platform.store, project))

        return event_stream(self._changes, make)

    def events(self, request: Request) -> Response:
        """Send the report of a run as it changes, until it has ended."""
        root = self._existing("job", request, "root = id")["id"]

        def make() -> Message:
            with reading(self._platform.folder) as platform:
                report = report_of(platform, ReportRequest(platform.folder, root=root, is_over=False))
            is_over = all(state in _FINAL for state in report["jobs"]["state"])
            data = packed({**page_data(report), "rerun": None})
            return Message({"now": self._platform.clock(), "report": data}, is_last=is_over)

        return event_stream(self._changes, make)

    def log(self, request: Request) -> Response:
        """Send the last lines of a job, and new ones, until that try has ended."""
        row = self._existing("job", request, "1")
        text = request.query_params.get("try", str(row["try_number"]))
        if not (text.isdecimal() and text.isascii() and int(text) <= row["try_number"]):
            raise InvalidInput(f"{row['id']} has no try {text[:20]}")
        job: JobTry = {"id": row["id"], "function": row["function"], "try_number": int(text)}
        reader = LogReader(job["id"], log_path(self._platform, job))

        def make() -> Message | None:
            is_over = self._has_ended(job)  # asked first, so that no line before the end is missed
            lines = list(deque((entry.text for entry in reader.rest()), _MOST_LINES))
            return Message(lines, is_last=is_over) if lines or is_over else None

        return event_stream(self._changes, make, partial(self._changes.of_log, job["id"]))

    def values(self, request: Request) -> Response:
        """Return the input and output of a job as JSON texts, null for those that are too long."""
        job_id = self._existing("job", request, "1")["id"]
        query = "SELECT COALESCE(input, original_input) AS given, output AS made FROM job WHERE id = ?"
        row = self._platform.store.one(Row, query, job_id) or {}
        return JSONResponse([_bounded(row.get(name)) for name in ("given", "made")])

    def file(self, request: Request) -> Response:
        """Return a closed file as a download."""
        query = (
            "SELECT placement.name FROM object JOIN placement ON placement.object = object.id"
            " WHERE object.id = ? AND object.class = 'file' AND object.state = 'closed' LIMIT 1"
        )
        file_id = request.path_params["id"]
        row = self._platform.store.one(Row, query, file_id)
        if row is None:
            raise not_found(file_id)
        return file_response(self._platform, request, file_id, row["name"])

    def _existing(self, table: str, request: Request, condition: str) -> Row:
        wanted = request.path_params["id"]
        query = f"SELECT * FROM {table} WHERE id = ? AND {condition}"
        if table == "job":
            query = query.replace("*", "id, name, function, try_number")
        row = self._platform.store.one(Row, query, wanted)
        if row is None:
            raise not_found(wanted)
        return row

    def _has_ended(self, job: JobTry) -> bool:
        with reading(self._platform.folder) as platform:
            row = platform.store.one(Row, "SELECT state, try_number FROM job WHERE id = ?", job["id"])
        return row is None or row["state"] in _FINAL or row["try_number"] > job["try_number"]


def _bounded(text: str | None) -> str | None:
    return None if text is None or is_large(text) or len(text) > _LONGEST_VALUE else text
