"""Create, describe and run applets.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/applets-and-entry-points
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.classes import CLASSES, flatten, mismatch
from dx_app_wizard.dxapp.field_links import default_problem, field_links_in
from dx_app_wizard.dxapp.links import link_id, link_project, links_in, parse_reference
from dx_local.platform.core import access
from dx_local.platform.core.errors import InvalidInput, PermissionDenied
from dx_local.platform.core.executable import executable_of
from dx_local.platform.core.ids import class_of
from dx_local.platform.data import objects, project_settings, projects
from dx_local.platform.execution import job_creation, run_specs
from dx_local.platform.execution.input_values import InputValues
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Context
    from dx_local.platform.core.schema import CallingJob, ObjectRow

_PARAMETER_NAME = re.compile(r"[a-zA-Z_][0-9a-zA-Z_]*")
_TEXTS = ("title", "summary", "description", "developerNotes")
_PLATFORM_FIELDS = ("httpsApp", "treeTurnaroundTimeThreshold")  # described, but without effect here
_SPECS = ("inputSpec", "outputSpec")

# The fields that describe adds for an applet; undeclared specs are absent, not empty.
DEFAULT_FIELDS = frozenset((*_TEXTS, *_PLATFORM_FIELDS, *_SPECS, "dxapi", "access", "runSpec", "ignoreReuse"))


def new_applet(context: Context, class_name: str, request: JSON) -> JSON:
    """`/applet/new`: create a closed applet; unknown keys of the request are ignored."""
    region = projects.region_of(context.store, read.text(request, "project"))
    run_spec = run_specs.read_run_spec(request, region)
    for key in _SPECS:
        check_spec(key, request.get(key))
    fields: JSON = {key: read.optional_text(request, key) or "" for key in _TEXTS}
    fields |= {
        **{key: request[key] for key in _SPECS if request.get(key) is not None},
        **platform_fields(request),
        "dxapi": read.text(request, "dxapi"),
        "ignoreReuse": read.flag(request, "ignoreReuse"),
        "access": read_access(request),
        "runSpec": run_spec,
    }
    applet = objects.create(
        context,
        class_name,
        request,
        fields=fields,
        state="closed",
        links=run_specs.bundled_files(run_spec),
    )
    return {"id": applet}


def read_access(request: JSON, default: JSON | None = None) -> JSON:
    """Return the `access` in a request to create or update an executable. Raises InvalidInput."""
    access_request = (
        read.mapping(request, "access", {}) if request.get("access") is not None else default or {}
    )
    by_path = {f"access.{key}": value for key, value in access_request.items()}
    read.strings(by_path, "access.network", [])
    for key in ("project", "allProjects"):
        level = read.optional_text(by_path, f"access.{key}")
        if level not in (None, "NONE", *access.LEVELS):
            raise InvalidInput(
                f'"access.{key}" must be one of NONE, {", ".join(access.LEVELS)}, not "{level}"'
            )
    for key in ("developer", "projectCreation"):
        read.flag(by_path, f"access.{key}")
    return access_request


def platform_fields(request: JSON) -> JSON:
    """Return the fields of a request that are described, but have no effect here."""
    given: JSON = {"treeTurnaroundTimeThreshold": read.turnaround_threshold(request)}
    if request.get("httpsApp") is not None:
        given["httpsApp"] = read.mapping(request, "httpsApp")
    return {key: value for key, value in given.items() if value is not None}


def describe_fields(context: Context, row: ObjectRow, _request: JSON) -> JSON:
    """Return the fields that describe adds for an applet: its specifications without the code."""
    fields = row["fields"]
    region = _region_of(context, row)
    described = {key: fields[key] for key in DEFAULT_FIELDS if key in fields}
    return {"ignoreReuse": False, **described, "runSpec": run_specs.described({region: fields}, region)}


def get_applet(context: Context, applet_id: str, _request: JSON) -> JSON:
    """`/applet-xxxx/get`: return the whole applet, including its code."""
    row, placement = objects.get_visible(context, applet_id)
    region = _region_of(context, row)
    return {
        "id": applet_id,
        "project": placement["project"],
        "name": placement["name"],
        "types": row["types"],
        "tags": placement["tags"],
        "hidden": bool(row["hidden"]),
        **describe_fields(context, row, {}),
        "runSpec": run_specs.with_code({region: row["fields"]}, region),
    }


def run_applet(context: Context, applet_id: str, request: JSON) -> JSON:
    """`/applet-xxxx/run`: start a job at the entry point main.

    If a job calls this, the new job is its child, with a separate workspace, and its output is copied to
    the workspace of the caller. Raises InvalidInput for inputs that the input specification does not allow.
    """
    objects.get_visible(context, applet_id)
    return run(context, applet_id, request)


def run(context: Context, executable_id: str, request: JSON) -> JSON:
    """Start a job of an applet or app that the caller may run, as `/applet-xxxx/run` does."""
    parent = None if read.flag(request, "detach") else context.calling_job()
    project = destination_project(context, request, parent)
    project_settings.check_is_allowed(context, project, executable_id)
    region = projects.region_of(context.store, project)
    executable = executable_of(context.store, executable_id, region)
    run_input = read.mapping(request, "input")
    original_input = complete_input(context, executable.input_spec, run_input)
    check_objects(context, original_input)
    job_id = job_creation.create(
        context,
        job_creation.NewJob(
            executable=executable,
            function="main",
            run_input=run_input,
            original_input=original_input,
            project=project,
            folder=projects.normalize_folder(read.optional_text(request, "folder") or "/"),
            request=request,
            parent=parent,
        ),
    )
    return {"id": job_id}


def complete_input(context: Context, spec: list[JSON] | None, given: JSON) -> JSON:
    """Return an input with defaults and flattened arrays, checked against an input specification.

    Any input is valid if the specification is None. Raises InvalidInput, which lists all problems.
    """
    if spec is None:
        return {name: flatten(value) if isinstance(value, list) else value for name, value in given.items()}
    values = InputValues(context.store, spec, given)
    unknown = [name for name in given if name not in values.declared]
    problems = [f"{name!r} is not an input of this executable" for name in unknown]
    completed: JSON = {}
    for name, field in values.declared.items():
        value = values.get(name)
        if value is None:
            if not field.get("optional"):
                missing = f"missing required input {name!r} of class {field['class']}"
                problems.append(missing + values.why_missing(name))
            continue
        if isinstance(value, list):
            value = flatten(value)
        completed[name] = value
        if problem := _value_problem(field, value):
            problems.append(f"input {name!r}: {problem}")
    if problems:
        raise InvalidInput("; ".join(problems), {"problems": problems})
    return completed


def _value_problem(field: JSON, value: Any) -> str | None:
    return mismatch(field["class"], value) or _choice_problem(field, value)


def _choice_problem(field: JSON, value: Any) -> str | None:
    choices = field.get("choices")
    if not choices or value is None or field_links_in(value):
        return None
    values = value if isinstance(value, list) else [value]
    for item in values:
        if parse_reference(item) is None and not any(_same(item, choice) for choice in choices):
            return f"{item!r} is not one of the choices {choices!r}"
    return None


def _same(value: Any, choice: Any) -> bool:
    if isinstance(choice, dict) and "value" in choice:
        choice = choice["value"]
    identity = link_id(value)
    return identity == link_id(choice) if identity else bool(value == choice)


def check_objects(context: Context, values: JSON) -> None:
    """Raise an ApiError unless the caller may see all data objects in an input."""
    for entity in links_in(values):
        if class_of(entity) in objects.CLASSES:
            objects.get_visible(context, entity, _project_of(values, entity))


def _project_of(value: Any, entity: str) -> str | None:
    """Return the project in the first extended link to an entity, or None."""
    if link_id(value) == entity:
        return link_project(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for item in inner if (found := _project_of(item, entity))), None)


def destination_project(context: Context, request: JSON, parent: CallingJob | None) -> str:
    """Return the project of a run: the one in the request, or else that of the calling job.

    Raises InvalidInput if there is none, and PermissionDenied if the caller may not run anything in it.
    """
    project = read.optional_container(request) or (parent["project"] if parent else None)
    if project is None:
        raise InvalidInput("Expected key 'project' of the input to be a project ID")
    if parent is None:
        access.require(context, project, "CONTRIBUTE")
    elif project != parent["project"]:
        raise PermissionDenied("A job can run executables only in its own project, unless it detaches them")
    return project


def _region_of(context: Context, row: ObjectRow) -> str:
    """Return the region of the projects that contain an applet; it is the same for all of them."""
    region: str | None = context.store.value(
        "SELECT region FROM placement JOIN project ON project.id = placement.project"
        " WHERE placement.object = ? LIMIT 1",
        row["id"],
    )
    return region or context.platform.region


def check_spec(key: str, spec: Any) -> None:
    """Raise InvalidInput unless a specification of inputs or outputs is valid, or None."""
    if spec is None:
        return
    if not isinstance(spec, list) or not all(isinstance(field, dict) for field in spec):
        raise InvalidInput(f"Expected key {key!r} of the input to be an array of hashes")
    seen: set[str] = set()
    for position, field in enumerate(spec):
        where = f"{key}[{position}]"
        name, class_name = field.get("name"), field.get("class")
        if not isinstance(name, str) or not _PARAMETER_NAME.fullmatch(name):
            raise InvalidInput(f"{where}.name: {name!r} does not match {_PARAMETER_NAME.pattern}")
        if name in seen:
            raise InvalidInput(f"{where}.name: {name!r} is declared twice")
        seen.add(name)
        if class_name not in CLASSES:
            raise InvalidInput(f"{where}.class: {class_name!r} is not a valid class")
        if problem := default_problem(spec, field) or _choice_problem(field, field.get("default")):
            raise InvalidInput(f"{where}.default: {problem}")


def _sample(context: Context, request: JSON) -> str:
    run_spec = {"interpreter": "bash", "code": "main() { true; }\n"}
    applet: str = new_applet(context, "applet", {**request, "dxapi": "1.0.0", "runSpec": run_spec})["id"]
    return applet


objects.SAMPLES["applet"] = _sample
objects.DESCRIBERS["applet"] = describe_fields
objects.DEFAULT_FIELDS["applet"] = DEFAULT_FIELDS
