"""Answers in environment variables such as DX_APP_WIZARD_REGION."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Wizard = Callable[..., Any]

NEW = ("count-reads", "--language", "bash", "--template", "basic", "--no-input")


def spec_of(folder: Path) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads((folder / "count-reads" / "dxapp.json").read_text(encoding="utf-8"))
    return spec


def test_a_variable_answers_what_nobody_else_does(
    wizard: Wizard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DX_APP_WIZARD_REGION", "aws:eu-west-2")
    monkeypatch.setenv("DX_APP_WIZARD_TITLE", "From the environment")
    monkeypatch.setenv("DX_APP_WIZARD_NETWORK", '["a.org"]')
    monkeypatch.setenv("DX_APP_WIZARD_TIMEOUT", "")
    wizard(*NEW, "--title", "From a flag")
    spec = spec_of(tmp_path)
    assert (list(spec["regionalOptions"]), spec["title"]) == (["aws:eu-west-2"], "From a flag")
    assert spec["access"] == {"network": ["a.org"]}


def test_an_answers_file_wins_over_a_variable(
    wizard: Wizard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DX_APP_WIZARD_TITLE", "From the environment")
    (tmp_path / "answers.json").write_text('{"title": "From the file"}')
    wizard(*NEW, "--answers", "answers.json")
    assert spec_of(tmp_path)["title"] == "From the file"


def test_a_given_dxapp_json_wins_over_variables_and_is_not_widened(
    wizard: Wizard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"title": "Given", "regionalOptions": {"aws:us-east-1": {}}}
    (tmp_path / "given.json").write_text(json.dumps(given))
    for key, value in {"TITLE": "x", "REGION": "aws:eu-west-2", "NETWORK": "yes"}.items():
        monkeypatch.setenv(f"DX_APP_WIZARD_{key}", value)
    assert wizard(*NEW, "--json-file", "given.json").code == 0
    spec = spec_of(tmp_path)
    assert {key: spec[key] for key in given} == given
    assert "access" not in spec


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("DX_APP_WIZARD_REGION", "mars", "is not a region"),
        ("DX_APP_WIZARD_INSTANCE_TYPE", "t1.micro", "is not an instance type of aws"),
        ("DX_APP_WIZARD_REGOIN", "aws:eu-west-2", "Did you mean 'region'?"),
    ],
)
def test_a_wrong_variable_is_named(
    wizard: Wizard, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, complaint: str
) -> None:
    monkeypatch.setenv(variable, value)
    outcome = wizard(*NEW, "--json")
    (problem,) = outcome.json["error"]["problems"]
    assert (outcome.code, problem["variable"]) == (2, variable)
    assert complaint in f"{problem['message']}. {problem['hint']}"
    assert f"at the environment variable {variable}" in outcome.stderr
