"""Any request to run an executable is carried out or rejected, and never causes an internal error."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.examples import share_of

from dx_local.platform.core import access
from dx_local.platform.core.context import Caller, Context
from dx_local.platform.core.errors import ApiError
from dx_local.platform.execution import applets, job_creation, job_descriptions

if TYPE_CHECKING:
    from collections.abc import Callable

RUN_SPEC = {"interpreter": "bash", "code": "main() { true; }"}

scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=5)
keys = st.sampled_from(["*", "main", "hours", "instanceType", "name", "class", "default", "choices", "int"])
values = st.recursive(
    scalars | keys,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
quickly = settings(
    max_examples=share_of(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

RUN_KEYS = (
    "input", "folder", "name", "tags", "properties", "details", "systemRequirements", "priority", "dependsOn",
    "systemRequirementsByExecutable", "timeoutPolicy", "timeoutPolicyByExecutable", "detach", "costLimit",
)  # fmt: skip
APPLET_KEYS = ("inputSpec", "outputSpec", "access", "name", "title", "tags", "details", "ignoreReuse")
RUN_SPEC_KEYS = (
    "systemRequirements",
    "timeoutPolicy",
    "execDepends",
    "bundledDepends",
    "code",
    "interpreter",
)


def run(context: Context, applet: str, request: dict[str, Any]) -> None:
    """Run an applet, and treat its job as the driver and clients do."""
    job = applets.run_applet(context, applet, request)["id"]
    job_descriptions.describe_job(context, job, {})
    access.level_on(Context(context.platform, Caller(context.caller.user, job)), str(request["project"]))


def new_applet(context: Context, project: str, **changes: Any) -> str:
    request = {"project": project, "dxapi": "1.0.0", "runSpec": RUN_SPEC, **changes}
    applet: str = applets.new_applet(context, "applet", request)["id"]
    return applet


def is_carried_out_or_refused(call: Callable[[], object]) -> None:
    with suppress(ApiError):
        call()


@pytest.mark.parametrize("key", RUN_KEYS)
def test_run(context: Context, project: str, key: str) -> None:
    applet = new_applet(context, project)

    @quickly
    @given(values)
    def any_value(value: Any) -> None:
        request = {"project": project, "input": {}, key: value}
        is_carried_out_or_refused(lambda: run(context, applet, request))

    any_value()


@pytest.mark.parametrize("key", [key for key in RUN_KEYS if key != "folder"])
def test_new_job(job_context: Context, key: str) -> None:
    @quickly
    @given(values)
    def any_value(value: Any) -> None:
        request = {"function": "part", "input": {}, key: value}
        is_carried_out_or_refused(lambda: job_creation.new(job_context, "job", request))

    any_value()


@pytest.mark.parametrize("key", [*APPLET_KEYS, *(f"runSpec.{key}" for key in RUN_SPEC_KEYS)])
def test_new_applet_that_is_run(context: Context, project: str, key: str) -> None:
    @quickly
    @given(values)
    def any_value(value: Any) -> None:
        _, _, inner = key.partition(".")
        changes = {"runSpec": {**RUN_SPEC, inner: value}} if inner else {key: value}

        def make_and_run() -> None:
            applet = new_applet(context, project, **changes)
            run(context, applet, {"project": project, "input": {}})

        is_carried_out_or_refused(make_and_run)

    any_value()
