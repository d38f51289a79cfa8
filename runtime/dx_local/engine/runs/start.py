"""Start the job of a run: install the app as an applet, make its input, and run one of its entry points."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dx_local.engine.apps import app_bundle
from dx_local.engine.runs import inputs
from dx_local.errors import UsageError
from dx_local.platform.core.errors import ApiError
from dx_local.platform.core.executable import executable_of
from dx_local.platform.execution import applets, job_creation

if TYPE_CHECKING:
    from dx_local.engine.runs.inputs import GivenInputs
    from dx_local.engine.session import Session
    from dx_local.platform.core.context import JSON, Context


def start_app(session: Session, app: app_bundle.App, function: str, given: GivenInputs) -> str:
    """Install an app and start its job; return the job's ID. Raises UsageError for unusable input."""
    context, project = session.context, session.project()
    with context.store.transaction():
        applet = app_bundle.install(context, app, project)
        job_input = inputs.make_input(context, project, app.spec, function, given)
        try:
            if function == "main":
                return _run_applet(context, applet, job_input, project)
            return _run_function(context, applet, function, job_input, project)
        except ApiError as error:
            raise UsageError(error.message, "Pass inputs as -iNAME=VALUE.") from None


def _run_applet(context: Context, applet: str, job_input: JSON, project: str) -> str:
    job: str = applets.run_applet(context, applet, {"input": job_input, "project": project})["id"]
    return job


def _run_function(context: Context, applet: str, function: str, job_input: JSON, project: str) -> str:
    """Start a job at another entry point than main, to which the applet's specs do not apply."""
    executable = replace(
        executable_of(context.store, applet, context.platform.region), input_spec=None, output_spec=None
    )
    request = job_creation.NewJob(
        executable=executable,
        function=function,
        run_input=job_input,
        original_input=job_input,
        project=project,
        folder="/",
        request={},
    )
    return job_creation.create(context, request)
