"""One job of a kept run, to be run again with its recorded input: as it was, but with today's code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.dxapp.links import links_in, references_in
from dx_local.engine.resume.carried_objects import Carrier, ids_in
from dx_local.engine.run_folder import reading
from dx_local.errors import UsageError
from dx_local.platform.core.errors import ApiError
from dx_local.platform.core.ids import class_of
from dx_local.platform.execution import applets, job_creation
from dx_local.platform.lifecycle import outputs, workspaces
from dx_local.platform.lifecycle.references import Resolver, UnresolvableReference

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.platform.core.context import JSON, Context, Platform
    from dx_local.platform.core.schema import JobRow
    from dx_local.platform.core.store import Store


@dataclass(frozen=True)
class RecordedJob:
    """A job of the run in `folder`, with its input and the circumstances in which it ran.

    `path` has its labels. `applet` is None for a job of the app itself, which is run with the app's present
    code; other applets, which jobs of the run created or got, are taken from the run.
    """

    folder: Path
    id: str
    path: str
    function: str
    values: JSON
    workspace: str
    region: str
    assets: tuple[Path, ...]
    objects: tuple[str, ...] = ()
    apps: tuple[str, ...] = ()
    applet: str | None = None

    def origin(self) -> JSON:
        """Return the description of this job that the new one keeps."""
        return {"run": self.folder.name, "job": self.id, "path": self.path}


def recorded_job(platform: Platform, job_id: str, path: str) -> RecordedJob:
    """Read a job of a kept run. Raises UsageError for one that cannot be run alone."""
    store = platform.store
    job = store.get("job", job_id, without="output")
    assert job is not None
    kind = class_of(job["executable"])
    if class_of(job_id) == "analysis":
        raise UsageError(f"{path} is an analysis, whose stages are jobs", "Name one of the jobs below it.")
    if kind != "applet":
        raise UsageError(
            f"{path} runs the app {job['executable_name']}, which is not in the app's folder",
            "Name the job that started it, or run that app from its own folder.",
        )
    root = store.value("SELECT executable FROM job ORDER BY sequence LIMIT 1")
    applet = store.get("object", job["executable"])
    local = (applet["fields"].get("local") if applet else None) or {}
    return RecordedJob(
        folder=platform.folder.resolve(),
        id=job_id,
        path=path,
        function=job["function"],
        values=_input_of(store, job, path),
        workspace=job["workspace"],
        region=job["region"],
        assets=tuple(Path(asset) for asset in local.get("assets") or ()),
        objects=tuple(local.get("objects") or ()),
        apps=tuple(local.get("apps") or ()),
        applet=None if job["executable"] == root else job["executable"],
    )


def start(
    context: Context, recorded: RecordedJob, applet: str, project: str, announce: Callable[[str], None]
) -> str:
    """Start a recorded job on another platform, where `applet` has the app's present code; return its ID.

    Call it in a transaction. Raises UsageError if an object in the input is not available any more, or if
    today's input specification does not allow the input.
    """
    values = workspaces.plain_links(recorded.values)
    _carry_objects(context, recorded, values, project, announce)
    if recorded.applet is not None:
        announce(f"{recorded.path} runs an applet that is not the app's own: its code is that of the run.")
        applet = recorded.applet
    try:
        if recorded.function == "main":
            job = str(applets.run_applet(context, applet, {"input": values, "project": project})["id"])
        else:
            job = job_creation.create_at_entry_point(context, applet, recorded.function, values, project)
    except ApiError as error:
        raise UsageError(
            f"the recorded input of {recorded.path} is not valid any more: {error.message}",
            "The app's inputSpec has changed since the run; start it again with `dx-local run`.",
        ) from None
    requested = context.store.value("SELECT requested FROM job WHERE id = ?", job)
    context.store.update("job", job, requested={**requested, "repeats": recorded.origin()})
    return job


def _carry_objects(
    context: Context, recorded: RecordedJob, values: JSON, project: str, announce: Callable[[str], None]
) -> None:
    """Carry the objects in an input over from the kept run to a project."""

    def on_change(name: str) -> None:
        announce(f"Input file {name!r} has changed since the run; the job gets it as it is now.")

    wanted = ids_in(values) + ([recorded.applet] if recorded.applet else [])
    with reading(recorded.folder) as source:
        Carrier(source, context.platform, on_change).carry(wanted, project, prefer=recorded.workspace)
    for entity in links_in(values):
        if not context.store.exists("SELECT 1 FROM object WHERE id = ?", entity):
            raise UsageError(
                f"the input of {recorded.path} refers to {entity}, which dx-local cannot provide to one job",
                "Run the app again: dx-local run",
            )


def _input_of(store: Store, job: JobRow, path: str) -> JSON:
    """Return the input of a job with all references replaced. Raises UsageError if one has no value."""
    if job["input"] is not None:
        return job["input"]
    resolver = Resolver(
        lambda job_id: outputs.output_if_done(store, job_id),
        lambda entity, key: outputs.object_metadata(store, entity, key),
    )
    try:
        values = resolver.resolve(job["original_input"])
    except UnresolvableReference as error:
        raise UsageError(
            f"{path} never got its input: {error}", "Run the job again that should have put it out."
        ) from None
    if waits_for := next(iter(references_in(values)), None):
        raise UsageError(
            f"{path} never got its input: {waits_for.execution} had not put out {waits_for.field!r}",
            "Run the job again that puts it out.",
        )
    return values
