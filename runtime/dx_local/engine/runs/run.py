"""One run of one app: from its folder to the output of its job."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import sqlite3
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.lint.app_folder import AppFolder
from dx_local.engine.environments.job_environments import USUAL_WORKPLACES, WorkplaceOptions
from dx_local.engine.executors import ISOLATION_VARIABLE, NETWORK_VARIABLE, Isolation
from dx_local.engine.runs.app_bundle import App, load_app
from dx_local.engine.runs.applet_request import run_spec_of_region
from dx_local.engine.runs.assets import asset_names, check_assets, missing_assets, missing_resources
from dx_local.engine.runs.inputs import SAMPLES, GivenInputs, samples_of
from dx_local.engine.runs.pipes import with_pipes_read
from dx_local.engine.runs.usable_types import with_usable_types
from dx_local.engine.scheduling.disk_reserve import reporting_full_disk
from dx_local.engine.session import Observer, Session, SessionOptions
from dx_local.errors import DxLocalError, UsageError
from dx_local.platform.core.context import DEFAULT_REGION, STORE_NAME
from dx_local.platform.core.full_disk import is_full_disk
from dx_local.platform.execution import job_descriptions, job_logs, job_usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dx_local.engine.runs.failure_report import FailureReport
    from dx_local.platform.core.context import JSON, Platform
    from dx_local.platform.core.store import Row
    from dx_local.platform.execution.job_usage import EntryPointUsage

WORKSPACES = "test-job-workspaces"
"""The folder inside an app's that keeps what its runs leave; generated apps tell git to ignore it."""

_TERMINATION_SECONDS = 5
_SECTION_FAILED = "Error while "  # how the message of mark-section begins, which names no line


@dataclass(frozen=True)
class RunRequest:
    """The app to run, its input, and how.

    Everything that the run writes goes below `folder`, by default a new one in the app's folder; its output
    files go to `out`, by default the folder `out` in there.
    """

    app: Path
    given: GivenInputs | None
    function: str
    max_parallel: int
    folder: Path | None = None
    out: Path | None = None
    xtrace: bool = False
    reuses: bool = False
    region: str | None = None
    workplaces: WorkplaceOptions = USUAL_WORKPLACES
    isolation: Isolation = Isolation.AUTO
    links_inputs: bool = False
    assets: tuple[Path, ...] = ()

    @classmethod
    def of(
        cls,
        app: Path,
        *,
        inputs: Mapping[str, Any] | None = None,
        function: str = "main",
        folder: Path | None = None,
        max_parallel: int | None = None,
    ) -> RunRequest:
        """Return a request with the usual choices for everything that is not given."""
        return cls(
            app=app,
            given=None if inputs is None else GivenInputs(values=_paths_as_text(dict(inputs))),
            function=function,
            folder=folder,
            max_parallel=max_parallel or os.cpu_count() or 1,
            isolation=Isolation(os.environ.get(ISOLATION_VARIABLE) or "auto"),
            workplaces=WorkplaceOptions(allows_network=os.environ.get(NETWORK_VARIABLE) == "allow"),
        )


@dataclass(frozen=True)
class RunResult:
    """How a run ended: its job, the output with local paths for files, and why it failed if it did."""

    job: JSON
    output: JSON
    folder: Path
    out: Path
    samples_used: bool
    job_count: int
    seconds: float
    failure: FailureReport | None
    log_files: tuple[Path, ...]
    usage: tuple[EntryPointUsage, ...]

    @property
    def log(self) -> str:
        """What all jobs printed, job after job in the order in which they were made."""
        return "".join(job_logs.printed_by_job(path).decode("utf-8", "replace") for path in self.log_files)

    def explanation(self) -> str:
        """Return in words why the job did not end well."""
        return self.failure.text() if self.failure else f"the job ended as {self.job['state']}"


async def run_once(request: RunRequest, observer: Observer | None = None) -> RunResult:
    """Run an app to its end. When cancelled, terminate its jobs, wait for them, and raise CancelledError.

    Raises DxLocalError when the app or its input cannot be used; nothing is left of the run then.
    """
    began = time.monotonic()
    check_assets(request.assets)
    app = replace(load_app(request.app), assets=request.assets)
    _check_function(app, request.function)
    given = request.given
    if given is None and request.function == "main":  # the samples are those of the app's inputSpec
        given = samples_of(request.app)
    samples_used = request.given is None and given is not None and bool(given.values)
    observer = observer or Observer()
    if request.out:
        _check_out(request.out)
    home = (request.folder or request.app / WORKSPACES).absolute()
    with reporting_full_disk(home, "--workspace-path"), _workspace(request) as workspace:
        options = SessionOptions(
            folder=workspace.folder.resolve(),
            max_parallel=request.max_parallel,
            region=request.region or _region_of(app),
            xtrace=request.xtrace,
            reuses=request.reuses,
            workplaces=request.workplaces,
            isolation=request.isolation,
            links_inputs=request.links_inputs,
        )
        if samples_used:
            observer.announce(f"No input given: running on the samples in {request.app / SAMPLES}.")
        for finding in app.unbuildable:
            hint = f" {finding.hint}" if finding.hint else ""
            observer.announce(f"`dx build` will refuse this app: {finding.message}.{hint}")
        run_spec = run_spec_of_region(app.spec.to_dict(), options.region)
        if note := missing_assets(asset_names(run_spec), request.assets):
            observer.announce(note)
        if note := missing_resources(app.spec.to_dict(), options.region):
            observer.announce(note)
        for note in with_usable_types(run_spec, options.region)[1]:
            observer.announce(note)
        given = given or GivenInputs(values={})
        given = await with_pipes_read(given, app.spec, request.function, options.folder)
        async with Session(options, observer) as session:
            job_id = session.start(app, request.function, given)
            workspace.has_begun = True
            await _until_final(session, job_id)
            folder = workspace.folder
            where = replace(request, folder=folder, out=request.out or folder / "out")
            return _result(session, job_id, where, app, samples_used=samples_used, began=began)


def _check_function(app: App, function: str) -> None:
    """Raise UsageError for an entry point that was named, but that the source of the app does not have."""
    known = None if function == "main" else AppFolder(app.folder, app.spec.to_dict()).entry_points
    if known and function not in known:
        near = get_close_matches(function, known, n=1)
        has = f"It has {', '.join(known)}."
        raise UsageError(
            f"the app has no entry point {function!r}", f"Did you mean {near[0]!r}? {has}" if near else has
        )


def _check_out(out: Path) -> None:
    """Raise UsageError where outputs could not be written, before anybody has waited for them."""
    try:
        nearest = next(place for place in (out, *out.parents) if _is_there(place))
    except OSError as error:
        raise UsageError(f"cannot write outputs to {str(out)!r}: {error.strerror}") from None
    if not nearest.is_dir():
        raise UsageError(f"cannot write outputs to {str(out)!r}: {str(nearest)!r} is not a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UsageError(f"cannot write outputs to {str(out)!r}: {str(nearest)!r} is not writable")


def _is_there(path: Path) -> bool:
    """Return whether there is something at a path. Raises OSError for a path that can never be used."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return os.path.lexists(path)
    return True


@dataclass
class _Workspace:
    """The folder of a run, and whether a job of it has been started."""

    folder: Path
    has_begun: bool = False


@contextmanager
def _workspace(request: RunRequest) -> Iterator[_Workspace]:
    """Make the folder of a run, for it alone; if the run cannot even begin, remove what was made.

    Raises UsageError when the folder holds a run already, or cannot be made.
    """
    parent = request.app / WORKSPACES
    wanted = (request.folder, *request.folder.parents) if request.folder else (parent,)
    try:
        made = [place for place in wanted if not place.exists()]
        folder = _claimed(request.folder) if request.folder else _new_folder(parent)
    except FileExistsError:
        raise UsageError(
            f"{str(request.folder)!r} holds an earlier run", "Give another folder for this one."
        ) from None
    except OSError as error:
        place = request.folder or parent
        if is_full_disk(error, place):
            raise
        raise UsageError(f"cannot keep a run in {str(place)!r}: {error.strerror}") from None
    earlier = set(folder.iterdir()) - {folder / STORE_NAME}
    workspace = _Workspace(folder)
    try:
        yield workspace
    except (DxLocalError, OSError, sqlite3.Error):
        if workspace.has_begun:
            raise
        for path in set(folder.iterdir()) - earlier:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        with suppress(OSError):  # another run may have moved in above
            for place in made if request.folder else (folder, *made):
                place.rmdir()
        raise


def _claimed(folder: Path) -> Path:
    """Make a folder if needed, and the store of a run in it. Raises FileExistsError if there is one already.

    The store is made here, empty, because only one of two runs that start at once can make it.
    """
    with suppress(FileExistsError):
        folder.mkdir(parents=True)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    (folder / STORE_NAME).touch(exist_ok=False)
    return folder


def _new_folder(parent: Path) -> Path:
    """Make a folder for a run inside another one; its name is the local time, numbered if that is taken."""
    stem = time.strftime("%Y-%m-%dT%H-%M-%S")
    folder, number = parent / stem, 1
    while True:
        with suppress(FileExistsError):
            folder.mkdir(parents=True)
            return _claimed(folder)
        number += 1
        folder = parent / f"{stem}-{number}"


async def _until_final(session: Session, job_id: str) -> None:
    try:
        await session.driver.until_final(job_id)
    except asyncio.CancelledError:
        session.driver.terminate(job_id)
        with suppress(asyncio.TimeoutError, OSError):
            await asyncio.wait_for(session.driver.until_final(job_id), _TERMINATION_SECONDS)
        raise


def _result(
    session: Session, job_id: str, request: RunRequest, app: App, *, samples_used: bool, began: float
) -> RunResult:
    store = session.platform.store
    # An output can be large, and is read once.
    row = store.get("job", job_id, without="output")
    job = job_descriptions.describe_job(session.context, job_id, {})
    assert row is not None
    assert request.folder
    assert request.out
    all_jobs = store.all("SELECT id, function, try_number FROM job ORDER BY sequence")
    logs = [path for each in all_jobs for path in job_logs.log_paths(session.platform, each)]
    return RunResult(
        job=job,
        output=session.save_output(job["output"], request.out) if row["state"] == "done" else {},
        folder=request.folder,
        out=request.out,
        samples_used=samples_used,
        job_count=len(all_jobs),
        seconds=time.monotonic() - began,
        failure=None if row["state"] == "done" else _failure(session.platform, row, request, app),
        log_files=tuple(logs),
        usage=tuple(job_usage.by_entry_point(store)),
    )


def _failure(platform: Platform, job: Row, request: RunRequest, app: App) -> FailureReport:
    from dx_local.engine.runs.failure_report import explain

    report = explain(platform, job, request.app, app.warnings)
    shows_commands = request.xtrace or any(line.startswith("+") for line in report.log_tail)
    names_no_line = report.reason == "AppInternalError" or report.message.startswith(_SECTION_FAILED)
    is_bash = app.spec.run_spec.interpreter == "bash"
    if report.source or shows_commands or not (names_no_line and is_bash):
        return report
    return replace(report, hint="With --xtrace, bash prints each command before it runs it.")


def _region_of(app: App) -> str:
    """Return the region that an app runs in here: the usual one unless the app is made for others only."""
    regions = app.spec.to_dict().get("regionalOptions")
    if not isinstance(regions, dict) or not regions or DEFAULT_REGION in regions:
        return DEFAULT_REGION
    return str(next(iter(regions)))


def _paths_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _paths_as_text(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_paths_as_text(item) for item in value]
    return str(value) if isinstance(value, Path) else value
