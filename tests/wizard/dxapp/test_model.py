from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_app_wizard.dxapp import json_document
from dx_app_wizard.dxapp.model import Access, AppSpec, IOField, SpecShapeError
from dx_app_wizard.errors import SpecFileError

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)
KNOWN_KEYS = ["name", "runSpec", "inputSpec", "outputSpec", "access", "regionalOptions", "title", "x-custom"]


@given(st.dictionaries(st.sampled_from(KNOWN_KEYS) | st.text(), json_values))
def test_any_hash_survives_with_nothing_lost_and_order_kept(raw: dict[str, Any]) -> None:
    spec = AppSpec.from_dict(raw)
    assert spec.to_dict() == raw
    assert list(spec.to_dict()) == list(raw)
    assert json_document.parse(spec.dumps(), Path("x")).value == raw


def test_a_spec_does_not_change_with_the_hash_it_came_from() -> None:
    raw: dict[str, Any] = {"name": "a", "inputSpec": []}
    spec = AppSpec.from_dict(raw)
    raw["inputSpec"].append({})
    spec.to_dict()["inputSpec"].append({})
    assert spec.inputs == ()


def test_absent_specs_differ_from_empty_ones() -> None:
    assert AppSpec({}).inputs is None
    assert AppSpec({"inputSpec": []}).inputs == ()
    assert AppSpec({}).outputs is None


def test_loading_keeps_the_file_text(tmp_path: Path) -> None:
    text = '{\n  "name": "naïve",\n  "runSpec": {},\n  "dxapi": "1.0.0"\n}\n'
    (tmp_path / "dxapp.json").write_text(text, encoding="utf-8")
    assert AppSpec.load(tmp_path / "dxapp.json").dumps() == text


def test_a_file_without_an_object_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dxapp.json").write_text("[]")
    with pytest.raises(SpecFileError, match="must contain a JSON object"):
        AppSpec.load(tmp_path / "dxapp.json")


@pytest.mark.parametrize(
    ("raw", "required"),
    [
        ({}, True),
        ({"optional": True}, False),
        ({"optional": False}, True),
        ({"default": None}, False),
        ({"default": 3}, False),
    ],
)
def test_a_field_is_required_without_default_unless_optional(raw: dict[str, Any], required: bool) -> None:
    assert IOField({"name": "n", "class": "int", **raw}).required is required


def test_a_field_shows_what_is_declared() -> None:
    field = IOField({"name": "n", "class": "int", "choices": [1, 2], "label": "N", "help": "h", "group": "g"})
    assert (field.name, field.io_class, field.choices, field.label, field.help, field.group) == (
        "n", "int", [1, 2], "N", "h", "g",
    )  # fmt: skip


def test_access_lists_what_is_granted() -> None:
    spec = AppSpec({"access": {"network": ["*"], "project": "VIEW", "developer": True}})
    assert spec.access == Access(network=("*",), project="VIEW", developer=True)
    assert AppSpec({}).access == Access()


def test_the_requirements_of_a_region_win() -> None:
    regional = {"aws:eu-west-2": {"systemRequirements": {"*": {"instanceType": "b"}}}}
    spec = AppSpec(
        {"runSpec": {"systemRequirements": {"*": {"instanceType": "a"}}}, "regionalOptions": regional}
    )
    assert spec.system_requirements("aws:eu-west-2") == {"*": {"instanceType": "b"}}
    assert spec.system_requirements("aws:us-east-1") == {"*": {"instanceType": "a"}}
    assert spec.regions == ("aws:eu-west-2",)


@pytest.mark.parametrize(
    ("raw", "view", "path"),
    [
        ({}, "name", "dxapp.json.name"),
        ({"name": 3}, "name", "dxapp.json.name"),
        ({"inputSpec": {}}, "inputs", "dxapp.json.inputSpec"),
        ({"outputSpec": [3]}, "outputs", "dxapp.json.outputSpec[0]"),
        ({"runSpec": []}, "run_spec", "dxapp.json.runSpec"),
        ({"access": {"network": "*"}}, "access", "access.network"),
    ],
)
def test_misshapen_parts_are_named_when_looked_at(raw: dict[str, Any], view: str, path: str) -> None:
    with pytest.raises(SpecShapeError) as caught:
        getattr(AppSpec(raw), view)
    assert caught.value.path == path
