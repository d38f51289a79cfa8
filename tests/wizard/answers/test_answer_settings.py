from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from dx_app_wizard.answers.answers import gather
from dx_app_wizard.answers.settings import with_settings
from dx_app_wizard.answers.sources import AnswerSources, Source
from dx_app_wizard.errors import Place

if TYPE_CHECKING:
    from pathlib import Path

Wizard = Callable[..., Any]

TIMEOUT = ("runSpec", "timeoutPolicy", "*")
NEW = ("count-reads", "--set", "language=bash", "--set", "template=basic", "--no-input")


def spec_of(folder: Path) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads((folder / "count-reads" / "dxapp.json").read_text(encoding="utf-8"))
    return spec


@pytest.mark.parametrize(
    ("setting", "path", "expected"),
    [
        pytest.param("title=A=B", ("title",), "A=B", id="only the first = counts"),
        pytest.param("timeout=2d", TIMEOUT, {"days": 2}, id="timeout"),
        pytest.param("network=yes", ("access", "network"), ["*"], id="network"),
        pytest.param('network=["a.org"]', ("access", "network"), ["a.org"], id="hosts"),
        pytest.param("network=[]", ("access",), None, id="no hosts"),
        pytest.param('timeout={"days": 1, "hours": 2}', TIMEOUT, {"days": 1, "hours": 2}, id="hash"),
        pytest.param("project_access=view", ("access", "project"), "VIEW", id="level"),
    ],
)
def test_a_setting_answers_as_its_flag_does(
    wizard: Wizard, tmp_path: Path, setting: str, path: tuple[str, ...], expected: Any
) -> None:
    assert wizard(*NEW, "--set", setting).code == 0
    value: Any = spec_of(tmp_path)
    for key in path:
        value = value.get(key)
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
        pytest.param("title", "is not KEY=VALUE", id="no value"),
        pytest.param("=x", "is not KEY=VALUE", id="no key"),
        pytest.param("titel=x", "Did you mean 'title'?", id="unknown key"),
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
    assert "title is set by its own flag too" in outcome.stderr


def test_a_list_of_parameters_may_be_a_json_array(wizard: Wizard, tmp_path: Path) -> None:
    wizard(*NEW, "--set", 'inputs=["reads:file", {"name": "k", "class": "int"}]', "--set", "outputs=[]")
    assert spec_of(tmp_path)["inputSpec"] == [
        {"name": "reads", "class": "file"},
        {"name": "k", "class": "int"},
    ]


@pytest.mark.parametrize(
    ("setting", "field", "value"),
    [
        ("inputs.k.label=Length", "label", "Length"),
        ("inputs.1.help=of = k-mers", "help", "of = k-mers"),
        ("inputs.k.group=Advanced", "group", "Advanced"),
        ("inputs.k.optional=true", "optional", True),
        ("inputs.k.default=31", "default", [31]),
        ("inputs.k.default=[21, 31]", "default", [21, 31]),
        ("inputs.k.choices=21, 31", "choices", [21, 31]),
        ("inputs.k.choices=[21]", "choices", [21]),
        ("inputs.k.suggestions=21,31", "suggestions", [21, 31]),
        ("inputs.reads.patterns=*.bam, *.sam", "patterns", ["*.bam", "*.sam"]),
        ('inputs.reads.patterns={"name": ["*.bam"]}', "patterns", {"name": ["*.bam"]}),
        ("inputs.reads.type=Reads", "type", "Reads"),
        (
            'inputs.reads.suggestions=[{"project": "project-x", "path": "/"}]',
            "suggestions",
            [{"project": "project-x", "path": "/"}],
        ),
    ],
)
def test_a_setting_says_one_thing_of_one_parameter(setting: str, field: str, value: Any) -> None:
    settings = with_settings({}, ["name=x", "language=bash", "template=basic", setting])
    file = Source({"inputs": ["reads:file", "k:array:int"]}, Place("answers.json"))
    reads, k = gather(AnswerSources((Source(settings), file))).inputs
    assert (reads if "reads" in setting else k)[field] == value


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("inputs.read.help=x", "no parameter is called 'read'. Did you mean 'reads'?"),
        ("inputs.7.help=x", "no parameter is called '7'. The parameters are reads."),
        ("outputs.report.help=x", "There are no parameters."),
        ("inputs.reads.hlep=x", "a parameter has no field 'hlep'. Fields are label, help,"),
        ("inputs.reads.optional=perhaps", "is not a value of class boolean"),
        ("inputs.reads.default=x", "an ID such as file-xxxx"),
        ("inputs.reads.patterns=[", "is not a JSON array"),
        ("inputs.reads=x", "no question has the key 'inputs.reads'"),
        ("title.x.y=x", "no question has the key 'title.x.y'"),
    ],
)
def test_a_setting_of_a_parameter_that_says_nothing_is_refused(
    wizard: Wizard, tmp_path: Path, setting: str, complaint: str
) -> None:
    outcome = wizard(*NEW, "--input", "reads:file", "--set", setting)
    assert outcome.code == 2
    assert complaint in outcome.stderr
    assert not (tmp_path / "count-reads").exists()


def test_parameters_of_a_given_dxapp_json_are_changed_there(wizard: Wizard, tmp_path: Path) -> None:
    given = {"inputSpec": [{"name": "reads", "class": "file"}]}
    (tmp_path / "given.json").write_text(json.dumps(given))
    outcome = wizard(*NEW, "--json-file", "given.json", "--set", "inputs.reads.help=x")
    assert outcome.code == 2
    assert "is already in the given dxapp.json. Change it there." in outcome.stderr
