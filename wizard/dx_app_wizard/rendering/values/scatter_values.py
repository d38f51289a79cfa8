"""The scatter of an app as the variable `_scatter` of the template, which the file facts.jinja documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.choices import PARALLEL_PATTERNS
from dx_app_wizard.answers.command_answers import command_of
from dx_app_wizard.command_template.region_command import RegionCommand
from dx_app_wizard.command_template.scattered import ScatteredCommand
from dx_app_wizard.file_formats import ending_of, format_of
from dx_app_wizard.scatter.fit import fit
from dx_app_wizard.scatter.scatter import Scatter
from dx_app_wizard.scatter.suggestions import default_scatter, earlier_scatter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dx_app_wizard.rendering.plan import Plan
    from dx_app_wizard.scatter.fit import Division, Inputs, Partner

_PLURALS = {"index": "indexes"}


def scatter_of(plan: Plan) -> Scatter | None:
    """Return the scatter of the plan, by default that of its inputs; None if no input holds files.

    An app with the basic pattern processes lines, or whole files if they are binary, one after another.
    """
    inputs = inputs_of(plan)
    if plan.command and plan.scatter:
        command = command_of(plan.command, plan.scatter)
        return command.of_app if isinstance(command, (ScatteredCommand, RegionCommand)) else None
    if plan.pattern in PARALLEL_PATTERNS:
        return plan.scatter or default_scatter(inputs)
    scatter = earlier_scatter(inputs)
    if scatter is None:
        return None
    known = format_of(next(each for each in inputs if each["name"] == scatter.input))
    return Scatter(scatter.inputs) if known and known.binary else scatter


def inputs_of(plan: Plan) -> Inputs:
    """Return the inputs of the app as in dxapp.json."""
    return [field.raw for field in plan.spec.inputs or ()]


def scatter_values(plan: Plan) -> dict[str, Any]:
    """Return the value of `_scatter`; empty if no input holds files."""
    scatter = scatter_of(plan)
    if scatter is None:
        return {}
    division = fit(scatter, inputs_of(plan))
    taken = {str(each["name"]) for each in inputs_of(plan)}
    slot = _slot(division.input, "piece", taken)
    beds = {partner.name for partner in division.partners if partner.role == "regions"}
    regions = next((each for each in inputs_of(plan) if each["name"] in beds), {})
    return {
        "kind": _kind(division),
        "input": scatter.input,
        "unit": scatter.kind,
        "size": scatter.size,
        "format": division.format.name if division.format else "",
        "slot": slot,
        "partners": [_partner_values(partner, number) for number, partner in enumerate(_shared(division))],
        "index": division.index.name if division.index else "",
        "index_ending": division.index_ending,
        "regions": regions["name"] if regions else "",
        "regions_given": bool(regions) and not regions.get("optional") and "default" not in regions,
        "endings": _endings(division),
    }


def _kind(division: Division) -> str:
    kind = division.scatter.kind
    if kind in ("lines", "records"):
        return "cut"
    if kind in ("pairs", "region"):
        return kind
    return "partners" if division.partners else "file"


def _slot(parameter: Mapping[str, Any], other: str, taken: set[str]) -> str:
    """Return the name for one file of an input: that of an indexed format, unless an input has it."""
    known = format_of(parameter)
    return known.name if known and known.divided_by and known.name not in taken else other


def _shared(division: Division) -> list[Partner]:
    """Return the partners of each piece; the index comes last, as it may be missing."""
    return sorted(
        (partner for partner in division.partners if partner.role != "regions"),
        key=lambda partner: partner.role == "index",
    )


def _partner_values(partner: Partner, number: int) -> dict[str, Any]:
    suffix = f"_{number + 1}" if number else ""
    slot = "index" if partner.role == "index" else f"partner{suffix}"
    return {
        "name": partner.name,
        "slot": slot,
        "plural": _PLURALS.get(slot, f"partners{suffix}"),
        "is_index": partner.role == "index",
        "join": partner.join,
    }


def _endings(division: Division) -> list[str]:
    """Return the endings to remove from the names of files that are joined by name, in this order."""
    joined = [partner for partner in division.partners if partner.join == "name"]
    endings = [partner.ending or ".*" for partner in joined]
    endings.append(ending_of(division.input) or ".*")
    return list(dict.fromkeys(endings))
