"""Create, describe and edit workflows, which are data objects; `analyses` runs them.

Only open workflows can be edited. Each edit names the edit version that it applies to, and increments it.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/workflows-and-analyses
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform.core.errors import ApiError, InvalidInput, InvalidState, InvalidType
from dx_local.platform.core.ids import class_of
from dx_local.platform.data import objects
from dx_local.platform.execution import applets, jobs
from dx_local.platform.requests import request_fields as read
from dx_local.platform.workflows import stages

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.platform.core.context import JSON, Context
    from dx_local.platform.core.schema import ObjectRow

_TEXTS = ("title", "summary", "description")
_DEFINITION = (
    *_TEXTS,
    "outputFolder",
    "stages",
    "inputs",
    "outputs",
    "ignoreReuse",
    "treeTurnaroundTimeThreshold",
)
_IF_SET = ("ignoreReuse", "treeTurnaroundTimeThreshold")  # absent from describe, not null, if not set
_COMPUTED = frozenset({"inputSpec", "outputSpec", "latestAnalysis"})
DEFAULT_FIELDS = frozenset((*_DEFINITION, "editVersion", "dxapi", "initializedFrom", "temporary")) | _COMPUTED


def new(context: Context, class_name: str, request: JSON) -> JSON:
    """`/workflow/new`: create an open workflow.

    `initializeFrom` copies another workflow, or the workflow of an analysis with the settings of that run.
    """
    request = dict(request)
    fields: JSON = {}
    if request.get("initializeFrom") is not None:
        source = _source(context, read.mapping(request, "initializeFrom"))
        fields["initializedFrom"] = {"id": source["id"], "editVersion": source["editVersion"]}
        request = {**source, **{name: value for name, value in request.items() if value is not None}}
    temporary = read.flag(request, "temporary")
    if temporary:
        request["hidden"] = True
    fields |= {**_definition(context, request), "editVersion": 0, "temporary": temporary}
    if request.get("dxapi") is not None:
        fields["dxapi"] = read.text(request, "dxapi")
    workflow = objects.create(context, class_name, request, fields=fields, state="open")
    return {"id": workflow, "editVersion": 0}


def describe_fields(context: Context, row: ObjectRow, _request: JSON) -> JSON:
    """Return the fields that describe adds for a workflow."""
    fields = row["fields"]
    return {
        **{name: value for name, value in fields.items() if name not in _IF_SET or value is not None},
        "title": fields["title"] if fields["title"] is not None else name_of(context, row["id"]),
        "stages": stages.described(context, fields["stages"]),
        "inputSpec": stages.input_spec(context, fields["stages"]),
        "outputSpec": stages.output_spec(context, fields["stages"]),
        "latestAnalysis": _latest_analysis(context, fields.get("latestAnalysis")),
    }


def name_of(context: Context, workflow_id: str) -> str:
    """Return the name of any copy of a workflow."""
    name = context.store.value("SELECT name FROM placement WHERE object = ? LIMIT 1", workflow_id)
    return str(name or workflow_id)


def add_stage(context: Context, workflow_id: str, request: JSON) -> JSON:
    """`/workflow-xxxx/addStage`: append a stage."""
    added: list[str] = []

    def edit(fields: JSON) -> JSON:
        stage = stages.new_stage(context, request, fields["stages"])
        added.append(stage["id"])
        return {**fields, "stages": [*fields["stages"], stage]}

    return {**_edit(context, workflow_id, request, edit), "stage": added[0]}


def remove_stage(context: Context, workflow_id: str, request: JSON) -> JSON:
    """`/workflow-xxxx/removeStage`: remove a stage."""

    def edit(fields: JSON) -> JSON:
        rest = list(fields["stages"])
        del rest[stages.position_of(rest, read.text(request, "stage"))]
        return {**fields, "stages": rest}

    return _edit(context, workflow_id, request, edit)


def move_stage(context: Context, workflow_id: str, request: JSON) -> JSON:
    """`/workflow-xxxx/moveStage`: move a stage to another position, counted from 0."""

    def edit(fields: JSON) -> JSON:
        ordered = list(fields["stages"])
        position = stages.position_of(ordered, read.text(request, "stage"))
        target = read.integer(request, "newIndex")
        if not 0 <= target < len(ordered):
            raise InvalidInput(f'"newIndex" must be from 0 to {len(ordered) - 1}, not {target}')
        ordered.insert(target, ordered.pop(position))
        return {**fields, "stages": ordered}

    return _edit(context, workflow_id, request, edit)


def update(context: Context, workflow_id: str, request: JSON) -> JSON:
    """`/workflow-xxxx/update`: change fields of the workflow, and of stages by their IDs."""

    def edit(fields: JSON) -> JSON:
        given = {name: request[name] for name in _DEFINITION if name in request and name != "stages"}
        edited = list(fields["stages"])
        for stage_id, changes in read.mapping(request, "stages", {}).items():
            if not isinstance(changes, dict):
                raise InvalidInput(f'"stages.{stage_id}" must be a hash')
            position = stages.position_of(edited, stage_id)
            edited[position] = stages.updated_stage(context, edited[position], changes)
        return {**fields, **_own_fields({**fields, **given}), "stages": edited}

    return _edit(context, workflow_id, request, edit)


def update_stage_executable(context: Context, workflow_id: str, request: JSON) -> JSON:
    """`/workflow-xxxx/updateStageExecutable`: replace the executable of a stage.

    Raises InvalidState, with details, if the executable is incompatible and the request does not have
    `force`. With `force`, inputs that the new executable does not declare are dropped.
    """

    def edit(fields: JSON) -> JSON:
        edited = list(fields["stages"])
        position = stages.position_of(edited, read.text(request, "stage"))
        stage = edited[position]
        force = read.flag(request, "force")
        executable = stages.executable_of(context, read.text(request, "executable"))
        problems = stages.incompatibilities(context, stage, executable)
        if problems and not force:
            raise InvalidState(
                f"{executable.id} is not compatible with the stage's executable: {'; '.join(problems)}",
                {"incompatibilities": problems},
            )
        known = {field["name"] for field in executable.input_spec or []}
        kept = {
            name: value
            for name, value in stage["input"].items()
            if executable.input_spec is None or name in known
        }
        edited[position] = {**stage, "executable": executable.id, "input": kept}
        return {**fields, "stages": edited}

    return _edit(context, workflow_id, request, edit)


def is_stage_compatible(context: Context, workflow_id: str, request: JSON) -> JSON:
    """`/workflow-xxxx/isStageCompatible`: return whether an executable can replace that of a stage."""
    row, _ = objects.get_visible(context, workflow_id)
    all_stages = row["fields"]["stages"]
    _check_edit_version(row, request)
    stage = all_stages[stages.position_of(all_stages, read.text(request, "stage"))]
    executable = stages.executable_of(context, read.text(request, "executable"))
    problems = stages.incompatibilities(context, stage, executable)
    return {"id": workflow_id, "compatible": not problems, "incompatibilities": problems}


def overwrite(context: Context, workflow_id: str, request: JSON) -> JSON:
    """`/workflow-xxxx/overwrite`: copy another workflow, or that of an analysis, into this one."""

    def edit(fields: JSON) -> JSON:
        return {**fields, **_definition(context, _source(context, read.mapping(request, "from")))}

    return _edit(context, workflow_id, request, edit)


def _edit(context: Context, workflow_id: str, request: JSON, edit: Callable[[JSON], JSON]) -> JSON:
    """Apply `edit` to the fields of an open workflow. Raises InvalidState for an old edit version."""
    row = objects.open_object(context, workflow_id)
    _check_edit_version(row, request)
    version = row["fields"]["editVersion"] + 1
    fields = {**edit(row["fields"]), "editVersion": version}
    context.store.update("object", workflow_id, fields=fields, modified=context.now())
    return {"id": workflow_id, "editVersion": version}


def _check_edit_version(row: ObjectRow, request: JSON) -> None:
    current = row["fields"]["editVersion"]
    given = read.integer(request, "editVersion")
    if given != current:
        raise InvalidState(f"the edit version of {row['id']} is {current}, not {given}; describe it again")


def _definition(context: Context, request: JSON) -> JSON:
    given = request.get("stages") or []
    if not isinstance(given, list) or not all(isinstance(stage, dict) for stage in given):
        raise InvalidInput("Expected key 'stages' of the input to be an array of hashes")
    made: list[JSON] = []
    for stage in given:
        made.append(stages.new_stage(context, stage, made))
    return {**_own_fields(request), "stages": made}


def _own_fields(request: JSON) -> JSON:
    """Return the validated fields of the workflow itself, without its stages, from a request."""
    fields: JSON = {name: read.optional_text(request, name) or "" for name in ("summary", "description")}
    fields["title"] = read.optional_text(request, "title")
    fields["outputFolder"] = stages.check_folder(read.optional_text(request, "outputFolder"))
    for name in ("inputs", "outputs"):
        applets.check_spec(name, request.get(name))
        fields[name] = request.get(name)
    fields["treeTurnaroundTimeThreshold"] = read.turnaround_threshold(request)
    reuse = request.get("ignoreReuse")
    fields["ignoreReuse"] = None if reuse is None else read.strings(request, "ignoreReuse")
    return fields


def _source(context: Context, given: JSON) -> JSON:
    """Return the definition to copy from a workflow or an analysis."""
    source_id = read.text(given, "id")
    kind = class_of(source_id)
    if kind == "analysis":
        analysis = jobs.get(context, source_id)
        return analysis["requested"]["initializes"]
    if kind != "workflow":
        raise InvalidType(
            f"{source_id} is a {kind}; a workflow can be copied only from a workflow or analysis"
        )
    row, placement = objects.get_visible(context, source_id, read.optional_container(given))
    return {
        "id": source_id,
        "name": placement["name"],
        "tags": placement["tags"],
        "properties": placement["properties"],
        "types": row["types"],
        "details": row["details"],
        **definition_of(row),
    }


def definition_of(row: ObjectRow) -> JSON:
    """Return the fields that define a workflow, without those of any data object."""
    return {name: row["fields"].get(name) for name in (*_DEFINITION, "editVersion")}


def _latest_analysis(context: Context, analysis_id: str | None) -> JSON | None:
    if analysis_id is None:
        return None
    try:
        analysis = jobs.get(context, analysis_id)
    except ApiError:
        return None
    return {name: analysis[name] for name in ("id", "created", "state")}


def _sample(context: Context, request: JSON) -> str:
    workflow: str = new(context, "workflow", request)["id"]
    objects.mark_closed(context, workflow)
    return workflow


objects.SAMPLES["workflow"] = _sample
objects.DESCRIBERS["workflow"] = describe_fields
objects.DEFAULT_FIELDS["workflow"] = DEFAULT_FIELDS
