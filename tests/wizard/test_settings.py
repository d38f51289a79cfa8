from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Wizard = Callable[..., Any]

NEW = ("count-reads", "--set", "language=bash", "--set", "template=basic", "--no-input")


def spec_of(folder: Path) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads((folder / "count-reads" / "dxapp.json").read_text(encoding="utf-8"))
    return spec


@pytest.mark.parametrize(
    ("setting", "path", "expected"),
    [
        pytest.param("title=A=B", ("title",), "A=B", id="only the first = counts"),
        pytest.param("timeout=2d", ("runSpec", "timeoutPolicy", "*"), {"days": 2}, id="timeout"),
        pytest.param("network=yes", ("access", "network"), ["*"], id="network"),
        pytest.param('network=["a.org"]', ("access", "network"), ["a.org"], id="hosts"),
        pytest.param("project_access=view", ("access", "project"), "VIEW", id="level"),
    ],
)
def test_a_setting_answers_as_its_flag_does(
    wizard: Wizard, tmp_path: Path, setting: str, path: tuple[str, ...], expected: Any
) -> None:
    assert wizard(*NEW, "--set", setting).code == 0
    value: Any = spec_of(tmp_path)
    for key in path:
        value = value[key]
    assert value == expected


def test_settings_add_parameters_to_those_of_the_flags(wizard: Wizard, tmp_path: Path) -> None:
    wizard(*NEW, "--input", "reads:file", "--set", "inputs=k:int=31", "--set", "inputs=log:file?")
    assert [field["name"] for field in spec_of(tmp_path)["inputSpec"]] == ["reads", "k", "log"]


def test_region_and_instance_type_of_a_given_dxapp_json_that_names_none(
    wizard: Wizard, tmp_path: Path
) -> None:
    packages = [{"name": "pandas", "package_manager": "pip"}]
    run_spec = {"interpreter": "bash", "execDepends": packages}
    given = {"name": "count-reads", "runSpec": run_spec, "access": {"network": ["github.com"]}}
    (tmp_path / "given.json").write_text(json.dumps(given))
    places = ("--set", "region=aws:eu-west-2", "--set", "instance_type=mem1_ssd1_v2_x16")
    outcome = wizard("--json-file", "given.json", "--template", "basic", "--no-input", *places)
    assert outcome.code == 0, outcome.stderr
    spec = spec_of(tmp_path)
    assert spec["runSpec"]["execDepends"] == packages
    assert spec["access"] == {"network": ["github.com"]}
    requirements = {"*": {"instanceType": "mem1_ssd1_v2_x16"}}
    assert spec["regionalOptions"] == {"aws:eu-west-2": {"systemRequirements": requirements}}


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        pytest.param("title", "does not read KEY=VALUE", id="no value"),
        pytest.param("=x", "does not read KEY=VALUE", id="no key"),
        pytest.param("titel=x", "did you mean 'title'?", id="unknown key"),
        pytest.param("timeout=soon", "such as 48h; got 'soon'", id="invalid value"),
        pytest.param("network=maybe", "must be true, false or an array of hosts", id="invalid network"),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_written(
    wizard: Wizard, tmp_path: Path, setting: str, complaint: str
) -> None:
    outcome = wizard(*NEW, "--set", setting)
    assert outcome.code == 2
    assert complaint in outcome.stderr
    assert not (tmp_path / "count-reads").exists()


def test_a_setting_and_its_flag_contradict_each_other(wizard: Wizard) -> None:
    outcome = wizard(*NEW, "--title", "A", "--set", "title=B")
    assert outcome.code == 2
    assert "title is answered by its own flag, too" in outcome.stderr
