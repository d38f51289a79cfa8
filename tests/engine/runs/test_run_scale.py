"""A run of thousands of jobs uses bounded memory and leaves no temporary file."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvloop
from tests.scatter_and_gather import SCATTER_AND_GATHER
from typing_extensions import override

from dx_local.engine.runs.inputs import GivenInputs
from dx_local.engine.runs.preparation import RunRequest
from dx_local.engine.runs.run import run_once
from dx_local.engine.session import Observer
from dx_local.platform.core.states import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.engine.runs.result import RunResult
    from dx_local.platform.core.states import Transition

    MakeApp = Callable[..., Path]

pytestmark = pytest.mark.slow

JOBS = 3000


class Meter(Observer):
    """Records the number of open files and the memory of this process whenever a job is done."""

    def __init__(self) -> None:
        self.files: list[int] = []
        self.megabytes: list[float] = []

    @override
    def on_transition(self, transition: Transition) -> None:
        if transition.after is State.DONE:
            self.files.append(len(open_files()))
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self.megabytes.append(pages * 4096 / 1e6)


def open_files() -> list[str]:
    return [str(path.resolve()) for path in Path("/proc/self/fd").iterdir() if path.exists()]


def processes_that_name(folder: Path) -> list[str]:
    """Return the command lines of processes that were started with a path in this folder."""
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            lines.append((process / "cmdline").read_bytes().decode(errors="replace"))
    return [line for line in lines if str(folder) in line]


def test_thousands_of_jobs_leave_nothing_and_take_no_more_than_some(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(count: int, observer: Observer) -> RunResult:
        request = RunRequest(app, GivenInputs({"count": count}), folder=tmp_path / f"run-{count}")
        return uvloop.run(run_once(request, observer))

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    app = make_app(SCATTER_AND_GATHER, inputs={"count": "int"}, outputs={"n": "int"})
    run(1, Observer())  # the loop opens a pipe for good
    before, meter = sorted(open_files()), Meter()
    assert run(JOBS, meter).output == {"n": JOBS * (JOBS - 1) // 2}
    assert max(meter.files) < min(meter.files) + 40
    assert meter.megabytes[-1] - meter.megabytes[JOBS // 3] < 40
    assert sorted(open_files()) == before
    assert list((tmp_path / "temporary").iterdir()) == []
    assert processes_that_name(tmp_path) == []
