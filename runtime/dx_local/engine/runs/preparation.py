"""Prepare a run: check the app and the options before anything is written or started."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from dx_app_wizard.dxapp.instances import known_regions, list_regions, region_problem
from dx_app_wizard.lint.source.app_folder import AppFolder
from dx_local.engine.apps.app_bundle import App, load_app
from dx_local.engine.apps.applet_request import run_spec_of_region
from dx_local.engine.apps.assets import check_assets, missing_resources, resolve_assets
from dx_local.engine.apps.usable_types import with_usable_types
from dx_local.engine.executors.terminal.presence import has_terminal
from dx_local.engine.mapped_objects.known_assets import known_assets
from dx_local.engine.mapped_objects.project_file import local_data
from dx_local.engine.runs.function_arguments import check_arguments
from dx_local.engine.runs.inputs import SAMPLES, GivenInputs, samples_of
from dx_local.engine.runs.outputs import check_out
from dx_local.engine.settings import JobSettings
from dx_local.errors import UsageError
from dx_local.platform.core.context import DEFAULT_REGION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dx_local.engine.mapped_objects.mapping import MappedObject
    from dx_local.engine.resume.recorded_jobs import RecordedJob


@dataclass(frozen=True)
class ResumedRun:
    """The folder of an earlier run; `reruns_network` is true to run jobs again that ask for network."""

    folder: Path
    reruns_network: bool = False


@dataclass(frozen=True)
class RunRequest:
    """An app to run, its input and the options of the run.

    Everything that the run writes goes to `folder`, by default a new one in the app's folder; its output
    files go to `out`, by default the folder `out` in there. The report names `command`, the command line.
    """

    app: Path
    given: GivenInputs | None = None
    function: str = "main"
    settings: JobSettings = field(default_factory=lambda: JobSettings.from_options({}))
    folder: Path | None = None
    out: Path | None = None
    region: str | None = None
    assets: tuple[Path, ...] = ()
    resumes: ResumedRun | None = None
    """An earlier run whose done jobs are taken over."""
    is_kept: bool = True
    """False if nobody will resume the run: a power cut may destroy it, and nothing waits for the disk."""
    repeats: RecordedJob | None = None
    """A job of a kept run to run again, instead of `function` with `given`."""
    command: tuple[str, ...] | None = None


@dataclass(frozen=True)
class PreparedRun:
    """A checked request, with its app and the input to use."""

    request: RunRequest
    app: App
    region: str
    given: GivenInputs
    samples_used: bool
    objects: tuple[MappedObject, ...] = ()
    other_apps: tuple[App, ...] = ()
    missing_parts: tuple[str, ...] = ()
    """Notes on parts of the app that are not on this machine."""
    began: float = field(default_factory=time.monotonic)

    def notes(self) -> Iterator[str]:
        """Yield messages for the user: samples in use, errors for `dx build`, missing or replaced parts."""
        if self.request.settings.debug_on and not has_terminal():
            yield "Jobs that fail do not stop in a debugger: there is no terminal."
        if server := self.request.settings.debugpy:
            yield f"The job to debug has the network of this machine, and waits at port {server.port}."
        if self.samples_used:
            yield f"No input given: running on the samples in {self.request.app / SAMPLES}."
        for finding in self.app.build_errors:
            hint = f" {finding.hint}" if finding.hint else ""
            yield f"`dx build` will reject this app: {finding.message}.{hint}"
        spec = self.app.spec.to_dict()
        yield from self.missing_parts
        yield from with_usable_types(run_spec_of_region(spec, self.region), self.region)[1]


def prepare(request: RunRequest) -> PreparedRun:
    """Return the run that a request describes. Raises DxLocalError if the app or an option is unusable."""
    began = time.monotonic()
    check_assets(request.assets)
    app = load_app(request.app)
    source = AppFolder(app.folder, app.spec.to_dict())
    if request.repeats is None or request.repeats.applet is None:
        _check_function(source, request.function)
    if request.region and (problem := region_problem(request.region)):
        raise UsageError(problem, f"Regions are {list_regions(known_regions())}.")
    if request.settings.debugpy and app.spec.to_dict()["runSpec"]["interpreter"] == "bash":
        raise UsageError(
            "debugpy does not debug bash", "Use --debug, which stops at a prompt where bash fails."
        )
    given = request.given
    # The samples are those of the app's inputSpec.
    if given is None and request.function == "main" and request.repeats is None:
        given = samples_of(request.app)
    if request.function != "main" and request.repeats is None:
        check_arguments(source, request.function, (given or GivenInputs({})).names)
    if request.out:
        check_out(request.out)
    local = local_data(request.settings, request.app)
    region = request.region or _default_region(app)
    spec = app.spec.to_dict()
    # A job that runs again gets the assets of its first run, in their order.
    known = {} if request.repeats else known_assets(request.app)
    assets = resolve_assets(run_spec_of_region(spec, region), request.assets, known)
    missing = (assets.note(), missing_resources(spec, region, {mapped.id for mapped in local.objects}))
    return PreparedRun(
        request=request,
        app=replace(
            app,
            assets=assets.paths,
            objects=tuple(f"{mapped.key}={mapped.path.resolve()}" for mapped in local.objects),
            others=tuple(str(other.resolve()) for other in local.apps),
        ),
        region=region,
        given=given or GivenInputs(values={}),
        samples_used=request.given is None and given is not None and bool(given.values),
        objects=local.objects,
        other_apps=tuple(map(load_app, local.apps)),
        missing_parts=tuple(filter(None, missing)),
        began=began,
    )


def _check_function(source: AppFolder, function: str) -> None:
    """Raise UsageError for an entry point, other than main, that the app's source does not define."""
    known = None if function == "main" else source.entry_points
    if known and function not in known:
        near = get_close_matches(function, known, n=1)
        has = f"It has {', '.join(known)}."
        raise UsageError(
            f"the app has no entry point {function!r}", f"Did you mean {near[0]!r}? {has}" if near else has
        )


def _default_region(app: App) -> str:
    """Return the usual region, or the first one of an app that supports only others."""
    regions = app.spec.to_dict().get("regionalOptions")
    if not isinstance(regions, dict) or not regions or DEFAULT_REGION in regions:
        return DEFAULT_REGION
    return str(next(iter(regions)))
