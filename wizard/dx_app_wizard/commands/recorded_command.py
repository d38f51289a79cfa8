"""Adapt the recorded answers of an app that runs a command to a new command or scatter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.choices import DEFAULT_PATTERN
from dx_app_wizard.answers.command_answers import COMMAND, with_scattered_inputs

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCATTER = "scatter"


def adapt_command(recorded: dict[str, Any], new: Mapping[str, Any]) -> None:
    """Remove the recorded answers that follow from a command or scatter which an update changes.

    The pattern basic ends the scatter. Texts about the inputs survive a first scatter of the same command.
    """
    if not (new.get(COMMAND) or recorded.get(COMMAND)):
        return
    if new.get("template") == DEFAULT_PATTERN and new.get(_SCATTER) is None:
        outdated = ["inputs", "outputs"] if recorded.pop(_SCATTER, None) else []
    elif new.get(COMMAND) or (recorded.get(_SCATTER) and new.get(_SCATTER)):
        outdated = ["inputs", "outputs", "template"]
    elif new.get(_SCATTER):
        recorded.update(with_scattered_inputs(recorded, new[_SCATTER]))
        outdated = ["outputs", "template"]
    else:
        outdated = []
    for key in outdated:
        recorded.pop(key, None)
