"""One run of one app: from its folder to the output of its job."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.spec.app_folder import AppFolder
from dx_local.engine.assets import asset_names, check_assets, missing_assets
from dx_local.engine.bundle import App, load_app
from dx_local.engine.executors import ISOLATION_VARIABLE, NETWORK_VARIABLE, Isolation
from dx_local.engine.inputs import SAMPLES, GivenInputs, samples_of
from dx_local.engine.session import Observer, Session, SessionOptions, save_output
from dx_local.engine.workplaces import USUAL_WORKPLACES, WorkplaceOptions
from dx_local.errors import DxLocalError, UsageError
from dx_local.platform.context import DEFAULT_REGION
from dx_local.platform.execution import job_descriptions, job_events, job_logs, job_usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dx_local.engine.failure import FailureReport
    from dx_local.platform.context import JSON, Platform
    from dx_local.platform.execution.job_usage import EntryPointUsage
    from dx_local.platform.store import Row

WORKSPACES = "test-job-workspaces"
"""The folder inside an app's that keeps what its runs leave; generated apps tell git to ignore it."""

_TERMINATION_SECONDS = 5
_ENDED_BASH = ("AppInternalError", "bash")


@dataclass(frozen=True)
class RunRequest:
    """What to run and how. Everything that the run writes goes below `folder`, its outputs to `out`."""

    app: Path
    given: GivenInputs | None
    function: str
    folder: Path
    out: Path
    max_parallel: int
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
        place = folder or new_workspace(app)
        return cls(
            app=app,
            given=None if inputs is None else GivenInputs(values=_paths_as_text(dict(inputs))),
            function=function,
            folder=place,
            out=place / "out",
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
        return "".join(path.read_text(encoding="utf-8", errors="replace") for path in self.log_files)

    def explanation(self) -> str:
        """Return in words why the job did not end well."""
        return self.failure.text() if self.failure else f"the job ended as {self.job['state']}"


def new_workspace(app: Path) -> Path:
    """Return a folder for a new run inside the app's folder; its name is the local time."""
    stem = time.strftime("%Y-%m-%dT%H-%M-%S")
    parent = app / WORKSPACES
    names = (stem if number == 1 else f"{stem}-{number}" for number in range(1, 1_000_000))
    return next(parent / name for name in names if not (parent / name).exists())


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
    _check_out(request.out)
    with _workspace(request.folder) as folder:
        options = SessionOptions(
            folder=folder,
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
            observer.announce(f"`dx build` will refuse this app: {finding.message}. {finding.hint}")
        if note := missing_assets(asset_names(app.spec, options.region), request.assets):
            observer.announce(note)
        async with Session(options, observer) as session:
            job_id = session.start(app, request.function, given or GivenInputs(values={}))
            await _until_final(session, job_id)
            return _result(session, job_id, request, app, samples_used=samples_used, began=began)


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
    nearest = next(place for place in (out, *out.parents) if place.exists())
    if not nearest.is_dir():
        raise UsageError(f"cannot write outputs to {str(out)!r}: {str(nearest)!r} is a file")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UsageError(f"cannot write outputs to {str(out)!r}: {str(nearest)!r} is not writable")


@contextmanager
def _workspace(folder: Path) -> Iterator[Path]:
    """Make the folder of a run; when the run cannot even begin, take away what was made for it.

    Raises UsageError when the folder holds a run already, or cannot be made.
    """
    if (folder / "platform.sqlite").exists():
        raise UsageError(f"{str(folder)!r} holds an earlier run", "Give another folder for this one.")
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        earlier = set(folder.iterdir())
    except OSError as error:
        raise UsageError(f"cannot keep a run in {str(folder)!r}: {error.strerror}") from None
    try:
        yield folder.resolve()
    except DxLocalError:
        for path in set(folder.iterdir()) - earlier:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        with suppress(OSError):  # another run may have moved in above
            for place in made:
                place.rmdir()
        raise


async def _until_final(session: Session, job_id: str) -> None:
    try:
        await session.driver.until_final(job_id)
    except asyncio.CancelledError:
        job_events.end(session.platform, job_id)
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(session.driver.until_final(job_id), _TERMINATION_SECONDS)
        raise


def _result(
    session: Session, job_id: str, request: RunRequest, app: App, *, samples_used: bool, began: float
) -> RunResult:
    store = session.platform.store
    row = store.get("job", job_id)
    assert row is not None
    all_jobs = store.all("SELECT id, function, try_number FROM job ORDER BY sequence")
    logs = [path for job in all_jobs for path in job_logs.log_paths(session.platform, job)]
    return RunResult(
        job=job_descriptions.describe_job(session.context, job_id, {}),
        output=save_output(session.platform, row, request.out) if row["state"] == "done" else {},
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
    from dx_local.engine.failure import explain

    report = explain(platform, job, request.app, app.warnings)
    shows_commands = request.xtrace or any(line.startswith("+") for line in report.log_tail)
    if report.source or shows_commands or (report.reason, app.spec.run_spec.interpreter) != _ENDED_BASH:
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
