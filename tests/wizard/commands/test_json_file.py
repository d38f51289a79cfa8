from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from dx_app_wizard.lint.linter import lint_app, lint_spec

if TYPE_CHECKING:
    from pathlib import Path

Wizard = Callable[..., Any]
"""The command; see conftest.py."""


FULL: dict[str, Any] = {
    "x-custom": {"kept": [1, 2.5, None, "é"]},
    "name": "given-app",
    "title": "Given",
    "summary": "given",
    "version": "3.2.1",
    "outputSpec": [{"name": "out", "class": "array:file", "patterns": ["*.vcf.gz"], "x-custom": 1}],
    "inputSpec": [{"name": "reads", "class": "file", "suggestions": [{"project": "project-x", "path": "/"}]}],
    "runSpec": {
        "execDepends": [{"name": "pandas", "package_manager": "pip", "version": "2.2.0"}],
        "assetDepends": [{"name": "tools", "project": "project-x", "folder": "/", "version": "1.0.0"}],
        "restartableEntryPoints": "all",
        "timeoutPolicy": {"main": {"hours": 7}, "process": {"minutes": 30}},
        "interpreter": "python3",
        "file": "src/other_name.py",
        "distribution": "Ubuntu",
        "release": "20.04",
        "version": "0",
    },
    "access": {"network": ["github.com"], "project": "VIEW", "allProjects": "VIEW"},
    "regionalOptions": {
        "aws:eu-central-1": {
            "systemRequirements": {
                "main": {"instanceType": "mem1_ssd1_v2_x8"},
                "process": {"instanceType": "mem2_ssd1_v2_x4"},
            }
        }
    },
    "dxapi": "1.0.0",
}
NEUROSPIN: dict[str, Any] = {
    "name": "ns-app-getadproxy",
    "title": "A proxy",
    "summary": "A proxy.",
    "details": {"contactEmail": "someone@example.org"},
    "version": "0.0.1",
    "inputSpec": [
        {"name": "tab", "label": "tab", "class": "file", "optional": False, "patterns": ["*"], "help": ""}
    ],
    "outputSpec": [{"name": "pheno", "label": "pheno", "class": "file", "patterns": ["*"], "help": ""}],
    "runSpec": {"execDepends": [{"name": "pandas", "package_manager": "pip"}]},
    "access": {"network": ["*"]},
}


def given(tmp_path: Path, spec: dict[str, Any]) -> tuple[str, ...]:
    (tmp_path / "given.json").write_text(json.dumps(spec))
    return ("--json-file", "given.json", "--template", "basic")


def spec_of(folder: Path) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads((folder / "dxapp.json").read_text(encoding="utf-8"))
    return spec


def test_a_complete_file_is_kept_key_for_key_in_order(wizard: Wizard, tmp_path: Path) -> None:
    outcome = wizard(*given(tmp_path, FULL))
    assert outcome.code == 0, outcome.stderr
    assert json.dumps(spec_of(tmp_path / "given-app")) == json.dumps(FULL)
    assert (tmp_path / "given-app/src/other_name.py").is_file()


def test_what_is_absent_is_filled_in(wizard: Wizard, tmp_path: Path) -> None:
    flags = ("--language", "python", "--region", "aws:eu-west-2", "--instance-type", "mem1_ssd1_v2_x16")
    outcome = wizard(*given(tmp_path, NEUROSPIN), *flags, "--timeout", "5h")
    assert outcome.code == 0, outcome.stderr
    spec = spec_of(tmp_path / "ns-app-getadproxy")
    assert {key: spec[key] for key in NEUROSPIN if key != "runSpec"} == {
        key: value for key, value in NEUROSPIN.items() if key != "runSpec"
    }
    assert spec["runSpec"]["execDepends"] == NEUROSPIN["runSpec"]["execDepends"]
    assert spec["runSpec"]["timeoutPolicy"] == {"*": {"hours": 5}}
    assert spec["regionalOptions"] == {
        "aws:eu-west-2": {"systemRequirements": {"*": {"instanceType": "mem1_ssd1_v2_x16"}}}
    }


def test_name_title_summary_and_version_can_be_given_anew(wizard: Wizard, tmp_path: Path) -> None:
    wizard(*given(tmp_path, FULL), "other", "--title", "Other", "--version", "4.0.0")
    spec = spec_of(tmp_path / "other")
    assert list(spec) == list(FULL)
    assert spec == {**FULL, "name": "other", "title": "Other", "version": "4.0.0"}


@pytest.mark.parametrize(
    "contradiction",
    [
        ("--network",),
        ("--no-network",),
        ("--project-access", "ADMINISTER"),
        ("--timeout", "48h"),
        ("--language", "bash"),
        ("--input", "other:file"),
        ("--region", "aws:us-east-1"),
        ("--instance-type", "mem1_ssd1_v2_x4"),
    ],
)
def test_an_answer_that_contradicts_the_file_is_refused(
    wizard: Wizard, tmp_path: Path, contradiction: tuple[str, ...]
) -> None:
    outcome = wizard(*given(tmp_path, FULL), *contradiction)
    assert outcome.code == 2
    assert "contradicts the given dxapp.json" in outcome.stderr
    assert not (tmp_path / "given-app").exists()


@pytest.mark.parametrize(
    "agreement",
    [
        ("--language", "python"),
        ("--project-access", "view"),
        ("--region", "aws:eu-central-1"),
        ("--instance-type", "mem1_ssd1_v2_x8"),
    ],
)
def test_an_answer_that_agrees_with_the_file_is_accepted(
    wizard: Wizard, tmp_path: Path, agreement: tuple[str, ...]
) -> None:
    wizard(*given(tmp_path, FULL), *agreement)
    assert spec_of(tmp_path / "given-app") == FULL


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputSpec": {}}, "must be an array of parameters"),
        ({"inputSpec": [{"name": "x"}]}, "has no class"),
        ({"inputSpec": [{"name": "x", "class": "fil"}]}, "Did you mean 'file'?"),
        ({"inputSpec": [{"name": "lambda", "class": "int"}]}, "is a Python keyword"),
        ({"runSpec": []}, "must be a hash"),
        ({"access": {"network": "*"}}, "must be an array of strings"),
        ({"title": 3}, "must be a string"),
    ],
)
def test_a_file_with_errors_is_refused_with_its_findings(
    wizard: Wizard, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    outcome = wizard(*given(tmp_path, {**FULL, **change}), "--json")
    assert outcome.code == 3
    assert message in json.dumps(outcome.json["error"]["findings"], ensure_ascii=False)
    assert message in outcome.stderr
    assert "given.json:1:" in outcome.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"file": "../../etc/x.py"}, "is outside the app's folder"),
        ({"file": "/etc/x.py"}, "is outside the app's folder"),
        ({"file": ""}, "names no file"),
        ({"file": "src\\x.py"}, "has a backslash"),
        ({"file": "src/a\0.py"}, "has a control character"),
        ({"file": "src/" + "ä" * 130}, "has a name of more than 255 bytes"),
        ({"interpreter": "python2.7"}, "'python2.7' is no longer supported. Change it to \"python3\""),
    ],
)
def test_a_file_for_which_no_source_can_be_written_is_refused(
    wizard: Wizard, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    spec = {**FULL, "runSpec": {**FULL["runSpec"], **change}}
    outcome = wizard(*given(tmp_path, spec))
    assert outcome.code == 2
    assert f"runSpec.{next(iter(change))} " in outcome.stderr
    assert message in outcome.stderr
    assert "at given.json:1:" in outcome.stderr
    assert outcome.stderr.endswith("hint: Correct the file, then run the same command again.\n")


@pytest.mark.parametrize(
    "file", ["src", "dxapp.json", "dxapp.json/x.py", "test/test_app.py", ".dx-app-wizard.json"]
)
def test_a_source_in_the_place_of_another_file_is_refused(wizard: Wizard, tmp_path: Path, file: str) -> None:
    spec = {**FULL, "runSpec": {**FULL["runSpec"], "file": file}}
    outcome = wizard(*given(tmp_path, spec))
    assert outcome.code == 3
    assert f"runSpec.file: '{file}' is taken by another file of the app" in outcome.stderr
    assert "at given.json:1:" in outcome.stderr
    assert not (tmp_path / "given-app").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"title": "two\nlines"},
        {"title": "NUL \0"},
        {"summary": "two\r\nlines"},
        {"version": "1.0"},
        {"inputSpec": [{"name": "a", "class": "int", "default": 1, "help": "NUL \0\nx"}]},
    ],
)
def test_what_the_linter_accepts_is_kept(wizard: Wizard, tmp_path: Path, change: dict[str, Any]) -> None:
    outcome = wizard(*given(tmp_path, {**FULL, **change}), "--json")
    assert outcome.code == 0, outcome.stderr
    assert spec_of(tmp_path / "given-app") == {**FULL, **change}
    assert {"error"}.isdisjoint(finding.level for finding in lint_app(tmp_path / "given-app"))
    (tmp_path / "answers.json").write_text(json.dumps(outcome.json["answers"]))
    assert wizard("--answers", "answers.json", "-o", "again").code == 0


def test_a_name_is_checked_whatever_the_policy_ignores(wizard: Wizard, tmp_path: Path) -> None:
    (tmp_path / ".dx-app-wizard.toml").write_text('[lint]\nignore = ["app-name"]\n', encoding="utf-8")
    outcome = wizard(*given(tmp_path, {**FULL, "name": "../outside"}), "--json")
    assert outcome.code == 2
    (problem,) = outcome.json["error"]["problems"]
    assert problem["flag"] == "--json-file"
    assert problem["message"].startswith("name: The name of your app must match")
    assert (problem["file"], problem["line"]) == ("given.json", 1)


def test_inline_code_is_refused(wizard: Wizard, tmp_path: Path) -> None:
    spec = {**FULL, "runSpec": {"code": "print()", "interpreter": "python3"}}
    assert "runSpec.code contains the code inline" in wizard(*given(tmp_path, spec)).stderr


def test_requirements_in_run_spec_are_not_repeated_by_region(wizard: Wizard, tmp_path: Path) -> None:
    run_spec = {"systemRequirements": {"*": {"instanceType": "mem1_ssd1_v2_x2"}}, "interpreter": "bash"}
    wizard(*given(tmp_path, {"name": "a", "runSpec": run_spec}))
    spec = spec_of(tmp_path / "a")
    assert "regionalOptions" not in spec
    assert spec["runSpec"]["systemRequirements"] == run_spec["systemRequirements"]


OWN_RESOURCES: dict[str, Any] = {
    "name": "indexed",
    "resources": "project-BQ2Yy0Q0gzB0kkgV8JZ0004j",
    "runSpec": {"interpreter": "bash", "file": "src/code.sh"},
}
"""Resources at the top: `dx build` refuses regionalOptions beside them."""


@pytest.mark.parametrize(
    ("flags", "requirements"),
    [((), None), (("--instance-type", "mem1_ssd1_v2_x8"), {"*": {"instanceType": "mem1_ssd1_v2_x8"}})],
)
def test_resources_at_the_top_go_with_no_region(
    wizard: Wizard, tmp_path: Path, flags: tuple[str, ...], requirements: Any
) -> None:
    outcome = wizard(*given(tmp_path, OWN_RESOURCES), *flags, "--no-input")
    assert outcome.code == 0, outcome.stderr
    spec = spec_of(tmp_path / "indexed")
    assert "regionalOptions" not in spec
    assert spec["runSpec"].get("systemRequirements") == requirements
    assert [finding for finding in lint_spec(spec) if finding.level == "error"] == []


def test_the_region_of_the_environment_is_not_for_them(
    wizard: Wizard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DX_APP_WIZARD_REGION", "aws:eu-west-2")
    assert wizard(*given(tmp_path, OWN_RESOURCES), "--no-input").code == 0
    assert "regionalOptions" not in spec_of(tmp_path / "indexed")


def test_a_region_beside_resources_at_the_top_is_refused_with_their_place(
    wizard: Wizard, tmp_path: Path
) -> None:
    outcome = wizard(*given(tmp_path, OWN_RESOURCES), "--region", "aws:us-east-1", "--no-input")
    assert outcome.code == 2
    assert "has resources at the top" in outcome.stderr
    assert "at given.json:1:" in outcome.stderr
    assert not (tmp_path / "indexed").exists()


def test_what_the_linter_would_refuse_is_not_written(wizard: Wizard, tmp_path: Path) -> None:
    """The given file is valid by itself, but together with the answers it is not."""
    flags = ("--instance-type", "mem1_ssd1_v2_x9", "--no-input", "--json")
    outcome = wizard(*given(tmp_path, OWN_RESOURCES), *flags)
    assert outcome.code == 3
    assert outcome.json["error"]["message"] == "indexed/dxapp.json would have errors; nothing was written"
    (finding,) = outcome.json["error"]["findings"]
    assert (finding["rule"], finding["file"]) == ("instance-type", None)
    assert finding["path"].startswith("runSpec.systemRequirements")
    assert not (tmp_path / "indexed").exists()
