"""Derive answers from a command template: inputs, outputs, language and pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.choices import DEFAULT_PATTERN, PARALLEL_PATTERNS
from dx_app_wizard.answers.readers import read_parameters
from dx_app_wizard.answers.sources import Source
from dx_app_wizard.command_template.region_command import RegionCommand
from dx_app_wizard.command_template.scattered import ScatteredCommand, scattered_command
from dx_app_wizard.command_template.template import TemplateProblemsError, parse_template
from dx_app_wizard.errors import UserError
from dx_app_wizard.scatter.scatter import Scatter, ScatterError, parse_scatter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dx_app_wizard.command_template.template import CommandTemplate

COMMAND = "command"
"""The key of the command template."""

SCATTERED_PATTERN = PARALLEL_PATTERNS[0]
"""The pattern of an app whose process jobs run a command."""


def with_command_answers(sources: Iterable[Source]) -> tuple[Source, ...]:
    """Return the sources, and the answers that follow from the command template after the last final one.

    An invalid template answers only the language and the pattern, and an invalid scatter the parameters of
    one job; their problems are reported elsewhere.
    """
    found = tuple(sources)
    source = next((each for each in found if each.answers.get(COMMAND)), None)
    text = source.answers[COMMAND] if source else None
    if source is None or not isinstance(text, str):
        return found
    scatter = next((each.answers["scatter"] for each in found if each.answers.get("scatter")), None)
    pattern = DEFAULT_PATTERN if scatter is None else SCATTERED_PATTERN
    answers: dict[str, Any] = {"language": "bash", "template": pattern, **parameters_of(text, scatter)}
    last = max((at for at, each in enumerate(found) if each.is_final), default=-1)
    return (*found[: last + 1], Source(answers, source.place), *found[last + 1 :])


def parameters_of(text: str, scatter: Any) -> dict[str, list[dict[str, Any]]]:
    """Return the inputs and outputs of the app that runs a command, whether it is scattered or not."""
    try:
        command = command_of(text, scatter)
    except TemplateProblemsError:
        return {"inputs": [], "outputs": []}
    except ScatterError:
        command = parse_template(text)
    return {"inputs": command.input_declarations(), "outputs": command.output_declarations()}


def command_of(text: str, scatter: Any) -> CommandTemplate | ScatteredCommand | RegionCommand:
    """Return the command as the app runs it; `scatter` is an answer, None for a single job.

    Raises TemplateProblemsError, and ScatterError if the command cannot be scattered like that.
    """
    template = parse_template(text)
    if scatter is None:
        return template
    return scattered_command(
        template, scatter if isinstance(scatter, Scatter) else parse_scatter(str(scatter))
    )


def with_scattered_inputs(answers: Mapping[str, Any], scatter: Any) -> dict[str, Any]:
    """Return the answers of an app that runs its command once, for one that scatters it.

    Inputs keep what the user wrote about them. An impossible scatter changes nothing; other checks report it.
    """
    declared, text = answers.get("inputs"), answers.get(COMMAND)
    try:
        if declared is not None and isinstance(text, str):
            command = command_of(text, scatter)
            if isinstance(command, (ScatteredCommand, RegionCommand)):
                parameters = read_parameters(output=False)(declared)
                return {**answers, "inputs": command.app_inputs(parameters)}
    except UserError:
        pass
    return dict(answers)
