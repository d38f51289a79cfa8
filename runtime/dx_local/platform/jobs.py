"""Jobs: creating, describing, ending and finding them.

Source: https://documentation.dnanexus.com/developer/api/running-analyses
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dx_app_wizard.spec.classes import flatten
from dx_local.platform import access, app_containers, describe, lifecycle, projects, requirements
from dx_local.platform import fields as read
from dx_local.platform.errors import InvalidInput, PermissionDenied, ResourceNotFound
from dx_local.platform.ids import EXECUTIONS, class_of, new_id
from dx_local.platform.programs import executable_of
from dx_local.platform.references import Resolver, UnresolvableReference

if TYPE_CHECKING:
    from dx_local.platform.context import JSON, Context, Platform
    from dx_local.platform.programs import Executable
    from dx_local.platform.store import Row

# Fields of a run request that only come back in describe.
_ECHOED = (
    "costLimit",
    "debug",
    "delayWorkspaceDestruction",
    "detailedJobMetrics",
    "ignoreReuse",
    "preserveJobOutputs",
    "rank",
    "singleContext",
)
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
    """Make a job and let its life begin; return its ID. Raises InvalidInput or ResourceNotFound."""
    job_id = request.id
    now = context.now()
    parent = request.parent
    tree = None if request.stage else parent
    asked = request.asked
    executable = request.executable
    depends_on = _depends_on(context, asked)
    inherited = parent["requested"] if parent and request.shares_workspace else {}
    workers = requirements.system_requirements(executable.run_spec, executable.id, asked, inherited)
    context.store.insert(
        "job",
        id=job_id,
        name=_name(request),
        state=lifecycle.State.IDLE.value,
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
        region=projects.region_of(context.store, request.project),
        priority=priority(asked) or (parent["priority"] if parent else "normal"),
        created=now,
        modified=now,
        run_input=request.run_input,
        original_input=request.original_input,
        output_spec=None if request.shares_workspace else executable.output_spec,
        depends_on=depends_on,
        tags=read.strings(given(asked, "tags"), "tags", []),
        properties=read.properties(given(asked, "properties")),
        details=read.mapping(given(asked, "details"), "details", {}),
        system_requirements=workers,
        instance_type=requirements.instance_type(workers, request.function),
        timeout=requirements.timeout(executable.run_spec, executable.id, asked, request.function),
        open_children=0,
        transitions=[],
        requested=_requested(context, request),
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


def get(context: Context, job_id: str, level: str = "VIEW") -> Row:
    """Return the row of a job or analysis, which a job of another tree needs this level on its project for.

    Raises ResourceNotFound when there is none that the caller may see, else PermissionDenied.
    """
    job = context.store.get("job", job_id)
    if job is None:
        raise ResourceNotFound(f"The entity ID could not be found: {job_id}")
    caller = context.calling_job()
    if caller is not None and caller["root"] != job["root"]:
        access.require(context, job["project"], level)
    return job


def describe_job(context: Context, job_id: str, request: JSON) -> JSON:
    """`/job-xxxx/describe`."""
    job = get(context, job_id)
    return describe_execution(_description(context, job), request)


def describe_execution(full: JSON, request: JSON) -> JSON:
    """Return the part of a full description of a job or an analysis that a describe request asks for."""
    if request.get("io") is False:
        full = {name: value for name, value in full.items() if name not in _IO}
    return describe.select_fields(full, request, frozenset(full) - _ON_REQUEST)


_IO = frozenset({"runInput", "originalInput", "input", "output"})


_ON_REQUEST = frozenset(
    {
        "runSystemRequirements",
        "runSystemRequirementsByExecutable",
        "mergedSystemRequirementsByExecutable",
        "runStageSystemRequirements",
    }
)


def _description(context: Context, job: Row) -> JSON:
    requested = job["requested"]
    full = {
        **common_description(job),
        **_of_executable(context, job),
        "function": job["function"],
        "originJob": job["origin"],
        "input": job["input"] if job["input"] is not None else _input_so_far(context, job),
        "output": job["output"],
        "instanceType": job["instance_type"],
        "systemRequirements": job["system_requirements"],
        "networkAccess": requested["access"].get("network", []),
        "dependsOn": [*job["depends_on"], *_analyses_of(context, job)],
        "waitingOnChildren": _waiting_on_children(context, job),
    }
    for name in ("started", "stopped"):
        if job[name] is not None:
            full[f"{name}Running"] = job[name]
    return full


def common_description(job: Row) -> JSON:
    """Return what the descriptions of jobs and of analyses have in common."""
    requested = job["requested"]
    parent_class = class_of(job["parent"] or "")
    full = {
        "id": job["id"],
        "class": class_of(job["id"]),
        "name": job["name"],
        "executableName": job["executable_name"],
        "executable": job["executable"],
        "state": job["state"],
        "project": job["project"],
        "region": job["region"],
        "billTo": job["user"],
        "launchedBy": job["user"],
        "folder": job["folder"],
        "workspace": job["workspace"],
        "rootExecution": job["root"],
        "parentJob": job["parent"] if parent_class == "job" else None,
        "parentAnalysis": job["parent"] if parent_class == "analysis" else None,
        "analysis": job["analysis"],
        "stage": job["stage"],
        "created": job["created"],
        "modified": job["modified"],
        "stateTransitions": job["transitions"],
        "runInput": job["run_input"],
        "originalInput": job["original_input"],
        "tags": job["tags"],
        "properties": job["properties"],
        "details": job["details"],
        "dependsOn": job["depends_on"],
        "priority": job["priority"],
        "runSystemRequirements": requested["systemRequirements"],
        "runSystemRequirementsByExecutable": requested["systemRequirementsByExecutable"],
        "mergedSystemRequirementsByExecutable": requested["systemRequirementsByExecutable"],
        **requested["echo"],
    }
    for name, column in _WHEN_KNOWN.items():
        if job[column] is not None:
            full[name] = job[column]
    return full


def _of_executable(context: Context, job: Row) -> JSON:
    """Return the field that names the applet, or those that name the app and its containers."""
    executable = job["executable"]
    if class_of(executable) != "app":
        return {"applet": executable}
    return {
        "app": executable,
        "resources": app_containers.resources(context.store, executable, job["region"]),
        "projectCache": app_containers.project_cache(context.store, executable, job["project"]),
    }


_WHEN_KNOWN = {
    "failureReason": "failure_reason",
    "failureMessage": "failure_message",
    "failureFrom": "failure_from",
}


def _analyses_of(context: Context, job: Row) -> list[str]:
    """Return the analyses that a job has started, on which it depends as on what it was told to wait for."""
    rows = context.store.all(
        "SELECT id FROM job WHERE parent = ? AND id GLOB 'analysis-*' ORDER BY sequence", job["id"]
    )
    return [row["id"] for row in rows]


def _waiting_on_children(context: Context, job: Row) -> list[str]:
    if job["state"] != lifecycle.State.WAITING_ON_OUTPUT:
        return []
    children = context.store.all(
        "SELECT id FROM job WHERE parent = ? AND state NOT IN ('done', 'failed', 'terminated')", job["id"]
    )
    return [row["id"] for row in children]


def _input_so_far(context: Context, job: Row) -> JSON:
    """Return the input of a job that waits, with those references replaced that have a value already."""
    store = context.store
    resolver = Resolver(
        lambda job_id: lifecycle.output_if_done(store, job_id),
        lambda entity, path: lifecycle.object_metadata(store, entity, path),
    )
    try:
        return resolver.resolve(job["original_input"])
    except UnresolvableReference:
        # The job is about to fail, or has failed, with this as its reason.
        unfinished = Resolver(lambda _job_id: None, lambda _entity, _path: None)
        return unfinished.resolve(job["original_input"])


def terminate(context: Context, job_id: str, _request: JSON) -> JSON:
    """`/job-xxxx/terminate`, and an analysis's: end it and its descendants, if it has not ended yet."""
    get(context, job_id, "CONTRIBUTE")
    context.platform.publish(lifecycle.terminated(context.store, job_id, context.now()))
    return {"id": job_id}


def add_tags(context: Context, job_id: str, request: JSON) -> JSON:
    """`/job-xxxx/addTags`."""
    tags = read.changed_tags(get(context, job_id, "CONTRIBUTE")["tags"], add=read.strings(request, "tags"))
    context.store.update("job", job_id, tags=tags)
    return {"id": job_id}


def remove_tags(context: Context, job_id: str, request: JSON) -> JSON:
    """`/job-xxxx/removeTags`."""
    tags = read.changed_tags(get(context, job_id, "CONTRIBUTE")["tags"], remove=read.strings(request, "tags"))
    context.store.update("job", job_id, tags=tags)
    return {"id": job_id}


def set_properties(context: Context, job_id: str, request: JSON) -> JSON:
    """`/job-xxxx/setProperties`: null deletes a property."""
    changed = read.changed_properties(get(context, job_id, "CONTRIBUTE")["properties"], request)
    context.store.update("job", job_id, properties=changed)
    return {"id": job_id}


def start(platform: Platform, job_id: str) -> None:
    """Note that a worker has taken up a runnable job."""
    with platform.store.transaction():
        platform.publish(lifecycle.started(platform.store, job_id, platform.clock()))


def finish(platform: Platform, job_id: str, output: JSON) -> None:
    """Note that a job's program ended well with this output."""
    with platform.store.transaction():
        access.revoke_tokens(platform.store, job_id)
        platform.publish(lifecycle.finished(platform.store, job_id, output, platform.clock()))


def fail(platform: Platform, job_id: str, failure: lifecycle.Failure) -> None:
    """Note that a job failed, or that its worker is gone."""
    with platform.store.transaction():
        access.revoke_tokens(platform.store, job_id)
        platform.publish(lifecycle.failed(platform.store, job_id, failure, platform.clock()))


def abandon(platform: Platform) -> None:
    """Fail the jobs that run, whose processes end with the platform or have ended; end the terminating ones.

    Each failed job fails its tree, and what depends on that; jobs of other trees go on waiting.
    """
    stopped = lifecycle.Failure("ExecutionError", "The platform was stopped while the job ran")
    rows = platform.store.all(
        "SELECT id FROM job WHERE state IN ('running', 'terminating') AND id GLOB 'job-*' ORDER BY sequence"
    )
    for row in rows:
        fail(platform, row["id"], stopped)


def end(platform: Platform, job_id: str) -> None:
    """Terminate a job and its descendants on behalf of whoever runs the platform."""
    with platform.store.transaction():
        platform.publish(lifecycle.terminated(platform.store, job_id, platform.clock()))


def break_deadlock(platform: Platform) -> bool:
    """Fail a job that waits for what can never come, if no job runs; tell whether there was one."""
    with platform.store.transaction():
        transitions = lifecycle.deadlocked(platform.store, platform.clock())
        platform.publish(transitions)
    return bool(transitions)


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
    name = request.asked.get("name")
    if isinstance(name, str) and name:
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


def _depends_on(context: Context, asked: JSON) -> list[str]:
    depends_on = asked.get("dependsOn") or []
    if not isinstance(depends_on, list):
        raise InvalidInput("Expected key 'dependsOn' of the input to be an array")
    for entity in depends_on:
        table = "job" if class_of(str(entity)) in EXECUTIONS else "object"
        if not isinstance(entity, str) or context.store.get(table, entity) is None:
            raise ResourceNotFound(f"The entity ID could not be found: {entity!r} in 'dependsOn'")
    return depends_on


def _requested(context: Context, request: Request) -> JSON:
    spec = None if request.shares_workspace else request.executable.input_spec
    inherited = request.parent["requested"] if request.parent and request.shares_workspace else {}
    echo = {name: request.asked[name] for name in _ECHOED if name in request.asked}
    if request.parent is None and context.caller.job is not None:
        echo["detachedFrom"] = context.caller.job
    optional = [entry["name"] for entry in spec or [] if entry.get("optional") or "default" in entry]
    return {
        "access": inherited.get("access", request.executable.access),
        "inputSpec": spec,
        "optionalInputs": optional,
        "systemRequirements": request.asked.get("systemRequirements") or {},
        "systemRequirementsByExecutable": request.asked.get("systemRequirementsByExecutable") or {},
        "executionPolicy": {
            **read.mapping(request.executable.run_spec, "executionPolicy", {}),
            **read.mapping(request.asked, "executionPolicy", {}),
        },
        "echo": echo,
    }
