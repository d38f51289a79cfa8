"""The plugin for pytest: fixtures for tests of apps, and one item for each test case in test/cases.

Heavy imports are inside the functions, because pytest loads this module in every run.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from dx_local.engine.cases.case_files import Case
    from dx_local.testing import Run

_CASES = ("test", "cases")  # the folder of test cases; that of `engine.cases` takes 0.1 s to import
_DXPY_STATE = (
    "APISERVER",
    "APISERVER_HOST",
    "APISERVER_PORT",
    "APISERVER_PROTOCOL",
    "AUTH_HELPER",
    "JOB_ID",
    "PROJECT_CONTEXT_ID",
    "SECURITY_CONTEXT",
    "WORKSPACE_ID",
)


class CaseFailedError(Exception):
    """A test case failed; the message explains it."""


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a file test/cases/NAME.json of an app as a test case."""
    if file_path.suffix != ".json" or file_path.parts[-3:-1] != _CASES:
        return None
    if not (file_path.parents[2] / "dxapp.json").is_file():
        return None
    collector: pytest.Collector = CaseFile.from_parent(parent, path=file_path)
    return collector


class CaseFile(pytest.File):
    """A file with one test case."""

    def collect(self) -> Iterable[pytest.Item]:
        """Yield the test case. Raises CollectError if the file has mistakes."""
        from dx_local.engine.cases.case_files import CaseFileError, read_case

        try:
            case = read_case(self.path.parents[2], self.path)
        except CaseFileError as error:
            raise self.CollectError(error.message) from None
        yield CaseItem.from_parent(self, name=case.name, case=case)


class CaseItem(pytest.Item):
    """A test case of an app, which passes if its run is as expected."""

    def __init__(self, *, case: Case, **options: Any) -> None:
        super().__init__(**options)
        self._case = case

    def runtest(self) -> None:
        """Run the case. Raises CaseFailedError, and DxLocalError if the app cannot be run."""
        import uvloop

        from dx_local.engine.cases.case_run import run_case
        from dx_local.engine.session import Observer
        from dx_local.engine.settings import JobSettings

        settings = JobSettings.from_options({})
        outcome = uvloop.run(run_case(self._case, settings, Observer(), updates=False))
        if outcome.has_passed:
            return
        explanation = outcome.explanation()
        lines = [explanation] if explanation else outcome.lines()
        folder = [f"folder of this run: {outcome.folder}"] if outcome.folder else []
        raise CaseFailedError("\n".join([*lines, *folder]))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the explanation of a failed case; a traceback would show nothing of the app."""
        from dx_local.errors import DxLocalError

        if isinstance(excinfo.value, (CaseFailedError, DxLocalError)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the place and title of the case for reports."""
        return self.path, 0, f"case {self._case.name}"


@pytest.fixture
def dx_run(tmp_path: Path) -> Callable[..., Run]:
    """Return `run_app`, with a folder below the test's `tmp_path` for everything that each run writes."""
    from dx_local.testing import run_app

    count = 0

    def run(app: str | Path, inputs: Mapping[str, Any] | None = None, **options: Any) -> Run:
        nonlocal count
        count += 1
        options.setdefault("folder", tmp_path / f"run-{count}")
        return run_app(app, inputs, **options)

    return run


@dataclass(frozen=True)
class LocalPlatform:
    """An empty platform to which dxpy and `dx` are connected during a test; `folder` holds its state."""

    project: str
    """ID of the project that is selected."""
    url: str
    folder: Path


@pytest.fixture
def dx_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalPlatform]:
    """Connect dxpy in this process, and `dx` in programs that it starts, to a new local platform.

    `dxpy.run()` does nothing meanwhile, so that a test can import the source of an app and call its
    functions. If dxpy is not installed for this Python, that of the worker environment is used.
    """
    from dx_local.engine.service.client_environment import UNSET, environment
    from dx_local.engine.service.platform_thread import serving_in_thread

    folder = tmp_path / "dx-platform"
    with serving_in_thread(folder) as served:
        variables = environment(served.server, folder, os.environ)
        if served.site_packages not in map(str, sys.path):
            sys.path.append(served.site_packages)  # stays, because modules of dxpy are imported late
        _connect_dxpy(monkeypatch, variables, served.server.project)
        for name in UNSET:
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield LocalPlatform(served.server.project, served.server.url, folder)


def _connect_dxpy(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str], project: str) -> None:
    """Set the server, token and project of dxpy until the end of the test."""
    import json

    import dxpy  # reads the variables of the user, so that these hold again after the test

    for name in _DXPY_STATE:
        monkeypatch.setattr(dxpy, name, getattr(dxpy, name))  # restored at the end
    dxpy.set_api_server_info(
        variables["DX_APISERVER_HOST"], variables["DX_APISERVER_PORT"], variables["DX_APISERVER_PROTOCOL"]
    )
    dxpy.set_security_context(json.loads(variables["DX_SECURITY_CONTEXT"]))
    dxpy.set_job_id(None)
    dxpy.set_workspace_id(project)
    dxpy.set_project_context(project)
    monkeypatch.setattr(dxpy, "run", lambda *_arguments, **_options: None)
