"""Fixtures for tests of the platform's functions: applets with a number as input and output, workflows."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from dx_local.platform.core.states import Failure
from dx_local.platform.core.store import Store
from dx_local.platform.execution import applets, job_descriptions, job_events
from dx_local.platform.workflows import analyses, workflows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dx_local.platform.core.context import Context

JSON = dict[str, Any]

NUMBER: list[JSON] = [{"name": "n", "class": "int"}]
BROKEN = Failure("AppError", "it broke")


def make_applet(context: Context, project: str, **fields: Any) -> str:
    """Make an applet with a number as input and output, or with other specs."""
    request = {
        "project": project,
        "name": "double",
        "dxapi": "1.0.0",
        "inputSpec": NUMBER,
        "outputSpec": NUMBER,
        "runSpec": {"interpreter": "bash", "code": "main() { true; }"},
        **fields,
    }
    applet: str = applets.new_applet(context, "applet", request)["id"]
    return applet


@dataclass
class Runner:
    """Makes workflows in a project and runs them; only the test starts and ends jobs."""

    context: Context
    project: str
    applet: str

    def make_applet(self, **fields: Any) -> str:
        """Make another applet, with other specs."""
        return make_applet(self.context, self.project, **fields)

    def workflow(self, *stages: JSON, **fields: Any) -> str:
        """Make a workflow of these stages; they run the applet unless they name another one."""
        all_stages = [{"executable": self.applet, **stage} for stage in stages]
        request = {"project": self.project, "name": "W", "stages": all_stages, **fields}
        workflow: str = workflows.new(self.context, "workflow", request)["id"]
        return workflow

    def run(self, workflow: str, given: JSON | None = None, **asked: Any) -> Analysis:
        """Run a workflow."""
        request = {"project": self.project, "input": given or {}, **asked}
        answer = analyses.run(self.context, workflow, request)
        return Analysis(self.context, answer["id"], answer["stages"])


@dataclass
class Analysis:
    """An analysis, and the jobs of its stages in the order of the workflow."""

    context: Context
    id: str
    jobs: list[str]

    def describe(self) -> JSON:
        """Return the full description."""
        return analyses.describe(self.context, self.id, {})

    @property
    def state(self) -> str:
        """The state of the analysis."""
        return str(self.describe()["state"])

    def states(self) -> list[str]:
        """The states of the jobs of its stages."""
        return [self.job(index)["state"] for index in range(len(self.jobs))]

    def history(self) -> list[str]:
        """The states of the analysis so far."""
        return [transition["newState"] for transition in self.describe()["stateTransitions"]]

    def job(self, index: int) -> JSON:
        """Describe the job of a stage."""
        return job_descriptions.describe_job(self.context, self.jobs[index], {})

    def finish(self, index: int, **output: Any) -> None:
        """Run the job of a stage to this output."""
        job_events.start(self.context.platform, self.jobs[index])
        job_events.finish(self.context.platform, self.jobs[index], output)

    def fail(self, index: int) -> None:
        """Fail the job of a stage."""
        job_events.start(self.context.platform, self.jobs[index])
        job_events.fail(self.context.platform, self.jobs[index], BROKEN)


@pytest.fixture
def runner(context: Context, project: str) -> Runner:
    return Runner(context, project, make_applet(context, project))


@pytest.fixture
def broken() -> Failure:
    """The failure of a job."""
    return BROKEN


@contextmanager
def refused_by_full_disk(store: Store) -> Iterator[None]:
    """Run a transaction whose last change fills the disk, so that SQLite rolls back by itself."""
    most = store.value("PRAGMA max_page_count")
    store.value(f"PRAGMA max_page_count = {store.value('PRAGMA page_count')}")
    is_refused = False
    try:
        with store.transaction():
            yield
            for number in range(1000):
                store.execute("INSERT INTO wait VALUES (?, ?)", f"job-{number}", "x" * 1000)
    except sqlite3.OperationalError as error:
        is_refused = "full" in str(error)
    store.value(f"PRAGMA max_page_count = {most}")
    assert is_refused


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "platform.sqlite")
    yield opened
    opened.close()
