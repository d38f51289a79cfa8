"""Batches: the inputs of many runs of one executable, given by columns, as `dx run --batch-tsv` does.

Source: https://documentation.dnanexus.com/user/running-apps-and-workflows/running-batch-jobs
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform import app_names, executables, objects, programs
from dx_local.platform import fields as read
from dx_local.platform.errors import InvalidInput

if TYPE_CHECKING:
    from dx_local.platform.context import JSON, Context


def validate_applet_batch(context: Context, applet_id: str, request: JSON) -> JSON:
    """`/applet-xxxx/validateBatch`: return the input of each run as `expandedBatch`; nothing is run.

    Raises InvalidInput that names the run, from 1, whose input the specification does not allow.
    """
    objects.get_visible(context, applet_id)
    return _validate(context, applet_id, request)


def validate_app_batch(context: Context, address: str, request: JSON) -> JSON:
    """`/app-xxxx/validateBatch`: what `/applet-xxxx/validateBatch` does."""
    return _validate(context, app_names.visible(context, address)["id"], request)


def _validate(context: Context, executable_id: str, request: JSON) -> JSON:
    spec = programs.executable_of(context.store, executable_id, context.platform.region).input_spec
    inputs = _expanded(request)
    for number, values in enumerate(inputs, 1):
        _check(context, spec, number, values)
    return {"expandedBatch": inputs}


def _check(context: Context, spec: list[JSON] | None, number: int, values: JSON) -> None:
    try:
        executables.check_objects(context, executables.complete_input(spec, values))
    except InvalidInput as error:
        raise InvalidInput(f"run {number} of the batch: {error.message}", error.details) from None


def _expanded(request: JSON) -> list[JSON]:
    """Return one input for each row of the batch's columns; a null in a column leaves that input out."""
    columns = read.mapping(request, "batchInput")
    common = read.mapping(request, "commonInput", {})
    if not columns or not all(isinstance(column, list) for column in columns.values()):
        raise InvalidInput('"batchInput" must name inputs, each with the array of its values in all runs')
    if len({len(column) for column in columns.values()}) > 1:
        counts = ", ".join(f"{len(column)} for {name!r}" for name, column in columns.items())
        raise InvalidInput(f'the arrays of "batchInput" must be equally long, but there are {counts}')
    rows = (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
    return [{**common, **{name: value for name, value in row.items() if value is not None}} for row in rows]
