"""Plan a run of a workflow: its jobs, their inputs, and the destinations of their outputs.

Nothing is created here. Links between stages become references to the planned jobs.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/workflows-and-analyses
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.field_links import NO_VALUE, FieldLink, replace_field_links
from dx_app_wizard.dxapp.links import Reference
from dx_local.platform.core.errors import InvalidInput
from dx_local.platform.core.ids import new_id
from dx_local.platform.execution import applets
from dx_local.platform.execution.requirements import check_requested, overridden
from dx_local.platform.lifecycle import outputs
from dx_local.platform.requests import request_fields as read
from dx_local.platform.requests.folder_paths import join, normalize_folder
from dx_local.platform.workflows import stages

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Context
    from dx_local.platform.core.executable import Executable
    from dx_local.platform.core.schema import ObjectRow


@dataclass
class StagePlan:
    """The plan of one stage: its executable, job, input and output folder.

    `stage` is the stage with the changes of the run request; its input can still contain links to stages.
    `needs` holds the IDs of the stages whose outputs it uses.
    """

    stage: JSON
    executable: Executable
    folder: str
    job: str = field(default_factory=lambda: new_id("job"))
    run_input: JSON = field(default_factory=dict)
    original_input: JSON = field(default_factory=dict)
    needs: set[str] = field(default_factory=set)

    @property
    def id(self) -> str:
        """The ID of the stage."""
        return str(self.stage["id"])


@dataclass(frozen=True)
class WorkflowPlan:
    """The plan of a run: its output folder, its stages in the workflow's order, and the workflow input."""

    folder: str
    stages: tuple[StagePlan, ...]
    workflow_input: JSON

    def in_dependency_order(self) -> list[StagePlan]:
        """Return the stages in an order in which each comes after those whose outputs it uses.

        Raises InvalidInput if stages use each other's outputs in a circle.
        """
        ordered: list[StagePlan] = []
        waiting = list(self.stages)
        while waiting:
            made = {plan.id for plan in ordered}
            following = next((plan for plan in waiting if plan.needs <= made), None)
            if following is None:
                circle = ", ".join(f'"{plan.id}"' for plan in waiting)
                raise InvalidInput(f"the stages {circle} wait for outputs of each other in a circle")
            waiting.remove(following)
            ordered.append(following)
        return ordered


def make_plan(context: Context, workflow: ObjectRow, request: JSON, region: str) -> WorkflowPlan:
    """Return the plan of a run request for a workflow in a region.

    Raises InvalidInput, which lists all problems of the inputs, and ResourceNotFound if the caller cannot
    see the executable of a stage.
    """
    fields = workflow["fields"]
    is_closed = workflow["state"] == "closed"
    given = _Given.of(context, fields, read.mapping(request, "input"), is_closed=is_closed)
    folder = read.optional_text(request, "folder") or fields["outputFolder"] or "/"
    base = normalize_folder(folder if folder.startswith("/") else f"/{folder}")
    folders = read.mapping(request, "stageFolders", {})
    _check_stage_names(fields["stages"], folders, request)
    plans = []
    for stage in fields["stages"]:
        merged = {**stage["input"], **given.of_stages.get(stage["id"], {})}
        chosen = folders.get(stage["id"], folders.get("*", stage["folder"]))
        plans.append(
            StagePlan(
                stage={
                    **stage,
                    "input": {name: value for name, value in merged.items() if value is not None},
                    "folder": stages.check_folder(read.optional_text({"folder": chosen}, "folder")),
                    "systemRequirements": _requirements(stage, request),
                },
                executable=stages.executable_of(context, stage["executable"], region),
                folder=_below(base, chosen),
            )
        )
    plan = WorkflowPlan(base, tuple(plans), given.of_workflow)
    _Inputs(context, plan).resolve()
    for stage_plan in plan.stages:
        applets.check_objects(context, stage_plan.original_input)
    return plan


@dataclass(frozen=True)
class _Given:
    """The input of a run request, split by stage, and the input of the workflow itself with defaults."""

    of_stages: dict[str, JSON]
    of_workflow: JSON

    @classmethod
    def of(cls, context: Context, fields: JSON, given: JSON, *, is_closed: bool) -> _Given:
        declared = fields["inputs"]
        of_stages: dict[str, JSON] = {}
        of_workflow: JSON = {}
        for key, value in given.items():
            stage, dot, name = key.partition(".")
            if not dot:
                of_workflow[key] = value
                continue
            if declared is not None and is_closed:
                raise InvalidInput(
                    f'the input "{key}" is private and cannot be overridden: the workflow is closed and has'
                    f" its own inputs ({', '.join(field['name'] for field in declared) or 'none'})"
                )
            stages.position_of(fields["stages"], stage)
            of_stages.setdefault(stage, {})[name] = value
        return cls(of_stages, applets.complete_input(context, declared or [], of_workflow))


class _Inputs:
    """Resolves the inputs of all stages, which can be linked to inputs and outputs of other stages."""

    def __init__(self, context: Context, plan: WorkflowPlan) -> None:
        self._context = context
        self._plans = {stage.id: stage for stage in plan.stages}
        self._workflow_input = plan.workflow_input
        self._resolving: list[tuple[str, str]] = []

    def resolve(self) -> None:
        """Set the inputs of the stage plans. Raises InvalidInput, which lists all problems."""
        problems: list[str] = []
        for stage_id, plan in self._plans.items():
            values = {name: self._value(stage_id, name) for name in plan.stage["input"]}
            plan.run_input = {name: value for name, value in values.items() if value is not NO_VALUE}
            try:
                spec = plan.executable.input_spec
                plan.original_input = applets.complete_input(self._context, spec, plan.run_input)
            except InvalidInput as error:
                problems += [f'stage "{stage_id}": {problem}' for problem in error.details["problems"]]
        if problems:
            raise InvalidInput("; ".join(problems), {"problems": problems})

    def _value(self, stage_id: str, name: str) -> Any:
        """Return the value of a stage's input, bound or by default; NO_VALUE if there is none."""
        plan = self._plans[stage_id]
        if (stage_id, name) in self._resolving:
            raise InvalidInput(f"{stage_id}.{name} is linked to itself, through inputs of other stages")
        self._resolving.append((stage_id, name))
        bound = plan.stage["input"].get(name)
        if bound is None:
            spec = plan.executable.input_spec or []
            bound = next((entry.get("default") for entry in spec if entry["name"] == name), None)
        value = NO_VALUE if bound is None else replace_field_links(bound, self._follow)
        self._resolving.pop()
        return value

    def _follow(self, link: FieldLink) -> Any:
        reader, name = self._resolving[-1]
        if link.kind == "workflowInputField":
            return self._pick(link, self._workflow_input.get(link.field))
        if link.kind == "input":
            return self._pick(link, self._value(reader, link.field))
        target = self._plans.get(link.stage or "")
        if target is None:
            raise InvalidInput(f'{reader}.{name} links to the stage "{link.stage}", which does not exist')
        if link.kind == "inputField":
            return self._pick(link, self._value(target.id, link.field))
        outputs = target.executable.output_spec
        if outputs is not None and all(entry["name"] != link.field for entry in outputs):
            known = ", ".join(f'"{entry["name"]}"' for entry in outputs) or "none"
            raise InvalidInput(
                f'{reader}.{name} links to the output "{link.field}" of the stage "{link.stage}", whose'
                f" outputs are: {known}"
            )
        for waiting, _ in self._resolving:
            self._plans[waiting].needs.add(target.id)
        return Reference(target.job, link.field, link.index, link.metadata).to_json()

    def _pick(self, link: FieldLink, value: Any) -> Any:
        store = self._context.store
        found = None if value is NO_VALUE else value
        return link.pick(found, lambda entity, path: outputs.object_metadata(store, entity, path))


def _check_stage_names(all_stages: list[JSON], folders: JSON, request: JSON) -> None:
    named = [*folders, *read.mapping(request, "stageSystemRequirements", {})]
    for key in ("rerunStages", "ignoreReuse"):
        named += read.strings(request, key, []) if request.get(key) is not None else []
    for stage_id in named:
        if stage_id != "*":
            stages.position_of(all_stages, stage_id)


def _requirements(stage: JSON, request: JSON) -> JSON:
    """Return the system requirements of a stage, overridden by the run and by the run for this stage."""
    name = "stageSystemRequirements"
    by_stage = read.mapping(request, name, {})
    merged = overridden(stage["systemRequirements"], check_requested(request))
    for key in ("*", stage["id"]):
        path = f"{name}.{key}"
        merged = overridden(merged, check_requested({path: by_stage.get(key)}, path))
    return merged


def _below(base: str, folder: str | None) -> str:
    if folder is None:
        return base
    return normalize_folder(folder) if folder.startswith("/") else join(base, folder)
