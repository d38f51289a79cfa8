"""Run workflows as analyses, and describe analyses.

An analysis is a row of `job`, whose children are the jobs of its stages; `lifecycle` changes its state.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/workflows-and-analyses
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_local.platform.core import states
from dx_local.platform.core.errors import InvalidState
from dx_local.platform.core.ids import new_id
from dx_local.platform.core.schema import JobRow
from dx_local.platform.data import objects, project_settings, projects
from dx_local.platform.execution import applets, job_creation, job_descriptions, jobs
from dx_local.platform.execution.requirements import RequestedResources
from dx_local.platform.lifecycle import analysis_outcome, lifecycle
from dx_local.platform.requests import request_fields as read
from dx_local.platform.workflows import workflows
from dx_local.platform.workflows.workflow_plan import make_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.platform.core.context import JSON, Context
    from dx_local.platform.core.schema import CallingJob, ObjectRow
    from dx_local.platform.workflows.workflow_plan import StagePlan, WorkflowPlan

# Fields of the request that are passed on to all jobs of the analysis.
_SHARED_JOB_SETTINGS = (
    "allowSSH",
    "debug",
    "delayWorkspaceDestruction",
    "dependsOn",
    "detailedJobMetrics",
    "priority",
    "singleContext",
    "systemRequirementsByExecutable",
    "timeoutPolicyByExecutable",
)
_ECHOED: dict[str, Callable[[JSON, str], Any]] = {
    **{name: job_creation.ECHOED[name] for name in ("costLimit", "delayWorkspaceDestruction", "rank")},
    "ignoreReuse": read.strings,
}
_WORKFLOW_FIELDS = (
    "id",
    "name",
    "title",
    "summary",
    "description",
    "outputFolder",
    "inputs",
    "outputs",
    "stages",
    "ignoreReuse",
    "editVersion",
    "dxapi",
    "inputSpec",
    "outputSpec",
    "tags",
    "properties",
    "types",
    "created",
    "createdBy",
    "modified",
)


def run(context: Context, workflow_id: str, request: JSON) -> JSON:
    """`/workflow-xxxx/run`: start an analysis with a job for each stage; return the IDs of both.

    If a job calls this, the analysis is its child. Raises InvalidInput for invalid inputs.
    """
    parent = None if read.flag(request, "detach") else context.calling_job()
    project = applets.destination_project(context, request, parent)
    project_settings.check_is_allowed(context, project, workflow_id)
    workflow, plan = _plan(context, workflow_id, request, project)
    analysis = _create(context, workflow, plan, request, project, parent)
    for stage in plan.in_dependency_order():
        _start(context, analysis, stage, request)
    context.platform.publish(lifecycle.added(context.store, analysis["id"], context.now()))
    fields = {**workflow["fields"], "latestAnalysis": analysis["id"]}
    context.store.update("object", workflow_id, fields=fields)
    return {"id": analysis["id"], "stages": [stage.job for stage in plan.stages]}


def dry_run(context: Context, workflow_id: str, request: JSON) -> JSON:
    """`/workflow-xxxx/dryRun`: return the executions that `run` would start; stages are never reused."""
    project = applets.destination_project(context, request, context.calling_job())
    _, plan = _plan(context, workflow_id, request, project)
    analysis_id = new_id("analysis")
    plan.in_dependency_order()
    return {
        "id": analysis_id,
        "stages": [
            {
                "id": stage.id,
                "execution": {
                    "id": stage.job,
                    "class": "job",
                    "name": stage.executable.name,
                    "executable": stage.executable.id,
                    "parentAnalysis": analysis_id,
                },
            }
            for stage in plan.stages
        ],
    }


def describe(context: Context, analysis_id: str, request: JSON) -> JSON:
    """`/analysis-xxxx/describe`: describe an analysis with the executions of its stages."""
    analysis = jobs.get(context, analysis_id)
    requested = analysis["requested"]
    stages = _stages_of(context, analysis)
    executions = {str(row["stage"]): job_descriptions.describe_job(context, row["id"], {}) for row in stages}
    full = {
        **job_descriptions.common_description(analysis),
        "workflow": requested["workflow"],
        "stages": [
            {"id": stage["id"], "execution": executions[stage["id"]]}
            for stage in requested["workflow"]["stages"]
        ],
        "input": {**requested["workflowInput"], **_fields(executions, "input")},
        "originalInput": {**requested["workflowInput"], **_fields(executions, "originalInput")},
        "output": analysis_outcome.output(context.store, analysis, stages) or analysis["output"],
        "runStageSystemRequirements": requested["stageSystemRequirements"],
    }
    return job_descriptions.describe_execution(full, request)


def _plan(context: Context, workflow_id: str, request: JSON, project: str) -> tuple[ObjectRow, WorkflowPlan]:
    workflow, _ = objects.get_visible(context, workflow_id)
    if not workflow["fields"]["stages"]:
        raise InvalidState(f"{workflow_id} has no stages; add one with addStage")
    region = projects.region_of(context.store, project)
    return workflow, make_plan(context, workflow, request, region)


def _create(
    context: Context,
    workflow: ObjectRow,
    plan: WorkflowPlan,
    request: JSON,
    project: str,
    parent: CallingJob | None,
) -> JobRow:
    """Create the row of an analysis, which is idle until its stages exist."""
    job_creation.check_not_ending(parent)
    analysis_id, now = new_id("analysis"), context.now()
    name = workflows.name_of(context, workflow["id"])
    region = projects.region_of(context.store, project)
    workspace = projects.new_container(
        context.store, owner=analysis_id, parent=project, region=region, now=now
    )
    context.store.insert(
        "job",
        id=analysis_id,
        name=read.optional_text(request, "name") or name,
        state=states.State.IDLE.value,
        function="",
        executable=workflow["id"],
        executable_name=name,
        parent=parent["id"] if parent else None,
        origin=analysis_id,
        root=parent["root"] if parent else analysis_id,
        user=context.caller.user,
        project=project,
        folder=plan.folder,
        workspace=workspace,
        region=region,
        priority=job_creation.priority(request) or (parent["priority"] if parent else "normal"),
        created=now,
        modified=now,
        run_input=request["input"],
        original_input={},
        depends_on=job_creation.depends_on(context, request),
        tags=read.strings(job_creation.if_given(request, "tags"), "tags", []),
        properties=read.properties(job_creation.if_given(request, "properties")),
        details=read.mapping(job_creation.if_given(request, "details"), "details", {}),
        system_requirements={},
        instance_type="",
        transitions=[],
        requested=_requested(context, analysis_id, workflow, plan, request, parent),
        parent_try=parent["try_number"] if parent else None,
        analysis=parent["analysis"] if parent else None,
        stage=parent["stage"] if parent else None,
    )
    return jobs.get(context, analysis_id)


def _requested(
    context: Context,
    analysis_id: str,
    workflow: ObjectRow,
    plan: WorkflowPlan,
    request: JSON,
    parent: CallingJob | None,
) -> JSON:
    described = objects.describe(context, workflow["id"], {"fields": dict.fromkeys(_WORKFLOW_FIELDS, True)})
    described["stages"] = [
        {key: value for key, value in stage.items() if key != "accessible"} for stage in described["stages"]
    ]
    as_run = {
        **workflows.definition_of(workflow),
        "id": analysis_id,
        "name": described["name"],
        "stages": [stage.stage for stage in plan.stages],
        "inputs": _with_defaults(workflow["fields"]["inputs"], plan.workflow_input),
    }
    resources = RequestedResources.of(
        {}, workflow["id"], request, parent=parent["requested"] if parent else None
    )
    return {
        "access": {},
        "workflow": described,
        "workflowInput": plan.workflow_input,
        "initializes": as_run,
        "systemRequirements": request.get("systemRequirements") or {},
        "systemRequirementsByExecutable": request.get("systemRequirementsByExecutable") or {},
        "stageSystemRequirements": request.get("stageSystemRequirements") or {},
        **resources.for_descendants(),
        "preserveJobOutputs": job_creation.preserved_outputs(context, request, parent, plan.folder),
        "treeTurnaroundTimeThreshold": workflow["fields"].get("treeTurnaroundTimeThreshold"),
        "executionPolicy": parent["requested"].get("executionPolicy") if parent else None,
        "echo": {
            **{
                name: reader(request, name)
                for name, reader in _ECHOED.items()
                if request.get(name) is not None
            },
            **job_creation.detached_from(context, parent),
        },
    }


def _with_defaults(inputs: list[JSON] | None, values: JSON) -> list[JSON] | None:
    """Return the inputs of a workflow with the values of a run as defaults."""
    if inputs is None:
        return None
    return [
        {**field, "default": values[field["name"]]} if field["name"] in values else field for field in inputs
    ]


def _start(context: Context, analysis: JobRow, stage: StagePlan, request: JSON) -> None:
    job_request = {name: request[name] for name in _SHARED_JOB_SETTINGS if name in request}
    job_request["systemRequirements"] = stage.stage["systemRequirements"]
    job_request["executionPolicy"] = stage.stage["executionPolicy"]
    job_request["ignoreReuse"] = _ignores_reuse(analysis, stage.id, request)
    job_creation.create(
        context,
        job_creation.NewJob(
            executable=stage.executable,
            function="main",
            run_input=stage.run_input,
            original_input=stage.original_input,
            project=analysis["project"],
            folder=stage.folder,
            request=job_request,
            parent=analysis,
            stage=stage.id,
            id=stage.job,
        ),
    )


def _ignores_reuse(analysis: JobRow, stage: str, request: JSON) -> bool:
    """Return whether a stage must not reuse outputs, by the run request or else by the workflow."""
    named = request.get("ignoreReuse")
    if named is None:
        named = analysis["requested"]["workflow"].get("ignoreReuse")
    return any(each in (stage, "*") for each in [*(named or []), *(request.get("rerunStages") or [])])


def _stages_of(context: Context, analysis: JobRow) -> list[JobRow]:
    return context.store.all(JobRow, "SELECT * FROM job WHERE parent = ? ORDER BY sequence", analysis["id"])


def _fields(executions: dict[str, JSON], column: str) -> JSON:
    return {
        f"{stage}.{name}": value
        for stage, execution in executions.items()
        for name, value in (execution[column] or {}).items()
    }
