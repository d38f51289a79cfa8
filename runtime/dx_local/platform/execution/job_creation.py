"""Create jobs for run requests and for subjobs.

Source: https://documentation.dnanexus.com/developer/api/running-analyses
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from dx_app_wizard.dxapp.classes import flatten
from dx_app_wizard.dxapp.instances import default_instance_type
from dx_local.platform.core import access
from dx_local.platform.core.errors import InvalidInput, InvalidState, PermissionDenied
from dx_local.platform.core.executable import executable_of
from dx_local.platform.core.ids import EXECUTIONS, class_of, new_id
from dx_local.platform.core.schema import JobRow
from dx_local.platform.core.states import FINAL, State
from dx_local.platform.data import projects
from dx_local.platform.execution import app_containers, requirements
from dx_local.platform.lifecycle import lifecycle, restarts, reuse
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.platform.core.context import JSON, Context
    from dx_local.platform.core.executable import Executable
    from dx_local.platform.core.schema import CallingJob, RequestedSettings

# Fields of a run request that are only described, with the functions that read them.
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
_ENDING_STATES = frozenset({State.RESTARTABLE, State.TERMINATING, *FINAL})
_PRIORITIES = ("low", "normal", "high")


@dataclass(frozen=True)
class NewJob:
    """A job to be created: its executable and input, the destination of its output, and the API request.

    The job of a `stage` is the child of an analysis, which is not a job; so it is the root of its own tree.
    """

    executable: Executable
    function: str
    run_input: JSON
    original_input: JSON
    project: str
    folder: str
    request: JSON
    parent: CallingJob | None = None
    shares_workspace: bool = False
    stage: str | None = None
    id: str = field(default_factory=lambda: new_id("job"))


def create(context: Context, new_job: NewJob) -> str:
    """Create a job and start its life cycle; return its ID.

    Raises InvalidInput, ResourceNotFound, or InvalidState if the parent job is about to end.
    """
    check_not_ending(new_job.parent)
    job_id = new_job.id
    now = context.now()
    parent = new_job.parent
    # A stage has a parent, its analysis, but is the root of a separate tree.
    tree = None if new_job.stage else parent
    request = new_job.request
    executable = new_job.executable
    on = depends_on(context, request)
    resources = _resources(new_job)
    # A subjob is in the project of its parent.
    region = (
        parent["region"]
        if parent and new_job.shares_workspace
        else projects.region_of(context.store, new_job.project)
    )
    requirements.check_known_in_run(request, region)
    job = JobRow(
        sequence=0,  # until it is inserted
        id=job_id,
        name=_name(new_job),
        state=State.IDLE.value,
        function=new_job.function,
        executable=executable.id,
        executable_name=executable.name,
        parent=parent["id"] if parent else None,
        origin=tree["origin"] if tree else job_id,
        root=parent["root"] if parent else job_id,
        user=context.caller.user,
        project=new_job.project,
        folder=new_job.folder,
        workspace=_workspace(context, new_job, job_id, now),
        region=region,
        priority=priority(request) or (parent["priority"] if parent else "normal"),
        created=now,
        modified=now,
        run_input=new_job.run_input,
        original_input=new_job.original_input,
        output_spec=None if new_job.shares_workspace else executable.output_spec,
        depends_on=on,
        tags=read.strings(if_given(request, "tags"), "tags", []),
        properties=read.properties(if_given(request, "properties")),
        details=read.mapping(if_given(request, "details"), "details", {}),
        system_requirements=resources.system_requirements(),
        instance_type=resources.instance_type(new_job.function) or default_instance_type(region),
        timeout=resources.timeout(new_job.function),
        transitions=[],
        requested=cast("RequestedSettings", _requested(context, new_job, resources)),
        parent_try=parent["try_number"] if parent else None,
        analysis=parent["id"] if parent and new_job.stage else parent["analysis"] if parent else None,
        stage=new_job.stage or (parent["stage"] if parent else None),
        started=None,
        stopped=None,
        try_number=0,
        try_created=None,
        superseded=0,
        input=None,
        output=None,
        failure_reason=None,
        failure_message=None,
        failure_from=None,
        failure_counts={},
        reuse_key=None,
        reused_from=None,
        not_reused=None,
        usage=None,
        node=None,
    )
    if class_of(executable.id) == "app":
        app_containers.ensure_project_cache(context, executable.id, new_job.project)
    context.platform.publish(lifecycle.created(context.store, job, now))
    return job_id


def create_at_entry_point(context: Context, applet: str, function: str, job_input: JSON, project: str) -> str:
    """Create a job of its own tree at another entry point than main; return its ID.

    The platform has no such request: the specifications of an applet apply to main only, so the input and
    output of this job are not checked. Raises the errors of `create`.
    """
    executable = executable_of(context.store, applet, context.platform.region)
    new_job = NewJob(
        executable=replace(executable, input_spec=None, output_spec=None),
        function=function,
        run_input=job_input,
        original_input=job_input,
        project=project,
        folder="/",
        request={},
    )
    return create(context, new_job)


def new(context: Context, _class: str, request: JSON) -> JSON:
    """`/job/new`: start a subjob of the calling job at another entry point, in the same workspace."""
    parent = context.calling_job()
    if parent is None:
        raise PermissionDenied("Only a job can start a subjob; run an applet or app instead")
    function = request.get("function")
    if not isinstance(function, str) or not function:
        raise InvalidInput("Expected key 'function' of the input to be a nonempty string")
    job_input = request.get("input", {})
    if not isinstance(job_input, dict):
        raise InvalidInput("Expected key 'input' of the input to be a hash")
    job_input = {key: _flat(value) for key, value in job_input.items()}
    job_id = create(
        context,
        NewJob(
            executable=executable_of(context.store, parent["executable"], parent["region"]),
            function=function,
            run_input=job_input,
            original_input=job_input,
            project=parent["project"],
            folder=parent["folder"],
            request=request,
            parent=parent,
            shares_workspace=True,
        ),
    )
    return {"id": job_id}


def check_not_ending(parent: CallingJob | None) -> None:
    """Raise InvalidState if the parent of a new execution has ended or is about to end."""
    if parent and parent["state"] in _ENDING_STATES:
        raise InvalidState(f"{parent['id']} is {parent['state']}, and cannot start executions any more")


def if_given(request: JSON, name: str) -> JSON:
    """Return the part of a request with this key, or an empty hash if it is absent or null."""
    return {name: request[name]} if request.get(name) is not None else {}


def priority(request: JSON) -> str | None:
    """Return the priority in a run request, or None. Raises InvalidInput."""
    requested = read.optional_text(request, "priority")
    if requested not in (None, *_PRIORITIES):
        raise InvalidInput(f'"priority" must be one of {", ".join(_PRIORITIES)}, not "{requested}"')
    return requested


def _flat(value: Any) -> Any:
    return flatten(value) if isinstance(value, list) else value


def _name(new_job: NewJob) -> str:
    name = read.optional_text(new_job.request, "name")
    if name:
        return name
    if new_job.shares_workspace and new_job.parent:
        return f"{new_job.parent['name']}:{new_job.function}"
    return new_job.executable.title or new_job.executable.name


def _workspace(context: Context, new_job: NewJob, job_id: str, now: int) -> str:
    if new_job.shares_workspace and new_job.parent:
        return new_job.parent["workspace"]
    return projects.new_container(
        context.store,
        owner=job_id,
        parent=new_job.project,
        region=projects.region_of(context.store, new_job.project),
        now=now,
    )


def depends_on(context: Context, request: JSON) -> list[str]:
    """Return the executions and data objects in `dependsOn` of a run request.

    Raises InvalidInput, and ResourceNotFound if one of them does not exist.
    """
    waits_for = request.get("dependsOn") or []
    if not isinstance(waits_for, list):
        raise InvalidInput("Expected key 'dependsOn' of the input to be an array")
    for entity in waits_for:
        table = "job" if class_of(str(entity)) in EXECUTIONS else "object"
        if not isinstance(entity, str) or not context.store.exists(
            f"SELECT 1 FROM {table} WHERE id = ?", entity
        ):
            raise access.not_found(str(entity))
    return waits_for


def detached_from(context: Context, parent: CallingJob | None) -> JSON:
    """Return the fields that describe the job from which a new execution is detached, if any."""
    caller = context.calling_job() if parent is None else None
    return {"detachedFrom": caller["id"], "detachedFromTry": caller["try_number"]} if caller else {}


def _resources(new_job: NewJob) -> requirements.RequestedResources:
    return requirements.RequestedResources.of(
        new_job.executable.run_spec,
        new_job.executable.id,
        new_job.request,
        parent=new_job.parent["requested"] if new_job.parent else None,
        is_subjob=new_job.shares_workspace,
    )


def _requested(context: Context, new_job: NewJob, resources: requirements.RequestedResources) -> JSON:
    spec = None if new_job.shares_workspace else new_job.executable.input_spec
    run_spec = new_job.executable.run_spec
    inherited = new_job.parent["requested"] if new_job.parent and new_job.shares_workspace else {}
    request = new_job.request
    echo = {name: reader(request, name) for name, reader in ECHOED.items() if request.get(name) is not None}
    echo |= detached_from(context, new_job.parent)
    optional = [entry["name"] for entry in spec or [] if entry.get("optional") or "default" in entry]
    return {
        "access": inherited.get("access", new_job.executable.access),
        "inputSpec": spec,
        "optionalInputs": optional,
        "headJobOnDemand": read.flag(
            request, "headJobOnDemand", default=bool(run_spec.get("headJobOnDemand"))
        ),
        "treeTurnaroundTimeThreshold": new_job.executable.turnaround_threshold,
        "systemRequirements": request.get("systemRequirements") or {},
        "systemRequirementsByExecutable": request.get("systemRequirementsByExecutable") or {},
        "reuses": context.platform.reuses and reuse.is_enabled(new_job.executable, request),
        **resources.for_descendants(),
        "executionPolicy": _execution_policy(new_job),
        "preserveJobOutputs": preserved_outputs(context, request, new_job.parent, new_job.folder),
        "restartableEntryPoints": run_spec.get("restartableEntryPoints"),
        "echo": echo,
    }


def preserved_outputs(
    context: Context, request: JSON, parent: CallingJob | None, own_folder: str
) -> JSON | None:
    """Return the destination of preserved outputs of jobs, as the root execution requests; None if unset.

    `own_folder` is the output folder of the new execution. Raises InvalidInput.
    """
    above: JSON | None = parent["requested"].get("preserveJobOutputs") if parent else None
    value = request.get("preserveJobOutputs")
    if above or value in (None, False):
        return above
    given = {} if value is True else read.mapping(request, "preserveJobOutputs")
    folder = read.text(given, "folder", "intermediateJobOutputs")
    if not folder.startswith("/"):
        root = context.store.get("job", parent["root"]) if parent else None
        folder = f"{root['folder'] if root else own_folder}/{folder}"
    return {"folder": projects.normalize_folder(folder)}


def _execution_policy(new_job: NewJob) -> JSON:
    """Return the execution policy of a job: of the run, or else its executable; subjobs inherit it."""
    above = new_job.parent["requested"].get("executionPolicy") or {} if new_job.parent else {}
    if new_job.shares_workspace:
        return above
    run_spec = new_job.executable.run_spec
    of_run = read.mapping(if_given(new_job.request, "executionPolicy"), "executionPolicy", {})
    restarts.check_policy(of_run)
    policy = {**read.mapping(run_spec, "executionPolicy", {}), **of_run}
    if run_spec.get("inheritParentRestartOnPolicy") and "restartOn" in above:
        policy["restartOn"] = above["restartOn"]
    return policy
