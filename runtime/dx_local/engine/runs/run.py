"""Run an app once, from its folder to the output of its job."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from dx_local.engine.run_folder import WORKSPACES, open_workspace
from dx_local.engine.runs.pipes import with_pipes_read
from dx_local.engine.runs.preparation import prepare
from dx_local.engine.runs.result import result_of
from dx_local.engine.runs.resumed import kept_ledger, resumed_run
from dx_local.engine.runs.start import start_again, start_app
from dx_local.engine.scheduling.disk_reserve import reporting_full_disk
from dx_local.engine.session import Observer, Session, SessionOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dx_local.engine.run_folder import Workspace
    from dx_local.engine.runs.inputs import GivenInputs
    from dx_local.engine.runs.preparation import PreparedRun, RunRequest
    from dx_local.engine.runs.result import RunResult


async def run_once(
    request: RunRequest,
    observer: Observer | None = None,
    *,
    has_begun: Callable[[Path], None] = lambda _folder: None,
) -> RunResult:
    """Run an app to its end. When cancelled, terminate its jobs, wait for them, and raise CancelledError.

    Calls `has_begun` with the folder of the run as soon as it is going to be kept. Raises
    DxLocalError if the app or its input cannot be used; the run leaves nothing behind then.
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
        if server := request.settings.debugpy:
            from dx_local.engine.apps.launch_file import prepare_launch_file  # few runs need it

            observer.announce(prepare_launch_file(request.app, server.port))
        return await _run_in(workspace, run, observer, has_begun)


async def _run_in(
    workspace: Workspace, run: PreparedRun, observer: Observer, has_begun: Callable[[Path], None]
) -> RunResult:
    request, folder = run.request, workspace.folder.resolve()
    given = await with_pipes_read(run.given, run.app.spec, request.function, folder)
    options = SessionOptions(
        folder,
        request.settings,
        region=run.region,
        is_persistent=request.is_kept,
        lends_terminal=True,
    )
    with ExitStack() as at_end:
        try:
            async with Session(options, observer) as session:
                with (
                    kept_ledger(session, run, at_end) as keeper,
                    resumed_run(session, run, keeper, observer) as resumption,
                ):
                    job_id = _start(session, run, given, observer)
                    workspace.has_begun = True
                    has_begun(workspace.folder)
                    if keeper:
                        keeper.start()
                    await session.until_final(job_id)
                    for fault in session.driver.faults.unused():
                        observer.announce(f"warning: --inject {fault} matched no job")
                    resumed = resumption.result() if resumption else None
                    return result_of(session, job_id, run, workspace.folder, observer.announce, resumed)
        finally:
            if workspace.has_begun:
                _report(folder, request, observer)


def _start(session: Session, run: PreparedRun, given: GivenInputs, observer: Observer) -> str:
    """Start the job of a run, and return its ID."""
    request = run.request
    if request.repeats:
        return start_again(session, run, request.repeats, observer.announce)
    return start_app(session, run, given)


def _report(folder: Path, request: RunRequest, observer: Observer) -> None:
    # No job waits for these imports.
    from dx_local.engine.reports.run_report import ReportRequest
    from dx_local.engine.reports.writing import try_to_write_reports

    if problem := try_to_write_reports(folder, ReportRequest(request.app, command=request.command)):
        observer.announce(f"the report could not be written: {problem}")
