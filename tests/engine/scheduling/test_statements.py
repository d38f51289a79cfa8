"""The number of SQL statements that one more job runs, so that it does not grow unnoticed."""

from __future__ import annotations

import sqlite3
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import uvloop
from tests.scatter_and_gather import SCATTER_AND_GATHER

from dx_local.engine.runs.inputs import GivenInputs
from dx_local.engine.runs.preparation import RunRequest
from dx_local.engine.runs.run import run_once
from dx_local.platform.core import store
from dx_local.ui.display.job_output import Logs
from dx_local.ui.display.plain_lines import PlainLines
from dx_local.ui.display.run_observer import DisplayOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeApp = Callable[..., Path]

MOST = 28
"""Statements of a job that a gathering job refers to, with those of the progress display in a slow run."""


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return the number of times that each statement has run in databases that are opened from now on."""
    counted: Counter[str] = Counter()

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = sqlite3.connect(*arguments, **options)
        connection.set_trace_callback(lambda sql: counted.update([" ".join(sql.split()[:4])]))
        return connection

    monkeypatch.setattr(store, "sqlite3", SimpleNamespace(connect=connect))
    return counted


def test_a_job_runs_few_statements(make_app: MakeApp, tmp_path: Path, statements: Counter[str]) -> None:
    app = make_app(SCATTER_AND_GATHER, inputs={"count": "int"}, outputs={"n": "int"})

    def count(jobs: int) -> Counter[str]:
        statements.clear()
        request = RunRequest(app, GivenInputs({"count": jobs}), folder=tmp_path / f"run-{jobs}")
        result = uvloop.run(run_once(request, PlainLines(DisplayOptions(logs=Logs.NONE))))
        assert result.output == {"n": jobs * (jobs - 1) // 2}
        return statements.copy()

    few, many = count(5), count(30)
    more = many - few
    assert more.total() < 25 * MOST, more
    # One at its start, and one at its end.
    assert sum(count for sql, count in more.items() if sql.startswith("UPDATE job ")) == 2 * 25
