"""Validate and generate batches: the inputs of many runs of one executable, as for `dx run --batch-tsv`.

Source: https://documentation.dnanexus.com/user/running-apps-and-workflows/running-batch-jobs
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from dx_local.platform.core import access, executable, regexps
from dx_local.platform.core.errors import InvalidInput
from dx_local.platform.core.schema import PlacementRow
from dx_local.platform.data import objects
from dx_local.platform.execution import app_names, applets
from dx_local.platform.requests import request_fields as read
from dx_local.platform.requests.folder_paths import normalize_folder
from dx_local.platform.workflows.workflow_plan import make_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from dx_local.platform.core.context import JSON, Context


def validate_applet_batch(context: Context, applet_id: str, request: JSON) -> JSON:
    """`/applet-xxxx/validateBatch`: return the input of each run as `expandedBatch`, without running any.

    Raises InvalidInput if an input is invalid; the message has the number of the run, counted from 1.
    """
    objects.get_visible(context, applet_id)
    return _validate(context, applet_id, request)


def validate_app_batch(context: Context, address: str, request: JSON) -> JSON:
    """`/app-xxxx/validateBatch`: validate a batch as `/applet-xxxx/validateBatch` does."""
    return _validate(context, app_names.visible(context, address)["id"], request)


def validate_workflow_batch(context: Context, workflow_id: str, request: JSON) -> JSON:
    """`/workflow-xxxx/validateBatch`: validate a batch of inputs as `/workflow-xxxx/run` expects them."""
    workflow, _ = objects.get_visible(context, workflow_id)

    def check(values: JSON) -> None:
        make_plan(context, workflow, {"input": values}, context.platform.region)

    return _expanded_and_checked(request, check)


def generate_batch_inputs(context: Context, _class: str, request: JSON) -> JSON:
    """`/system/generateBatchInputs`: group the files of a folder into the inputs of a batch.

    `inputs` maps inputs to regular expressions for file names; files whose first groups match the same text
    belong to the same run. A run that lacks an input, or has several files for one, has an `error`.
    """
    patterns = {name: _pattern(name, text) for name, text in read.mapping(request, "inputs").items()}
    runs: dict[str, JSON] = {}
    for name, pattern in patterns.items():
        for row in _files_in(context, request):
            if found := regexps.search(pattern, row["name"]):
                inputs = runs.setdefault(found[1] or "", {})
                inputs.setdefault(name, {"name": row["name"], "ids": []})["ids"].append(row["object"])
    return {"batchInputs": [_run(run_id, runs[run_id], patterns) for run_id in sorted(runs)]}


def _run(run_id: str, inputs: JSON, patterns: Collection[str]) -> JSON:
    run = {"batchPattern": run_id, "inputs": inputs}
    if len(inputs) < len(patterns):
        return {**run, "error": "some inputs have no file"}
    if any(len(found["ids"]) > 1 for found in inputs.values()):
        return {**run, "error": "some inputs have several files"}
    return run


def _pattern(name: str, text: object) -> str:
    pattern = text if isinstance(text, str) else ""
    try:
        groups = regexps.compiled(pattern).groups
    except InvalidInput as error:
        raise InvalidInput(f'"inputs.{name}": {error.message}') from None
    if not groups:
        raise InvalidInput(
            f'"inputs.{name}" must have a group for the part that identifies the run, as in (.*)_1.gz'
        )
    return pattern


def _files_in(context: Context, request: JSON) -> list[PlacementRow]:
    project = read.container(request)
    access.require(context, project, "VIEW")
    return context.store.all(
        PlacementRow,
        "SELECT * FROM placement WHERE project = ? AND folder = ? AND class = 'file'"
        " ORDER BY sequence DESC",  # as searches find them
        project,
        normalize_folder(read.text(request, "folder", "/")),
    )


def _validate(context: Context, executable_id: str, request: JSON) -> JSON:
    spec = executable.executable_of(context.store, executable_id, context.platform.region).input_spec

    def check(values: JSON) -> None:
        applets.check_objects(context, applets.complete_input(context, spec, values))

    return _expanded_and_checked(request, check)


def _expanded_and_checked(request: JSON, check: Callable[[JSON], None]) -> JSON:
    inputs = _expanded(request)
    for number, values in enumerate(inputs, 1):
        with _naming_the_run(number):
            check(values)
    return {"expandedBatch": inputs}


@contextmanager
def _naming_the_run(number: int) -> Iterator[None]:
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(f"run {number} of the batch: {error.message}", error.details) from None


def _expanded(request: JSON) -> list[JSON]:
    """Return the input of each run from the columns of a batch; null omits an input."""
    columns = read.mapping(request, "batchInput")
    common = read.mapping(request, "commonInput", {})
    if not columns or not all(isinstance(column, list) for column in columns.values()):
        raise InvalidInput('"batchInput" must map each input to the array of its values in all runs')
    if len({len(column) for column in columns.values()}) > 1:
        counts = ", ".join(f"{len(column)} for {name!r}" for name, column in columns.items())
        raise InvalidInput(f'the arrays of "batchInput" must have the same length, but have {counts}')
    rows = (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
    return [{**common, **{name: value for name, value in row.items() if value is not None}} for row in rows]
