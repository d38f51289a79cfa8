from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_app_wizard.answers.answers import gather
from dx_app_wizard.answers.choices import LANGUAGES, PATTERNS
from dx_app_wizard.answers.sources import AnswerSources, Source
from dx_app_wizard.dxapp.instances import known_regions
from dx_app_wizard.dxapp.model import AppSpec
from dx_app_wizard.lint.linter import lint_spec
from dx_app_wizard.rendering.compose import compose

NEEDED = {"name": "count-reads", "language": "python", "template": "basic"}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
unknown_keys = st.dictionaries(st.from_regex(r"x-[a-z]{1,8}", fullmatch=True), json_values, max_size=5)


@given(
    st.fixed_dictionaries(
        {
            "name": st.from_regex(r"[a-z0-9_][a-z0-9._-]{0,20}", fullmatch=True),
            "language": st.sampled_from(LANGUAGES),
            "template": st.sampled_from(PATTERNS),
        },
        optional={
            "inputs": st.lists(st.sampled_from(["a:file", "b:int=3", "c:array:string?"]), unique=True),
            "outputs": st.lists(st.sampled_from(["out:array:hash", "n:float?"]), unique=True),
            "timeout": st.sampled_from(["30d", "1h", "90m", {"days": 1, "hours": 2}]),
            "network": st.booleans() | st.just(["github.com"]),
            "project_access": st.sampled_from(["view", "NONE", "CONTRIBUTE"]),
            "region": st.sampled_from(known_regions()),
        },
    )
)
def test_valid_answers_make_a_spec_without_findings(answers: dict[str, Any]) -> None:
    plan = compose(gather(AnswerSources((Source(answers),))))
    assert [finding for finding in lint_spec(plan.spec.raw) if finding.level == "error"] == []
    assert (plan.language, plan.pattern) == (answers["language"], answers["template"])


@given(unknown_keys, unknown_keys)
def test_whatever_a_given_spec_holds_beyond_the_answers_stays(
    top: dict[str, Any], run: dict[str, Any]
) -> None:
    base = {**top, "name": "given", "runSpec": run}
    spec = compose(
        gather(AnswerSources((Source({**NEEDED, "name": None}),), Source(base))), AppSpec(base)
    ).spec.raw
    assert {key: spec[key] for key in top} == top
    assert list(spec)[: len(base)] == list(base)
    assert list(spec["runSpec"])[: len(run)] == list(run)


def test_a_given_spec_is_not_changed_itself() -> None:
    base: dict[str, Any] = {"name": "given", "runSpec": {}}
    compose(gather(AnswerSources((Source({**NEEDED, "name": None}),), Source(base))), AppSpec(base))
    assert base == {"name": "given", "runSpec": {}}


@pytest.mark.parametrize(("template", "restartable"), [("basic", None), ("scatter-process-gather", "all")])
def test_a_lost_job_of_a_scatter_runs_again_alone(template: str, restartable: str | None) -> None:
    answers = {**NEEDED, "template": template, "inputs": ["reads:file"]}
    run_spec = compose(gather(AnswerSources((Source(answers),)))).spec.raw["runSpec"]
    assert run_spec.get("restartableEntryPoints") == restartable


def test_an_app_that_needs_nothing_gets_no_access() -> None:
    assert "access" not in compose(gather(AnswerSources((Source(NEEDED),)))).spec.raw


@pytest.mark.parametrize("release", ["16.04", "20.04", "24.04"])
def test_a_release_without_a_version_has_that_of_dx_build(release: str) -> None:
    base = {"runSpec": {"release": release}}
    spec = compose(gather(AnswerSources((Source(NEEDED),), Source(base))), AppSpec(base)).spec
    assert spec.raw["runSpec"]["version"] == "0"


def test_an_instance_type_reaches_every_region_that_has_none() -> None:
    base: dict[str, Any] = {"regionalOptions": {"aws:us-east-1": {}, "aws:eu-west-2": {}}}
    answers = gather(AnswerSources((Source({**NEEDED, "instance_type": "mem1_ssd1_v2_x8"}),), Source(base)))
    for options in compose(answers, AppSpec(base)).spec.raw["regionalOptions"].values():
        assert options == {"systemRequirements": {"*": {"instanceType": "mem1_ssd1_v2_x8"}}}
