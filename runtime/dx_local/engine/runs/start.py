"""Start the job of a run: install the app as an applet, make its input, and run one of its entry points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.engine.apps import app_bundle
from dx_local.engine.runs import inputs
from dx_local.errors import UsageError
from dx_local.platform.core.errors import ApiError
from dx_local.platform.execution import applets, job_creation

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.engine.resume.recorded_jobs import RecordedJob
    from dx_local.engine.runs.inputs import GivenInputs
    from dx_local.engine.session import Session
    from dx_local.platform.core.context import JSON, Context


def start_app(
    session: Session, app: app_bundle.App, function: str, given: GivenInputs, resumes: str | None = None
) -> str:
    """Install an app and start its job; return the job's ID. Raises UsageError for unusable input.

    `resumes` is the name of the run whose jobs may be taken over, if there is one.
    """
    context, project = session.context, session.project()
    with context.store.transaction():
        applet = app_bundle.install(context, app, project)
        job_input = inputs.make_input(context, project, app.spec, function, given)
        try:
            if function == "main":
                job = _run_applet(context, applet, job_input, project)
            else:
                job = job_creation.create_at_entry_point(context, applet, function, job_input, project)
        except ApiError as error:
            details = error.details if isinstance(error.details, dict) else {}
            problems = details.get("problems", [error.message])
            raise UsageError(error.message, given.hint(problems)) from None
        if resumes:
            requested = context.store.value("SELECT requested FROM job WHERE id = ?", job)
            context.store.update("job", job, requested={**requested, "resumes": resumes})
        return job


def start_again(
    session: Session, app: app_bundle.App, recorded: RecordedJob, announce: Callable[[str], None]
) -> str:
    """Install an app and start a job of a kept run in it; return the job's ID. Raises UsageError."""
    from dx_local.engine.resume import recorded_jobs

    context, project = session.context, session.project()
    with context.store.transaction():
        applet = app_bundle.install(context, app, project)
        return recorded_jobs.start(context, recorded, applet, project, announce)


def _run_applet(context: Context, applet: str, job_input: JSON, project: str) -> str:
    job: str = applets.run_applet(context, applet, {"input": job_input, "project": project})["id"]
    return job
