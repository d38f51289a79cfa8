"""Adapt the scatter in the record of an app to new answers, and add that of apps from earlier versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.choices import PARALLEL_PATTERNS
from dx_app_wizard.answers.parameter_overrides import with_overrides
from dx_app_wizard.answers.readers import read_parameters
from dx_app_wizard.errors import UserError
from dx_app_wizard.scatter.fit import fit
from dx_app_wizard.scatter.scatter import ScatterError
from dx_app_wizard.scatter.suggestions import default_scatter, earlier_scatter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dx_app_wizard.scatter.fit import Inputs

KEY = "scatter"


def adapt_scatter(recorded: dict[str, Any], new: Mapping[str, Any], spec: Mapping[str, Any]) -> None:
    """Change the recorded scatter so that an update with these new answers keeps the code as far as possible.

    It is removed for a pattern without process jobs, and if it was only the default for other inputs. A
    record of an earlier version has none: its app divides lines, unless the file is binary. `spec` is the
    given dxapp.json.
    """
    pattern = new.get("template") or recorded.get("template")
    if pattern not in PARALLEL_PATTERNS:
        recorded.pop(KEY, None)
        return
    before = _parameters(recorded.get("inputs", spec.get("inputSpec")))
    after = _parameters(new["inputs"]) if new.get("inputs") is not None else before
    after = _overridden(after, new)
    if KEY not in recorded:
        scatter = earlier_scatter(before) if recorded.get("template") in PARALLEL_PATTERNS else None
        try:
            if scatter:
                fit(scatter, after)
                recorded[KEY] = str(scatter)
        except ScatterError:
            return
    elif before != after and recorded[KEY] == str(default_scatter(before)):
        del recorded[KEY]


def _overridden(inputs: Inputs, new: Mapping[str, Any]) -> Inputs:
    """Return the inputs with the single fields that answers such as `inputs.reads.patterns` set."""
    fields = {key.partition(".")[2]: value for key, value in new.items() if key.startswith("inputs.")}
    try:
        return with_overrides(tuple(dict(each) for each in inputs), fields) if fields else inputs
    except UserError:
        return inputs


def _parameters(answer: Any) -> Inputs:
    """Return the inputs of an answer; none if it is invalid, which other checks report."""
    try:
        return read_parameters(output=False)(answer if answer is not None else [])
    except UserError:
        return ()
