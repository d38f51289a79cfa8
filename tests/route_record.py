"""Which routes of the API each test really calls: what the table of truth, docs/reference/api.md, rests on.

Every server of this process notes what it answered with success. A test that tests/api/shown_by.json names
for a route must have called it; `pytest TESTS --record-routes` names one for every route that has none.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dx_local.api import coverage, methods, routes, server
from dx_local.platform.core.errors import ApiError
from dx_local.platform.core.ids import class_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from dx_local.api.methods import Method

ROOT = Path(__file__).parents[1]
SHOWN_BY = ROOT / "tests" / "api" / "shown_by.json"
PAGE = ROOT / "docs" / "reference" / "api.md"
Calls = dict[str, set[str]]  # test → names of routes

_called: set[Method] = set()  # since the running test began
_recorded: Calls = {}
_failed: set[str] = set()


def method_of(scope: Scope) -> Method | None:
    """Return what a request calls, or None when that is nothing here."""
    path: str = scope["path"]
    if scope["type"] == "websocket":
        return methods.LOG
    transfers = (("/F/U/", methods.UPLOAD), ("/F/D/", methods.DOWNLOAD), ("/F/D2PRJ/", methods.DOWNLOAD))
    for beginning, transfer in transfers:
        if path.startswith(beginning):
            return transfer
    with suppress(ApiError):
        call = routes.find(path)
        return class_of(call.entity), call.method
    return None


def noting(app: ASGIApp) -> ASGIApp:
    """Return app, which notes from now on what it answers with success."""

    async def noted(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_on(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.accept"}:
                method = method_of(scope)
                if method and message.get("status", 200) < 300:
                    _called.add(method)
            await send(message)

        await app(scope, receive, send_on)

    return noted


@cache
def read_shown_by() -> coverage.Tests:
    tests: coverage.Tests = json.loads(SHOWN_BY.read_text(encoding="utf-8"))
    return tests


def exists(test: str) -> bool:
    """Tell whether there is a test of this name."""
    path, _, function = test.partition("[")[0].partition("::")
    file = ROOT / path
    return file.is_file() and bool(
        re.search(rf"^def {re.escape(function)}\(", file.read_text(), re.MULTILINE)
    )


def merged(shown_by: coverage.Tests, recorded: Calls) -> coverage.Tests:
    """Return a test for every route: as before if that still shows it, else the one that calls least besides.

    A test of one case is preferred to one with parameters.
    """
    found = {
        route: test
        for route, test in shown_by.items()
        if exists(test) and route in recorded.get(test, {route})
    }
    by_width = sorted(("[" in test, len(called), test) for test, called in recorded.items())
    for *_, test in by_width:
        for route in recorded[test]:
            found.setdefault(route, test)
    known = set(map(coverage.name_of, coverage.served()))
    return {route: found[route] for route in sorted(found) if route in known}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record-routes", action="store_true", help="name tests for the routes that have none, without -n"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--record-routes") and config.getoption("numprocesses", None):
        raise pytest.UsageError("--record-routes goes without -n")
    build_app = server.build_app
    server.build_app = lambda *arguments: noting(build_app(*arguments))  # type: ignore[assignment]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        _failed.add(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not session.config.getoption("--record-routes"):
        return
    passed = {test: called for test, called in _recorded.items() if test not in _failed}
    shown_by = merged(read_shown_by(), passed)
    SHOWN_BY.write_text(json.dumps(shown_by, indent=1) + "\n", encoding="utf-8")
    with suppress(coverage.UnshownError):
        PAGE.write_text(coverage.as_markdown(shown_by), encoding="utf-8")


@pytest.fixture(autouse=True)
def calls_what_it_shows(request: pytest.FixtureRequest) -> Iterator[None]:
    """Hold a test that the table names for some routes to calling them."""
    test = request.node.nodeid
    _called.clear()
    yield
    called = set(map(coverage.name_of, _called))
    if request.config.getoption("--record-routes"):
        _recorded[test] = called
    elif missing := sorted(_shows(test) - called):
        pytest.fail(f"docs/reference/api.md says that this test shows {', '.join(missing)}; it did not")


def _shows(test: str) -> set[str]:
    return {route for route, shown_by in read_shown_by().items() if shown_by == test}
