"""Workspaces of runs, also of runs that start at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from dx_local.engine.run_folder import WORKSPACES
from dx_local.engine.runs.inputs import GivenInputs
from dx_local.engine.runs.preparation import RunRequest
from dx_local.engine.runs.run import run_once
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dx_local.engine.runs.result import RunResult

    MakeApp = Callable[..., Path]

CODE = "main() { dx-jobutil-add-output said hello --class=string; }\n"


@pytest.fixture
def app(make_app: MakeApp) -> Path:
    return make_app(CODE, outputs={"said": "string"}, interpreter="bash")


def test_runs_that_start_at_once_get_a_folder_each(app: Path) -> None:
    requests = [RunRequest(app) for _ in range(3)]

    async def all_at_once() -> list[RunResult]:
        return await asyncio.gather(*map(run_once, requests))

    results = asyncio.run(all_at_once())
    assert [result.output for result in results] == [{"said": "hello"}] * 3
    assert {result.folder for result in results} == set((app / WORKSPACES).iterdir())
    assert len({result.folder for result in results}) == 3


def test_a_folder_that_another_run_has_just_taken_is_refused(app: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "platform.sqlite").touch()
    with pytest.raises(UsageError, match="holds an earlier run"):
        asyncio.run(run_once(RunRequest(app, folder=taken)))
    assert [path.name for path in taken.iterdir()] == ["platform.sqlite"]


def test_a_run_that_cannot_begin_leaves_nothing_in_the_app(app: Path) -> None:
    with pytest.raises(UsageError, match="not declared"):
        asyncio.run(run_once(RunRequest(app, GivenInputs({"unknown": 1}))))
    assert not (app / WORKSPACES).exists()
