"""Typical uses of the wizard without a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from tests.forked import run_ours

from dx_app_wizard.lint.linter import lint_app

if TYPE_CHECKING:
    from pathlib import Path

TEAM_SPEC = """\
{
    "name": "ns-app-getadproxy",\x20
    "title": "A proxy for a diagnosis",\x20\x20
    "summary": "A proxy for a diagnosis. It happens to be not very good.",
    "details": {\x20\x20\x20\x20\x20\x20\x20\x20
              "contactEmail": "someone@example.org"\x20
                },\x20\x20\x20
    "version": "0.0.1",\x20
    "inputSpec": [
      {"name": "tab", "label": "tab", "class": "file", "optional": false, "patterns": ["*"], "help": ""}
    ],
    "outputSpec": [
      {"name": "pheno", "label": "pheno", "class": "file", "patterns": ["*"], "help": ""}
    ]%s
}


"""
PACKAGES = '"execDepends": [{"name": "pandas",\n       "package_manager": "pip"}]'
REGIONS = '{"aws:eu-west-2": {"systemRequirements": {"*": {"instanceType": "mem1_ssd1_v2_x16"}}}}'
RUN_PARTS = f',\n    "runSpec": {{{PACKAGES}}},\n    "access": {{"network": ["*"]}}'
WITH_PACKAGES = TEAM_SPEC % RUN_PARTS
WITH_REGIONS = TEAM_SPEC % f'{RUN_PARTS},\n    "regionalOptions": {REGIONS}'
PLACE = ("--set", "region=aws:eu-west-2", "--set", "instance_type=mem1_ssd1_v2_x16")
KIND = ("--language", "python", "--template", "basic")

OLD_SCRIPT = "\n\n20m\nPython\ny\n\nmem1_ssd1_v2_x16\n"
"""Name and version as they are, the limit, the language, network, no project access, the instance type."""


def run(*arguments: str, stdin: Any = subprocess.DEVNULL, text: str | None = None) -> Any:
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    if stdin == subprocess.DEVNULL:
        return run_ours("dx-app-wizard", arguments, environment, stdin=text)
    return subprocess.run(
        [sys.executable, "-m", "dx_app_wizard", *arguments],
        stdin=stdin,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


def spec_of(folder: Path) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads((folder / "dxapp.json").read_text(encoding="utf-8"))
    return spec


@pytest.mark.parametrize("given", [WITH_PACKAGES, WITH_REGIONS], ids=["no regions", "regions"])
def test_a_team_makes_its_app_anew_with_one_command_as_often_as_it_likes(
    home: Path, tmp_path: Path, given: str
) -> None:
    (tmp_path / "app.json").write_text(given)
    outcomes = [run("--json-file", "app.json", *PLACE, *KIND) for _ in range(2)]
    assert [outcome.returncode for outcome in outcomes] == [0, 0], outcomes
    assert all("?" not in outcome.stderr for outcome in outcomes)
    folder = tmp_path / "ns-app-getadproxy"
    assert PACKAGES in (folder / "dxapp.json").read_text()
    assert spec_of(folder)["regionalOptions"] == json.loads(REGIONS)
    assert spec_of(folder)["access"] == {"network": ["*"]}
    assert [finding for finding in lint_app(folder) if finding.level == "error"] == []


def test_packages_that_need_the_network_are_named_with_the_command_that_works(
    home: Path, tmp_path: Path
) -> None:
    (tmp_path / "app.json").write_text(TEAM_SPEC % f',\n    "runSpec": {{{PACKAGES}}}')
    outcome = run("--json-file", "app.json", *KIND)
    assert outcome.returncode == 2
    assert "--network  missing: packages from pip cannot be installed" in outcome.stderr
    assert f"dx-app-wizard --json-file app.json {' '.join(KIND)} --network\n" in outcome.stderr
    assert run("--json-file", "app.json", *KIND, "--network").returncode == 0


@pytest.mark.parametrize("given", [TEAM_SPEC % "", WITH_PACKAGES], ids=["bare", "packages"])
def test_the_script_for_the_official_wizard_still_works(home: Path, tmp_path: Path, given: str) -> None:
    (tmp_path / "app.json").write_text(given)
    outcomes = [run("--json-file", "app.json", text=OLD_SCRIPT) for _ in range(2)]
    assert [outcome.returncode for outcome in outcomes] == [0, 0], outcomes
    spec = spec_of(tmp_path / "ns-app-getadproxy")
    assert spec["runSpec"]["timeoutPolicy"] == {"*": {"minutes": 20}}
    assert (spec["runSpec"]["interpreter"], spec["access"]) == ("python3", {"network": ["*"]})
    assert spec["regionalOptions"]["aws:us-east-1"]["systemRequirements"]["*"] == {
        "instanceType": "mem1_ssd1_v2_x16"
    }


def test_an_old_script_changes_nothing_that_the_file_says_for_good(home: Path, tmp_path: Path) -> None:
    (tmp_path / "app.json").write_text(WITH_REGIONS)
    answers = ("other", "2.0.0", "20m", "Python", "n", "", "mem1_ssd1_v2_x8", "")
    outcome = run("--json-file", "app.json", text="\n".join(answers))
    assert outcome.returncode == 0, outcome.stderr
    spec = spec_of(tmp_path / "other")
    assert (spec["version"], spec["access"]) == ("2.0.0", {"network": ["*"]})
    assert spec["regionalOptions"] == json.loads(REGIONS)
    assert "Ignored: n. The given dxapp.json has another value" in outcome.stderr
    assert "Ignored: mem1_ssd1_v2_x8." in outcome.stderr


def test_fewer_lines_answer_only_what_is_absent(home: Path, tmp_path: Path) -> None:
    (tmp_path / "app.json").write_text(WITH_REGIONS)
    outcome = run("--json-file", "app.json", text="20m\nbash\nbasic\nn\n")
    assert outcome.returncode == 0, outcome.stderr
    assert "App Name" not in outcome.stderr
    assert spec_of(tmp_path / "ns-app-getadproxy")["runSpec"]["timeoutPolicy"] == {"*": {"minutes": 20}}


def test_a_script_that_ends_too_early_names_what_is_missing(home: Path, tmp_path: Path) -> None:
    (tmp_path / "app.json").write_text(TEAM_SPEC % "")
    outcome = run("--json-file", "app.json", text="20m\n")
    assert outcome.returncode == 2
    assert "--language        missing: python or bash" in outcome.stderr
    assert "--timeout  " not in outcome.stderr
    assert "dx-app-wizard --json-file app.json --timeout 20m --language python" in outcome.stderr
    assert not (tmp_path / "ns-app-getadproxy").exists()


def test_an_agent_goes_from_the_schema_to_an_app(home: Path, tmp_path: Path) -> None:
    schema = json.loads(run("--answers-schema").stdout)
    needed = {key: schema["properties"][key]["examples"][0] for key in schema["required"]}
    answers = {**needed, "inputs": schema["properties"]["inputs"]["examples"][0]}
    Draft202012Validator(schema).validate(answers)
    (tmp_path / "answers.json").write_text(json.dumps(answers))
    result = json.loads(run("--answers", "answers.json", "--no-input", "--json").stdout)
    assert result["answers"]["name"] == result["app"]["name"] == "count-reads"
    assert lint_app(tmp_path / result["app"]["path"]) == []


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("options", [("--no-input",), ("--json",), ()])
def test_a_pipe_that_stays_open_and_silent_blocks_nothing(
    home: Path, complete: bool, options: tuple[str, ...]
) -> None:
    read_end, write_end = os.pipe()
    needed = ("count-reads", *KIND) if complete else ()
    outcome = run(*needed, *options, stdin=read_end)
    os.close(read_end)
    os.close(write_end)
    assert outcome.returncode == (0 if complete else 2)
    assert complete or "dx-app-wizard count-reads --language python\n" in outcome.stderr


@pytest.mark.parametrize("redirection", ["</dev/null", "<&-"])
def test_no_input_at_all_is_no_prompt(home: Path, redirection: str) -> None:
    command = f"{sys.executable} -m dx_app_wizard --title Reads {redirection}"
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    done = subprocess.run(
        ["sh", "-c", command], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: 2 answers are missing")


def test_every_error_in_json_has_its_code_message_hint_and_place(home: Path, tmp_path: Path) -> None:
    (tmp_path / "answers.yaml").write_text("name: a/b\ninputs:\n  - k:integer\n")
    error = json.loads(run("--answers", "answers.yaml", "--json").stdout)["error"]
    places = [(problem["code"], problem["file"], problem["line"]) for problem in error["problems"]]
    assert places == [
        ("invalid-answer", "answers.yaml", 1),
        ("invalid-answer", "answers.yaml", 3),
        ("missing-answer", None, None),
    ]
    assert all({"key", "flag", "message", "hint"} <= problem.keys() for problem in error["problems"])
    assert error["problems"][1]["hint"] == "Did you mean 'int'?"
