"""The wizard turns a spec that the linter accepts into an app, or reports the part that it rejects."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.examples import share_of

from dx_app_wizard.answers.answers import gather
from dx_app_wizard.answers.sources import AnswerSources, Source
from dx_app_wizard.dxapp.model import AppSpec
from dx_app_wizard.errors import AnswersError, Place
from dx_app_wizard.lint.findings import UnsoundSpecError
from dx_app_wizard.lint.linter import lint_spec
from dx_app_wizard.policy.model import Policy
from dx_app_wizard.rendering.compose import compose
from dx_app_wizard.rendering.spec_check import check_spec

if TYPE_CHECKING:
    from collections.abc import Iterator

GENOME = {"$dnanexus_link": {"project": "project-x", "id": "file-x"}}
SPECS: tuple[dict[str, Any], ...] = (
    {
        "name": "mapping",
        "title": "Map",
        "version": "1.0.0",
        "resources": "project-x",
        "inputSpec": [
            {"name": "reads", "class": "array:file", "patterns": ["*.fq"], "help": "Reads"},
            {"name": "genome", "class": "file", "default": GENOME, "suggestions": [GENOME]},
        ],
        "outputSpec": [{"name": "bam", "class": "file"}],
        "runSpec": {"interpreter": "bash", "file": "src/code.sh", "execDepends": [{"name": "samtools"}]},
    },
    {
        "name": "calling",
        "inputSpec": [
            {"name": "mode", "class": "string", "choices": ["fast", {"name": "Slow", "value": "slow"}]},
            {"name": "depth", "class": "int", "optional": True, "default": None, "group": "More"},
        ],
        "runSpec": {
            "interpreter": "python3",
            "release": "16.04",
            "version": "1",
            "timeoutPolicy": {"main": {"hours": 1}, "process": {"minutes": 30}},
            "assetDepends": [{"name": "tools", "project": "project-x", "version": "1.0.0"}],
        },
        "regionalOptions": {
            "aws:us-east-1": {"systemRequirements": {"main": {"instanceType": "mem1_ssd1_v2_x4"}}},
            "azure:westus": {"systemRequirements": {}},
        },
        "access": {"network": ["*"], "project": "VIEW"},
    },
)
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, 1.5, "", "x", "a b", "*", "../x", "src", "\n", "a\0b", "é" * 200, "1", "16.04",
     "python2.7", "file", "array:int", "azure:mem1_ssd1_x4", [], [1], ["x"], {}, {"x": 1}, {"*": {}}, GENOME]
)  # fmt: skip
KEYS = st.sampled_from(
    ["name", "title", "version", "resources", "regionalOptions", "file", "code", "release", "network",
     "systemRequirements", "timeoutPolicy", "default", "choices", "optional", "class", "*", "instanceType"]
)  # fmt: skip


def all_places_of(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each object or array in value with each of its keys or indices."""
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from all_places_of(value[key])


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    """A dxapp.json in which up to three things are removed, added, repeated or replaced."""
    spec: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(SPECS)))
    for _ in range(draw(st.integers(1, 3))):
        found = list(all_places_of(spec))
        holder, key = found[draw(st.integers(0, len(found) - 1))] if found else (spec, "name")
        change = draw(st.sampled_from(["remove", "replace", "add"]))
        if change == "remove":
            del holder[key]
        elif change == "replace":
            holder[key] = copy.deepcopy(draw(VALUES))
        elif isinstance(holder, dict):
            holder[draw(KEYS)] = copy.deepcopy(draw(VALUES))
        else:
            holder.append(copy.deepcopy(holder[key]))
    return spec


@settings(max_examples=share_of(200))
@given(damaged())
def test_what_the_linter_accepts_is_written_or_refused_with_its_place(spec: dict[str, Any]) -> None:
    if any(finding.level == "error" for finding in lint_spec(spec, absent=False)):
        return
    missing = {"name": "x", "language": "bash", "template": "basic"}
    answers = {key: value for key, value in missing.items() if key not in spec}
    if "interpreter" in spec.get("runSpec", {}):
        del answers["language"]
    base = Source(spec, Place("given.json"))
    places: set[str | None] = set()
    try:
        plan = compose(gather(AnswerSources((Source(answers),), base)), AppSpec(spec, json.dumps(spec)))
        check_spec(plan.spec, Path("x/dxapp.json"), base, Policy())
    except AnswersError as error:
        places = {problem.place.file for problem in error.problems}
    except UnsoundSpecError as error:
        places = {finding.file for finding in error.findings}
    else:
        assert [finding for finding in lint_spec(plan.spec.raw) if finding.level == "error"] == []
    assert places <= {"given.json"}
