"""The stages of a workflow: their executables and default inputs, as stored and as described.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/workflows-and-analyses
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.classes import mismatch
from dx_app_wizard.dxapp.field_links import field_links_in
from dx_local.platform.core import access, executable
from dx_local.platform.core.errors import ApiError, InvalidInput, InvalidType
from dx_local.platform.core.ids import class_of, new_id
from dx_local.platform.data import objects
from dx_local.platform.execution import app_names, requirements
from dx_local.platform.lifecycle import restarts
from dx_local.platform.requests import request_fields as read
from dx_local.platform.requests.folder_paths import normalize_folder

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Context
    from dx_local.platform.core.executable import Executable

_STAGE_ID = re.compile(r"([a-zA-Z_]|stage-)[0-9a-zA-Z_]*")
_FAILURE_POLICIES = ("failStage", "failAllStages")


def new_stage(context: Context, request: JSON, others: list[JSON]) -> JSON:
    """Return a new stage with the settings of a request and an ID that no other stage has.

    Raises InvalidInput, and ResourceNotFound if the caller cannot see the executable.
    """
    stage_id = read.optional_text(request, "id") or new_id("stage")
    if not _STAGE_ID.fullmatch(stage_id):
        raise InvalidInput(f'the stage ID "{stage_id}" does not match {_STAGE_ID.pattern}')
    if any(stage["id"] == stage_id for stage in others):
        raise InvalidInput(f'the stage "{stage_id}" already exists; stage IDs must be unique in a workflow')
    empty: JSON = {
        "id": stage_id,
        "executable": read.text(request, "executable"),
        "name": None,
        "folder": None,
        "input": {},
        "executionPolicy": {},
        "systemRequirements": {},
    }
    executable_of(context, empty["executable"])
    return updated_stage(context, empty, request)


def updated_stage(context: Context, stage: JSON, changes: JSON) -> JSON:
    """Return a stage with the changes of a request; null removes an input."""
    changed = dict(stage)
    if "name" in changes:
        changed["name"] = read.optional_text(changes, "name")
    if "folder" in changes:
        changed["folder"] = check_folder(read.optional_text(changes, "folder"))
    if changes.get("input") is not None:
        merged = {**stage["input"], **read.mapping(changes, "input")}
        changed["input"] = {name: value for name, value in merged.items() if value is not None}
        _check_input(stage["id"], executable_of(context, stage["executable"]), changed["input"])
    if changes.get("executionPolicy") is not None:
        changed["executionPolicy"] = _policy(read.mapping(changes, "executionPolicy"))
    if changes.get("systemRequirements") is not None:
        changed["systemRequirements"] = requirements.check_requested(changes)
        requirements.check_known(changed["systemRequirements"])
    return changed


def check_folder(folder: str | None) -> str | None:
    """Return a normalized output folder, absolute or relative to the workflow's. Raises InvalidInput."""
    if folder is None or folder.startswith("/"):
        return None if folder is None else normalize_folder(folder)
    return normalize_folder(f"/{folder}")[1:]


def position_of(stages: list[JSON], stage_id: str) -> int:
    """Return the position of a stage. Raises InvalidInput if no stage has this ID."""
    for position, stage in enumerate(stages):
        if stage["id"] == stage_id:
            return position
    known = ", ".join(f'"{stage["id"]}"' for stage in stages) or "none"
    raise InvalidInput(f'the workflow has no stage "{stage_id}"; its stages: {known}')


def executable_of(context: Context, executable_id: str, region: str | None = None) -> Executable:
    """Return the executable of a stage in a region, by default that of the platform.

    Raises ResourceNotFound, and InvalidType if it is neither an applet nor an app.
    """
    class_name = class_of(executable_id)
    if class_name not in ("app", "applet"):
        raise InvalidType(f"a stage runs an applet or an app; {executable_id} is a {class_name}")
    if class_name == "applet":
        objects.get_visible(context, executable_id)
    else:
        app = app_names.visible(context, executable_id)
        if app["deleted"]:
            raise access.not_found(executable_id)
        executable_id = app["id"]
    return executable.executable_of(context.store, executable_id, region or context.platform.region)


def accessible_executable(context: Context, stage: JSON) -> Executable | None:
    """Return the executable of a stage, or None if the caller cannot see it (any more)."""
    try:
        return executable_of(context, stage["executable"])
    except ApiError:
        return None


def described(context: Context, stages: list[JSON]) -> list[JSON]:
    """Return the stages as `/workflow-xxxx/describe` returns them."""
    return [{**stage, "accessible": accessible_executable(context, stage) is not None} for stage in stages]


def input_spec(context: Context, stages: list[JSON]) -> list[JSON] | None:
    """Return all inputs as `STAGE.FIELD`, bound values as defaults; None if an executable is inaccessible."""
    found: list[JSON] = []
    for stage in stages:
        executable = accessible_executable(context, stage)
        if executable is None:
            return None
        for field in executable.input_spec or []:
            bound = stage["input"].get(field["name"])
            default = {} if bound is None else {"default": bound}
            found.append({**field, "name": f"{stage['id']}.{field['name']}", **default})
    return found


def output_spec(context: Context, stages: list[JSON]) -> list[JSON] | None:
    """Return all outputs of all stages as `STAGE.FIELD`; None if an executable is inaccessible."""
    found: list[JSON] = []
    for stage in stages:
        executable = accessible_executable(context, stage)
        if executable is None:
            return None
        found += [
            {**field, "name": f"{stage['id']}.{field['name']}"} for field in executable.output_spec or []
        ]
    return found


def incompatibilities(context: Context, stage: JSON, new: Executable) -> list[str]:
    """Return the reasons why an executable cannot replace that of a stage; empty if it can."""
    old = accessible_executable(context, stage)
    if old is None:
        return [f"The present executable, {stage['executable']}, is not accessible"]
    old_inputs, new_inputs = _by_name(old.input_spec), _by_name(new.input_spec)
    problems = _differences("input", old_inputs, new_inputs)
    problems += [
        f'The input "{name}" is required by the new executable only'
        for name, field in new_inputs.items()
        if name not in old_inputs and not field.get("optional") and "default" not in field
    ]
    return problems + _differences("output", _by_name(old.output_spec), _by_name(new.output_spec))


def _differences(kind: str, old: dict[str, JSON], new: dict[str, JSON]) -> list[str]:
    problems = []
    for name, field in old.items():
        if name not in new:
            problems.append(f'The {kind} "{name}" is missing in the new executable')
        elif new[name]["class"] != field["class"]:
            problems.append(f'The {kind} "{name}" changes from {field["class"]} to {new[name]["class"]}')
    return problems


def _by_name(spec: list[JSON] | None) -> dict[str, JSON]:
    return {field["name"]: field for field in spec or []}


def _check_input(stage_id: str, executable: Executable, bound: JSON) -> None:
    """Raise InvalidInput unless each bound value is valid; links within the workflow always are."""
    if executable.input_spec is None:
        return
    declared = _by_name(executable.input_spec)
    problems = [
        f"{stage_id}.{name}: {problem}"
        for name, value in bound.items()
        if (problem := _input_problem(declared.get(name), value))
    ]
    if problems:
        raise InvalidInput("; ".join(problems), {"problems": problems})


def _input_problem(field: JSON | None, value: Any) -> str | None:
    if field is None:
        return "is not an input of the stage's executable"
    return None if field_links_in(value) else mismatch(field["class"], value)


def _policy(policy: JSON) -> JSON:
    chosen = policy.get("onNonRestartableFailure", _FAILURE_POLICIES[0])
    if chosen not in _FAILURE_POLICIES:
        expected = " or ".join(f'"{name}"' for name in _FAILURE_POLICIES)
        raise InvalidInput(f'"executionPolicy.onNonRestartableFailure" must be {expected}')
    restarts.check_policy(policy)
    return policy
