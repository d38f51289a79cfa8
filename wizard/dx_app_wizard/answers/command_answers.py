"""Derive answers from a command template: inputs, outputs, language and pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.choices import DEFAULT_PATTERN
from dx_app_wizard.answers.sources import Source
from dx_app_wizard.command_template.template import TemplateProblemsError, parse_template

if TYPE_CHECKING:
    from collections.abc import Iterable

COMMAND = "command"
"""The key of the command template."""


def with_command_answers(sources: Iterable[Source]) -> tuple[Source, ...]:
    """Return the sources, and the answers that follow from the command template after the last final one.

    An invalid template answers only the language and the pattern; its problems are reported elsewhere.
    """
    found = tuple(sources)
    text = next((source.answers[COMMAND] for source in found if source.answers.get(COMMAND)), None)
    if not isinstance(text, str):
        return found
    answers: dict[str, Any] = {"language": "bash", "template": DEFAULT_PATTERN}
    try:
        template = parse_template(text)
        answers |= {"inputs": template.input_declarations(), "outputs": template.output_declarations()}
    except TemplateProblemsError:
        answers |= {"inputs": [], "outputs": []}
    place = next(source.place for source in found if source.answers.get(COMMAND))
    last = max((at for at, source in enumerate(found) if source.is_final), default=-1)
    return (*found[: last + 1], Source(answers, place), *found[last + 1 :])
