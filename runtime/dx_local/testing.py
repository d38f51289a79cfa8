"""Run apps from tests and notebooks: `run_app`, which needs no pytest."""

from __future__ import annotations

import asyncio
import atexit
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_local.errors import DxLocalError
from dx_local.worker.process.trees import remove_tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typing_extensions import Unpack

    from dx_local.engine.runs.preparation import RunRequest
    from dx_local.engine.runs.result import RunResult
    from dx_local.engine.settings import JobOptions


@dataclass(frozen=True)
class Run:
    """A run of an app that has ended.

    `output` is the job's output with files as paths of local copies; `log` is the output of all jobs;
    `job` is the description of the job; `folder` holds everything that the run wrote.
    """

    state: str
    output: dict[str, Any]
    job: dict[str, Any]
    log: str
    folder: Path


class JobFailedError(AssertionError):
    """The job of a run is not done; the message is the explanation that `dx-local run` prints."""

    def __init__(self, message: str, run: Run) -> None:
        super().__init__(message)
        self.run = run


def run_app(
    app: str | Path,
    inputs: Mapping[str, Any] | None = None,
    *,
    function: str = "main",
    folder: str | Path | None = None,
    assets: Sequence[str | Path] = (),
    check: bool = True,
    **settings: Unpack[JobOptions],
) -> Run:
    """Run the app in a folder and return its result.

    `inputs` is the job's input; the value of a file may be the path of a local file. Without inputs, the
    app's own samples (test/input.json) are used. `assets` are local archives or folders for the assets in the
    app's assetDepends. Everything that the run writes goes to `folder`, by default a temporary one that is
    removed when Python exits unless the job failed. `settings` are the job options of `dx-local run` by their
    names in `dx_local.engine.settings.JobOptions`, such as `max_parallel=2` or `xtrace=True`.

    Raises JobFailedError if the job is not done at the end, unless `check` is false, and DxLocalError if the
    app or its input cannot be used.
    """
    from dx_local.engine.runs.inputs import GivenInputs
    from dx_local.engine.runs.preparation import RunRequest
    from dx_local.engine.settings import JobSettings

    kept = folder is not None
    place = Path(folder) if folder is not None else Path(tempfile.mkdtemp(prefix="dx-local-"))
    try:
        request = RunRequest(
            app=Path(app),
            given=None if inputs is None else GivenInputs.of(inputs),
            function=function,
            settings=JobSettings.from_options(settings, Path(app)),
            folder=place,
            assets=tuple(map(Path, assets)),
            is_kept=False,
        )
        result = _result_of(request)
    except DxLocalError:
        if not kept:
            remove_tree(place, ignore_errors=True)  # nothing ran
        raise
    run = _as_run(result)
    if run.state == "done":
        if not kept:
            atexit.register(remove_tree, place, ignore_errors=True)
    elif check:
        raise JobFailedError(result.explanation(), run)
    return run


def _result_of(request: RunRequest) -> RunResult:
    """Run an app, in a separate thread if an event loop is already running, as in notebooks."""
    import uvloop

    from dx_local.engine.runs.run import run_once

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return uvloop.run(run_once(request))
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(lambda: uvloop.run(run_once(request))).result()


def _as_run(result: RunResult) -> Run:
    return Run(
        state=result.job["state"],
        output=result.output,
        job=result.job,
        log=result.log,
        folder=result.folder,
    )
