"""Making jobs: from what a run request, or a job that makes a subjob, asks for.

Source: https://documentation.dnanexus.com/developer/api/running-analyses
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.classes import flatten
from dx_app_wizard.dxapp.instances import default_instance_type
from dx_local.platform.core import access
from dx_local.platform.core.errors import InvalidInput, InvalidState, PermissionDenied
from dx_local.platform.core.executable import executable_of
from dx_local.platform.core.ids import EXECUTIONS, class_of, new_id
from dx_local.platform.core.states import FINAL, State
from dx_local.platform.data import projects
from dx_local.platform.execution import app_containers, requirements
from dx_local.platform.lifecycle import lifecycle, restarts, reuse
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.platform.core.context import JSON, Context
    from dx_local.platform.core.executable import Executable
    from dx_local.platform.core.store import Row

# Fields of a run request that are only described, and how each is read.
ECHOED: dict[str, Callable[[JSON, str], Any]] = {
    "allowSSH": read.strings,
    "costLimit": read.number,
    "debug": read.mapping,
    "delayWorkspaceDestruction": read.flag,
    "detailedJobMetrics": read.flag,
    "ignoreReuse": read.flag,
    "rank": read.integer,
    "singleContext": read.flag,
}
_ENDING = frozenset({State.RESTARTABLE, State.TERMINATING, *FINAL})
_PRIORITIES = ("low", "normal", "high")


@dataclass(frozen=True)
class Request:
    """A job to be made: what runs, where its output goes, and the request of the API that asked for it.

    The parent of a `stage` is its analysis, which is no job; it begins a tree of its own.
    """

    executable: Executable
    function: str
    run_input: JSON
    original_input: JSON
    project: str
    folder: str
    asked: JSON
    parent: Row | None = None
    shares_workspace: bool = False
    stage: str | None = None
    id: str = field(default_factory=lambda: new_id("job"))


def create(context: Context, request: Request) -> str:
    """Make a job and let its life begin; return its ID.

    Raises InvalidInput, ResourceNotFound, or InvalidState when the job that asks for it is about to end.
    """
    check_goes_on(request.parent)
    job_id = request.id
    now = context.now()
    parent = request.parent
    tree = None if request.stage else parent
    asked = request.asked
    executable = request.executable
    on = depends_on(context, asked)
    wishes = _wishes(request)
    region = projects.region_of(context.store, request.project)
    requirements.check_known_in_run(asked, region)
    context.store.insert(
        "job",
        id=job_id,
        name=_name(request),
        state=State.IDLE.value,
        function=request.function,
        executable=executable.id,
        executable_name=executable.name,
        parent=parent["id"] if parent else None,
        origin=tree["origin"] if tree else job_id,
        root=parent["root"] if parent else job_id,
        user=context.caller.user,
        project=request.project,
        folder=request.folder,
        workspace=_workspace(context, request, job_id, now),
        region=region,
        priority=priority(asked) or (parent["priority"] if parent else "normal"),
        created=now,
        modified=now,
        run_input=request.run_input,
        original_input=request.original_input,
        output_spec=None if request.shares_workspace else executable.output_spec,
        depends_on=on,
        tags=read.strings(given(asked, "tags"), "tags", []),
        properties=read.properties(given(asked, "properties")),
        details=read.mapping(given(asked, "details"), "details", {}),
        system_requirements=wishes.system_requirements(),
        instance_type=wishes.instance_type(request.function) or default_instance_type(region),
        timeout=wishes.timeout(request.function),
        transitions=[],
        requested=_requested(context, request, wishes),
        parent_try=parent["try_number"] if parent else None,
        analysis=parent["id"] if parent and request.stage else parent["analysis"] if parent else None,
        stage=request.stage or (parent["stage"] if parent else None),
    )
    if class_of(executable.id) == "app":
        app_containers.ensure_project_cache(context, executable.id, request.project)
    context.platform.publish(lifecycle.added(context.store, job_id, now))
    return job_id


def new(context: Context, _class: str, request: JSON) -> JSON:
    """`/job/new`: start a subjob of the calling job, in its workspace, at another entry point."""
    parent = context.calling_job()
    if parent is None:
        raise PermissionDenied("Only a job may make a subjob; run an applet or app instead")
    function = request.get("function")
    if not isinstance(function, str) or not function:
        raise InvalidInput("Expected key 'function' of the input to be a nonempty string")
    job_input = request.get("input", {})
    if not isinstance(job_input, dict):
        raise InvalidInput("Expected key 'input' of the input to be a hash")
    job_input = {key: _flat(value) for key, value in job_input.items()}
    job_id = create(
        context,
        Request(
            executable=executable_of(context.store, parent["executable"], parent["region"]),
            function=function,
            run_input=job_input,
            original_input=job_input,
            project=parent["project"],
            folder=parent["folder"],
            asked=request,
            parent=parent,
            shares_workspace=True,
        ),
    )
    return {"id": job_id}


def check_goes_on(parent: Row | None) -> None:
    """Raise InvalidState if a job that starts another execution has failed or is being ended meanwhile."""
    if parent and parent["state"] in _ENDING:
        raise InvalidState(f"{parent['id']} is {parent['state']}, and can start nothing any more")


def given(asked: JSON, name: str) -> JSON:
    """Return the part of a request that holds this key, nothing where that is null."""
    return {name: asked[name]} if asked.get(name) is not None else {}


def priority(asked: JSON) -> str | None:
    """Return the priority that a run request asks for, or None. Raises InvalidInput."""
    asked_for = read.optional_text(asked, "priority")
    if asked_for not in (None, *_PRIORITIES):
        raise InvalidInput(f'"priority" must be one of {", ".join(_PRIORITIES)}, not "{asked_for}"')
    return asked_for


def _flat(value: Any) -> Any:
    return flatten(value) if isinstance(value, list) else value


def _name(request: Request) -> str:
    name = read.optional_text(request.asked, "name")
    if name:
        return name
    if request.shares_workspace and request.parent:
        return f"{request.parent['name']}:{request.function}"
    return request.executable.title or request.executable.name


def _workspace(context: Context, request: Request, job_id: str, now: int) -> str:
    if request.shares_workspace and request.parent:
        workspace: str = request.parent["workspace"]
        return workspace
    return projects.new_container(
        context.store,
        owner=job_id,
        parent=request.project,
        region=projects.region_of(context.store, request.project),
        now=now,
    )


def depends_on(context: Context, asked: JSON) -> list[str]:
    """Return the executions and data objects that a run request waits for.

    Raises InvalidInput, and ResourceNotFound for one that does not exist.
    """
    waits_for = asked.get("dependsOn") or []
    if not isinstance(waits_for, list):
        raise InvalidInput("Expected key 'dependsOn' of the input to be an array")
    for entity in waits_for:
        table = "job" if class_of(str(entity)) in EXECUTIONS else "object"
        if not isinstance(entity, str) or context.store.get(table, entity) is None:
            raise access.not_found(str(entity))
    return waits_for


def detached_from(context: Context, parent: Row | None) -> JSON:
    """Return the fields of a description that name the job which started an execution detached from it."""
    caller = context.calling_job() if parent is None else None
    return {"detachedFrom": caller["id"], "detachedFromTry": caller["try_number"]} if caller else {}


def _wishes(request: Request) -> requirements.Wishes:
    return requirements.Wishes.of(
        request.executable.run_spec,
        request.executable.id,
        request.asked,
        parent=request.parent["requested"] if request.parent else {},
        is_subjob=request.shares_workspace,
    )


def _requested(context: Context, request: Request, wishes: requirements.Wishes) -> JSON:
    spec = None if request.shares_workspace else request.executable.input_spec
    run_spec = request.executable.run_spec
    inherited = request.parent["requested"] if request.parent and request.shares_workspace else {}
    asked = request.asked
    echo = {name: reader(asked, name) for name, reader in ECHOED.items() if asked.get(name) is not None}
    echo |= detached_from(context, request.parent)
    optional = [entry["name"] for entry in spec or [] if entry.get("optional") or "default" in entry]
    return {
        "access": inherited.get("access", request.executable.access),
        "inputSpec": spec,
        "optionalInputs": optional,
        "headJobOnDemand": read.flag(asked, "headJobOnDemand", default=bool(run_spec.get("headJobOnDemand"))),
        "treeTurnaroundTimeThreshold": request.executable.turnaround_threshold,
        "systemRequirements": asked.get("systemRequirements") or {},
        "systemRequirementsByExecutable": asked.get("systemRequirementsByExecutable") or {},
        "reuses": context.platform.reuses and reuse.is_wanted(request.executable, asked),
        **wishes.to_hand_down(),
        "executionPolicy": _execution_policy(request),
        "preserveJobOutputs": preserved_outputs(context, asked, request.parent, request.folder),
        "restartableEntryPoints": run_spec.get("restartableEntryPoints"),
        "echo": echo,
    }


def preserved_outputs(context: Context, asked: JSON, parent: Row | None, own_folder: str) -> JSON | None:
    """Return where outputs of jobs are preserved, as the root execution asks; None if it does not.

    `own_folder` is where the outputs of the execution go that asks. Raises InvalidInput.
    """
    above: JSON | None = parent["requested"].get("preserveJobOutputs") if parent else None
    value = asked.get("preserveJobOutputs")
    if above or value in (None, False):
        return above
    given = {} if value is True else read.mapping(asked, "preserveJobOutputs")
    folder = read.text(given, "folder", "intermediateJobOutputs")
    if not folder.startswith("/"):
        root = context.store.get("job", parent["root"]) if parent else None
        folder = f"{root['folder'] if root else own_folder}/{folder}"
    return {"folder": projects.normalize_folder(folder)}


def _execution_policy(request: Request) -> JSON:
    """Return when a job is tried again: as the run says, else its executable; a subjob is as its master."""
    above = request.parent["requested"].get("executionPolicy") or {} if request.parent else {}
    if request.shares_workspace:
        return above
    run_spec = request.executable.run_spec
    asked = read.mapping(given(request.asked, "executionPolicy"), "executionPolicy", {})
    restarts.check_policy(asked)
    policy = {**read.mapping(run_spec, "executionPolicy", {}), **asked}
    if run_spec.get("inheritParentRestartOnPolicy") and "restartOn" in above:
        policy["restartOn"] = above["restartOn"]
    return policy
