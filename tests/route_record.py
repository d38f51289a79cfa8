"""Record the API routes that each test calls, so that docs/reference/api.md can name a test for each method.

Every server of this process records the calls that it answers successfully. A test that
tests/api/method_tests.json lists for a route must have called it; `pytest TESTS --record-routes` finds a test
for each route that has none.
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

    from starlette.applications import Starlette
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from dx_local.api.methods import Method

ROOT = Path(__file__).parents[1]
METHOD_TESTS = ROOT / "tests" / "api" / "method_tests.json"
PAGE = ROOT / "docs" / "reference" / "api.md"
Calls = dict[str, set[str]]  # test → names of routes

_called: set[Method] = set()  # since the running test began
_recorded: Calls = {}
_failed: set[str] = set()


def method_of(scope: Scope) -> Method | None:
    """Return the method that a request calls, or None if it is not implemented here."""
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


def recording(app: Starlette) -> ASGIApp:
    """Return an application that passes requests to app and records those that it answers successfully."""

    async def recorded(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_on(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.accept"}:
                method = method_of(scope)
                if method and message.get("status", 200) < 300:
                    _called.add(method)
            await send(message)

        await app(scope, receive, send_on)

    recorded.router = app.router  # type: ignore[attr-defined]  # to which servers add routes
    return recorded


@cache
def read_method_tests() -> coverage.Tests:
    tests: coverage.Tests = json.loads(METHOD_TESTS.read_text(encoding="utf-8"))
    return tests


def exists(test: str) -> bool:
    """Return whether a test of this name exists."""
    path, _, function = test.partition("[")[0].partition("::")
    file = ROOT / path
    return file.is_file() and bool(
        re.search(rf"^def {re.escape(function)}\(", file.read_text(), re.MULTILINE)
    )


def merged(tests: coverage.Tests, recorded: Calls) -> coverage.Tests:
    """Return a test for each route: one that still calls it, or else the most specific.

    A test is more specific the fewer other routes it calls. Tests without parameters are preferred.
    """
    found = {
        route: test for route, test in tests.items() if exists(test) and route in recorded.get(test, {route})
    }
    by_width = sorted(("[" in test, len(called), test) for test, called in recorded.items())
    for *_, test in by_width:
        for route in recorded[test]:
            found.setdefault(route, test)
    known = set(map(coverage.name_of, coverage.served()))
    return {route: found[route] for route in sorted(found) if route in known}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record-routes",
        action="store_true",
        help="find tests for the routes that have none; not with -n",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--record-routes") and config.getoption("numprocesses", None):
        raise pytest.UsageError("--record-routes cannot be combined with -n")
    build_app = server.build_app
    server.build_app = lambda *arguments: recording(build_app(*arguments))  # type: ignore[assignment]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        _failed.add(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not session.config.getoption("--record-routes"):
        return
    passed = {test: called for test, called in _recorded.items() if test not in _failed}
    tests = merged(read_method_tests(), passed)
    METHOD_TESTS.write_text(json.dumps(tests, indent=1) + "\n", encoding="utf-8")
    with suppress(coverage.UntestedMethodsError):
        PAGE.write_text(coverage.as_markdown(tests), encoding="utf-8")


@pytest.fixture(autouse=True)
def calls_its_routes(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that is listed for a route but has not called it."""
    test = request.node.nodeid
    _called.clear()
    yield
    called = set(map(coverage.name_of, _called))
    if request.config.getoption("--record-routes"):
        _recorded[test] = called
    elif missing := sorted(_routes_of(test) - called):
        pytest.fail(
            f"docs/reference/api.md lists this test for {', '.join(missing)}, but it did not call them"
        )


def _routes_of(test: str) -> set[str]:
    return {route for route, each in read_method_tests().items() if each == test}
