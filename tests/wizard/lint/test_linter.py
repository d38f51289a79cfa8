from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_app_wizard.dxapp import json_document
from dx_app_wizard.lint.linter import lint_app, lint_spec
from dx_app_wizard.policy.keys import KEYS as KEYS_OF_TABLES
from dx_app_wizard.policy.lint import lint_by_policy
from dx_app_wizard.policy.load import load_policy

if TYPE_CHECKING:
    from pathlib import Path

    from dx_app_wizard.policy.model import Policy

KEYS = [
    *("name", "version", "summary", "categories", "inputSpec", "outputSpec", "runSpec", "access", "class"),
    *("regionalOptions", "authorizedUsers", "default", "choices", "patterns", "type", "interpreter", "file"),
    *("release", "timeoutPolicy", "execDepends", "systemRequirements", "instanceType", "clusterSpec", "*"),
    *("instanceTypeSelector", "executionPolicy", "restartOn", "assetDepends", "network", "project", "main"),
    *("hours", "aws:us-east-1", "package_manager", "developers", "openSource", "resources", "pricingPolicy"),
]
WORDS = ["file", "array:int", "python3", "bash", "pip", "16.04", "", "$dnanexus_link", "x"]
misshapen = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 99)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=40,
)
specs = st.dictionaries(st.sampled_from(KEYS), misshapen)


@given(specs)
def test_any_hash_is_linted_without_a_crash(raw: dict[str, Any]) -> None:
    for finding in lint_spec(raw):
        assert finding.message
        assert finding.level in ("error", "warning")


STRICT = """
[policy]
name-prefix = "eggd_"
developers = ["org-a"]
authorized-users = ["org-a"]
open-source = true
release = "24.04"
exec-depends = "pinned"
network = ["*.example.org"]
maximum-timeout = "2d"
regions = ["aws:eu-west-2"]
instance-types = ["mem1_*"]
strict-bash = true
"""


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """A policy with every key."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / ".dx-app-wizard.toml").write_text(STRICT, encoding="utf-8")
    policy = load_policy(folder)
    assert policy.table("policy").keys() == KEYS_OF_TABLES["policy"].keys()
    return policy


@given(specs)
def test_any_hash_is_held_against_a_policy_without_a_crash(strict: Policy, raw: dict[str, Any]) -> None:
    for finding in lint_by_policy(raw, strict):
        assert finding.rule.removeprefix("policy-") in KEYS_OF_TABLES["policy"]


@given(specs)
def test_what_is_merely_absent_can_be_left_out(raw: dict[str, Any]) -> None:
    everything = lint_spec(raw)
    assert all(finding in everything for finding in lint_spec(raw, absent=False))


@given(specs)
def test_linting_changes_nothing(raw: dict[str, Any]) -> None:
    before = json_document.dumps(raw)
    lint_spec(raw)
    assert json_document.dumps(raw) == before


def test_a_warning_hides_no_wrong_shape_of_the_same_value() -> None:
    spec = {"inputSpec": [{"name": "n", "class": "int", "patterns": "*.txt"}]}
    found = {finding.rule for finding in lint_spec(spec, absent=False)}
    assert found == {"schema", "io-data-object-keys"}


@pytest.mark.parametrize("value", [None, [], "bash"])
def test_what_is_misshapen_is_not_said_to_be_absent(value: Any) -> None:
    findings = [finding for finding in lint_spec({"runSpec": value}) if finding.path == "runSpec"]
    assert [finding.message for finding in findings] == ["must be a hash"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1, "a": 2}', "[" * 10_000, '"x"', "null"])
def test_a_dxapp_json_that_is_no_object_is_a_finding(tmp_path: Path, text: str) -> None:
    (tmp_path / "dxapp.json").write_text(text, encoding="utf-8")
    assert [finding.file for finding in lint_app(tmp_path) if finding.level == "error"] == ["dxapp.json"]


@pytest.mark.parametrize(("text", "kind"), [("[]", "an array"), ("null", "null"), ('"x"', 'string "x"')])
def test_a_dxapp_json_of_another_kind_is_named(tmp_path: Path, text: str, kind: str) -> None:
    (tmp_path / "dxapp.json").write_text(text, encoding="utf-8")
    (finding,) = lint_app(tmp_path)
    assert (finding.message, finding.line) == (f"must be a JSON object, not {kind}", 1)
    assert finding.hint == 'Write { "name": …, … }.'


def test_a_folder_without_dxapp_json_is_a_finding(tmp_path: Path) -> None:
    (finding,) = lint_app(tmp_path)
    assert (finding.rule, finding.level, finding.file) == ("dxapp-json", "error", "dxapp.json")


@pytest.mark.parametrize("interpreter", ["python3", "bash"])
@given(source=st.text() | st.binary())
def test_any_source_is_linted_without_a_crash(
    tmp_path_factory: pytest.TempPathFactory, interpreter: str, source: str | bytes
) -> None:
    folder = tmp_path_factory.mktemp("app")
    data = source if isinstance(source, bytes) else source.encode(errors="surrogatepass")
    (folder / "code").write_bytes(data)
    spec = {"name": "app", "runSpec": {"interpreter": interpreter, "file": "code"}}
    (folder / "dxapp.json").write_text(json_document.dumps(spec), encoding="utf-8")
    assert all(finding.message for finding in lint_app(folder))
