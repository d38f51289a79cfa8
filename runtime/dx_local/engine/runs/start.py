"""Start the job of a run: install the app as an applet, make its input, and run one of its entry points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.engine.apps import app_bundle
from dx_local.engine.apps.assets import resources_of
from dx_local.engine.runs import inputs
from dx_local.engine.runs.missing_objects import missing_object
from dx_local.errors import UsageError
from dx_local.platform.core.errors import ApiError
from dx_local.platform.execution import app_containers, applets, job_creation

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.engine.resume.recorded_jobs import RecordedJob
    from dx_local.engine.runs.inputs import GivenInputs
    from dx_local.engine.runs.preparation import PreparedRun
    from dx_local.engine.session import Session
    from dx_local.platform.core.context import JSON, Context


def start_app(session: Session, run: PreparedRun, given: GivenInputs) -> str:
    """Install the app of a run and start its job; return the job's ID.

    Raises UsageError for unusable input, and for an instance type that is larger than any node.
    """
    context, project, function = session.context, session.project(), run.request.function
    with context.store.transaction():
        applet = _install(context, run, project)
        job_input = inputs.make_input(context, project, run.app.spec, function, given)
        try:
            if function == "main":
                job = _run_applet(context, applet, job_input, project)
            else:
                job = job_creation.create_at_entry_point(context, applet, function, job_input, project)
        except ApiError as error:
            if missing := missing_object(context.store, run.app.spec, job_input):
                raise missing from None
            details = error.details if isinstance(error.details, dict) else {}
            problems = details.get("problems", [error.message])
            raise UsageError(error.message, given.hint(problems)) from None
        session.driver.check(job)
        if resumes := run.request.resumes:
            requested = context.store.value("SELECT requested FROM job WHERE id = ?", job)
            context.store.update("job", job, requested={**requested, "resumes": resumes.folder.name})
        return job


def start_again(
    session: Session, run: PreparedRun, recorded: RecordedJob, announce: Callable[[str], None]
) -> str:
    """Install the app of a run and start a job of a kept run in it; return the job's ID.

    Raises UsageError for input that cannot be used again, and for an instance type larger than any node.
    """
    from dx_local.engine.resume import recorded_jobs

    context, project = session.context, session.project()
    with context.store.transaction():
        applet = _install(context, run, project)
        job = recorded_jobs.start(context, recorded, applet, project, announce)
        session.driver.check(job)
        return job


def _install(context: Context, run: PreparedRun, project: str) -> str:
    """Install the app of a run, its mapped objects and its other apps; return the applet's ID."""
    if run.objects:
        from dx_local.engine.mapped_objects.installing import install_objects

        install_objects(context, project, run.objects)
    for other in run.other_apps:
        app_bundle.install(context, other, project)
    applet = app_bundle.install(context, run.app, project)
    resources = resources_of(run.app.spec.to_dict(), run.region)
    if resources and {mapped.id for mapped in run.objects}.issuperset(resources):
        app_containers.create_resources_of_applet(context, applet, run.region, resources)
    return applet


def _run_applet(context: Context, applet: str, job_input: JSON, project: str) -> str:
    job: str = applets.run_applet(context, applet, {"input": job_input, "project": project})["id"]
    return job
