"""Run an app once, from its folder to the output of its job."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from dx_local.engine.run_folder import WORKSPACES, open_workspace
from dx_local.engine.runs.pipes import with_pipes_read
from dx_local.engine.runs.preparation import prepare
from dx_local.engine.runs.result import result_of
from dx_local.engine.runs.start import start_app
from dx_local.engine.scheduling.disk_reserve import reporting_full_disk
from dx_local.engine.session import Observer, Session, SessionOptions

if TYPE_CHECKING:
    from dx_local.engine.run_folder import Workspace
    from dx_local.engine.runs.preparation import PreparedRun, RunRequest
    from dx_local.engine.runs.result import RunResult

_TERMINATION_SECONDS = 5


async def run_once(request: RunRequest, observer: Observer | None = None) -> RunResult:
    """Run an app to its end. When cancelled, terminate its jobs, wait for them, and raise CancelledError.

    Raises DxLocalError if the app or its input cannot be used; the run leaves nothing behind then.
    """
    observer = observer or Observer()
    run = prepare(request)
    place = (request.folder or request.app / WORKSPACES).absolute()
    with (
        reporting_full_disk(place, "--workspace-path"),
        open_workspace(request.app, request.folder) as workspace,
    ):
        for note in run.notes():
            observer.announce(note)
        return await _run_in(workspace, run, observer)


async def _run_in(workspace: Workspace, run: PreparedRun, observer: Observer) -> RunResult:
    request, folder = run.request, workspace.folder.resolve()
    given = await with_pipes_read(run.given, run.app.spec, request.function, folder)
    try:
        options = SessionOptions(folder, request.settings, region=run.region, lends_terminal=True)
        async with Session(options, observer) as session:
            job_id = start_app(session, run.app, request.function, given)
            workspace.has_begun = True
            await _until_final(session, job_id)
            for fault in session.driver.faults.unused():
                observer.announce(f"warning: --inject {fault} matched no job")
            return result_of(session, job_id, run, workspace.folder, observer.announce)
    finally:
        if workspace.has_begun:
            from dx_local.engine.reports.run_report import write_report  # no job waits for this import

            write_report(folder, request.app)


async def _until_final(session: Session, job_id: str) -> None:
    try:
        await session.driver.until_final(job_id)
    except asyncio.CancelledError:
        session.driver.terminate(job_id)
        with suppress(asyncio.TimeoutError, OSError):
            await asyncio.wait_for(session.driver.until_final(job_id), _TERMINATION_SECONDS)
        raise
