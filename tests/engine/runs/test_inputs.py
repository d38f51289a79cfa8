"""Parse `-i` options, and create the sample objects of apps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_local.engine.runs.inputs import parse_option, read_json, samples_of
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dx_local.testing import Run

NAMES = st.from_regex(r"[a-zA-Z_][0-9a-zA-Z_]*", fullmatch=True)


@given(NAMES, st.text())
def test_everything_after_the_first_equals_sign_is_the_value(name: str, value: str) -> None:
    assert parse_option(f"{name}={value}") == (name, None, value)


@given(NAMES, st.sampled_from(["int", "file", "array:file", "hash"]), st.text())
def test_a_class_may_stand_behind_the_name(name: str, io_class: str, value: str) -> None:
    assert parse_option(f"{name}:{io_class}={value}") == (name, io_class, value)


@pytest.mark.parametrize("option", ["", "name", "=value", "1st=value", "a-b=value", "name:Int=3", "na me=3"])
def test_what_is_no_input_is_refused(option: str) -> None:
    with pytest.raises(UsageError, match="has no name or no value"):
        parse_option(option)


@given(st.dictionaries(st.text(), st.none() | st.integers() | st.text()))
def test_a_json_object_is_read(values: dict[str, Any]) -> None:
    assert read_json(json.dumps(values).encode(), "-j") == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"-j ends too early \(line 1\)"),
        ('{\n"a": 1,\n}', r"-j has a comma before } \(line 2\)"),
        ("", r"-j is empty \(line 1\)"),
        ("NaN", "-j is not JSON: NaN is not allowed in JSON"),
        ("[]", "-j is not a JSON object"),
    ],
)
def test_other_json_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_json(text.encode(), "-j")


def test_an_app_without_samples_has_none(tmp_path: Path) -> None:
    assert samples_of(tmp_path) is None


CLASSES_OF_SAMPLES = """
import dxpy

@dxpy.entry_point('main')
def main(**objects):
    described = {name: dxpy.describe(link) for name, link in objects.items()}
    return {'classes': {name: [found['class'], found['state']] for name, found in described.items()}}

dxpy.run()
"""


def test_samples_may_ask_for_objects_of_the_platform(
    make_app: Callable[..., Path], dx_run: Callable[..., Run]
) -> None:
    names = ("applet", "file", "record", "workflow")
    app = make_app(CLASSES_OF_SAMPLES, inputs={name: name for name in names}, outputs={"classes": "hash"})
    (app / "test").mkdir()
    (app / "test" / "reads.txt").write_text("reads")
    samples = {name: {"$dx_local": name} for name in names} | {"file": {"$dx_local": "file:test/reads.txt"}}
    (app / "test" / "input.json").write_text(json.dumps(samples))
    assert dx_run(app).output == {"classes": {name: [name, "closed"] for name in names}}
