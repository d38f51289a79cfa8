"""No part of a given dxapp.json is lost, changed or moved, whatever its content."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dx_app_wizard.answers.answers import gather
from dx_app_wizard.answers.sources import AnswerSources, Source
from dx_app_wizard.dxapp.model import AppSpec
from dx_app_wizard.lint.linter import lint_spec
from dx_app_wizard.rendering.compose import compose

if TYPE_CHECKING:
    from pathlib import Path

Wizard = Callable[..., Any]

WHOLE: dict[str, Any] = {
    "name": "given-app",
    "title": "Gegeben",
    "summary": "given",
    "dxapi": "1.0.0",
    "version": "3.2.1",
    "categories": ["Read Mapping"],
    "inputSpec": [{"name": "reads", "class": "array:file", "patterns": ["*.fq"], "help": ""}],
    "outputSpec": [{"name": "out", "class": "file"}],
    "runSpec": {
        "interpreter": "python3",
        "file": "src/code.py",
        "distribution": "Ubuntu",
        "release": "20.04",
        "version": "0",
        "execDepends": [{"name": "pandas", "package_manager": "pip", "version": "2.2.0"}],
        "assetDepends": [{"name": "tools", "project": "project-x", "folder": "/", "version": "1.0.0"}],
        "timeoutPolicy": {"main": {"hours": 7}, "process": {"minutes": 30}},
        "executionPolicy": {"restartOn": {"JMInternalError": 1}, "maxRestarts": 3},
        "restartableEntryPoints": "all",
        "headJobOnDemand": True,
    },
    "access": {"network": ["github.com"], "project": "VIEW", "allProjects": "VIEW", "developer": False},
    "regionalOptions": {
        "azure:westus": {"systemRequirements": {"*": {"instanceType": "azure:mem1_ssd1_x4"}}},
        "aws:eu-west-2": {
            "systemRequirements": {
                "main": {"instanceType": "mem1_ssd1_v2_x8"},
                "process": {"instanceType": "mem2_ssd1_v2_x4"},
            }
        },
    },
    "details": {"contactEmail": "someone@example.org", "threshold": 1.0},
    "ignoreReuse": False,
}
NEEDED = {"name": "x", "language": "python", "template": "basic"}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
extras = st.dictionaries(st.from_regex(r"x[A-Za-z-]{1,4}", fullmatch=True), anything, max_size=2)


@st.composite
def dxapp_jsons(draw: st.DrawFn) -> dict[str, Any]:
    """Some of the keys of a whole dxapp.json in any order, with others between them."""
    spec = _part(draw, WHOLE)
    for key in ("runSpec", "access"):
        if key in spec:
            spec[key] = _part(draw, WHOLE[key])
    if "network" not in spec.get("access", {}):
        # Packages from pip need an answer to the question of the network.
        spec.get("runSpec", {}).pop("execDepends", None)
    return spec


def _part(draw: st.DrawFn, whole: dict[str, Any]) -> dict[str, Any]:
    chosen = draw(st.lists(st.sampled_from(sorted(whole)), unique=True))
    items = [*((key, whole[key]) for key in chosen), *draw(extras).items()]
    return dict(draw(st.permutations(items)))


def contains(whole: Any, part: Any) -> bool:
    """Return whether whole contains part in the same order, with additions only at the end of objects."""
    if isinstance(whole, dict) and isinstance(part, dict):
        kept = list(whole)[: len(part)] == list(part)
        return kept and all(contains(whole[key], part[key]) for key in part)
    return json.dumps(whole) == json.dumps(part)


@given(dxapp_jsons(), st.sampled_from([None, 2, 4, "\t"]), st.sampled_from([{}, {"region": "aws:eu-west-2"}]))
def test_what_is_written_contains_what_is_given_to_the_letter(
    spec: dict[str, Any], indent: Any, more: dict[str, Any]
) -> None:
    assume(not any(finding.level == "error" for finding in lint_spec(spec, absent=False)))
    text = json.dumps(spec, indent=indent, ensure_ascii=False)
    answers = {key: value for key, value in NEEDED.items() if key == "template" or key not in spec}
    if "interpreter" in spec.get("runSpec", {}):
        del answers["language"]
    if "regionalOptions" not in spec:
        answers |= more
    plan = compose(gather(AnswerSources((Source(answers),), Source(spec))), AppSpec(spec, text))
    written = plan.spec.dumps()
    assert contains(json.loads(written), spec)
    rest = iter(written)
    assert all(char in rest for char in text)
    assert set(json.loads(written).get("access", {})) == set(spec.get("access", {}))


SPELLED = """\
{
    "name":   "given-app",
    "details": {"a": 1.0, "b": 1e3, "c": 1E-07, "d": 123456789012345678901234567890, "e": -0.0,
                "f": "\\u00e9 \\ud83e\\uddec", "g": [ ], "h": 0.10},
    "runSpec": {
        "interpreter": "bash",
        "execDepends": [ {"name": "samtools"} ]
    }
}


"""


def test_numbers_escapes_and_spaces_are_kept_as_they_are_spelled(wizard: Wizard, tmp_path: Path) -> None:
    (tmp_path / "given.json").write_text(SPELLED)
    outcome = wizard("--json-file", "given.json", "--template", "basic", "--no-input")
    assert outcome.code == 0, outcome.stderr
    written = (tmp_path / "given-app" / "dxapp.json").read_text(encoding="utf-8")
    lines = SPELLED.rstrip().split("\n")
    assert written.startswith("\n".join(lines[:-2]) + ',\n        "timeoutPolicy": {')
    assert '\n    "regionalOptions": {\n        "aws:us-east-1": {' in written


def test_line_endings_of_windows_are_kept(wizard: Wizard, tmp_path: Path) -> None:
    (tmp_path / "given.json").write_bytes(SPELLED.replace("\n", "\r\n").encode())
    wizard("--json-file", "given.json", "--template", "basic", "--no-input")
    written = (tmp_path / "given-app" / "dxapp.json").read_bytes()
    assert written.count(b"\n") == written.count(b"\r\n")


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        pytest.param("{'name': 1}", 2, "given.json:1:2", id="no JSON"),
        pytest.param('{"name": "a"', 2, "given.json:1:13", id="cut off"),
        pytest.param("", 2, "given.json:1:1", id="empty"),
        pytest.param("[]", 2, "must contain a JSON object", id="array"),
        pytest.param('{"inputSpec": [{"name": "x"}]}', 3, "[io-class]\n  at given.json:1:16", id="no class"),
        pytest.param('{"name": "9 bad"}', 2, "given.json:1:10", id="bad name"),
        pytest.param(
            '{"inputSpec": [{"name": "9 bad", "class": "int"}]}', 3, "'9 bad' must match", id="input"
        ),
        pytest.param('{"name": "../x"}', 2, "Correct it there, or pass NAME.", id="path"),
        pytest.param('{"name": 7}', 3, "given.json:1:10", id="number"),
        pytest.param('{"name": "a", "name": "b"}', 2, "has the key 'name' twice", id="twice"),
        pytest.param('{"x": NaN}', 2, "NaN is not a JSON value", id="NaN"),
    ],
)
def test_a_bad_file_is_refused_with_its_place_and_nothing_is_written(
    wizard: Wizard, tmp_path: Path, text: str, code: int, message: str
) -> None:
    (tmp_path / "given.json").write_text(text)
    outcome = wizard("--json-file", "given.json", "--language", "python", "--template", "basic", "--no-input")
    assert outcome.code == code
    assert message in outcome.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["given.json"]
