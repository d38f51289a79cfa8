from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from dx_app_wizard import __version__
from dx_app_wizard.lint.linter import lint_app

if TYPE_CHECKING:
    from pathlib import Path

Wizard = Callable[..., Any]
"""The command; see conftest.py."""


NEW = ("count-reads", "--language", "python", "--template", "basic")
PARAMETERS = (
    "--input",
    "reads:file",
    "--input",
    "k:int=31",
    "--input",
    "log:file?",
    "--output",
    "report:file",
)


def spec_of(folder: Path) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads((folder / "dxapp.json").read_text(encoding="utf-8"))
    return spec


def test_an_app_is_written_and_its_path_printed(wizard_process: Wizard, tmp_path: Path) -> None:
    outcome = wizard_process(*NEW, *PARAMETERS)
    assert (outcome.code, outcome.stdout) == (0, "count-reads\n")
    assert "cd count-reads\n  dx-local run\n  dx-local test" in outcome.stderr
    assert lint_app(tmp_path / "count-reads") == []


def test_defaults_fill_what_nobody_answered(wizard: Wizard, tmp_path: Path) -> None:
    wizard(*NEW)
    assert spec_of(tmp_path / "count-reads") == {
        "name": "count-reads",
        "title": "Count reads",
        "summary": "Count reads",
        "dxapi": "1.0.0",
        "version": "0.0.1",
        "inputSpec": [],
        "outputSpec": [],
        "runSpec": {
            "timeoutPolicy": {"*": {"hours": 48}},
            "interpreter": "python3",
            "file": "src/count-reads.py",
            "distribution": "Ubuntu",
            "release": "24.04",
            "version": "0",
        },
        "regionalOptions": {
            "aws:us-east-1": {"systemRequirements": {"*": {"instanceType": "mem1_ssd1_v2_x4"}}}
        },
    }


def test_flags_reach_the_spec(wizard: Wizard, tmp_path: Path) -> None:
    wizard(
        *NEW[:1], "--language", "BASH", "--template", "Parallelized", *PARAMETERS,
        "--title", "Zähle Reads", "--summary", "counts", "--version", "1.2.3", "--timeout", "90m",
        "--network", "--project-access", "view", "--region", "azure:westus",
    )  # fmt: skip
    spec = spec_of(tmp_path / "count-reads")
    assert (spec["title"], spec["summary"], spec["version"]) == ("Zähle Reads", "counts", "1.2.3")
    assert spec["runSpec"]["timeoutPolicy"] == {"*": {"minutes": 90}}
    assert spec["access"] == {"network": ["*"], "project": "VIEW"}
    assert spec["regionalOptions"]["azure:westus"]["systemRequirements"]["*"] == {
        "instanceType": "azure:mem1_ssd1_x4"
    }
    assert spec["inputSpec"][1:] == [
        {"name": "k", "class": "int", "default": 31},
        {"name": "log", "class": "file", "optional": True},
    ]


def test_json_prints_one_object(wizard: Wizard) -> None:
    outcome = wizard(*NEW, "--json")
    assert outcome.json["schema"] == 1
    assert outcome.json["app"]["path"] == "count-reads"
    assert "dxapp.json" in outcome.json["app"]["files"]
    assert outcome.stderr == ""


@pytest.mark.parametrize("options", [(), ("--no-input",), ("--json",)])
def test_all_missing_answers_are_named_at_once(
    wizard_process: Wizard, tmp_path: Path, options: tuple[str, ...]
) -> None:
    outcome = wizard_process(*options)
    assert outcome.code == 2
    assert all(flag in outcome.stderr for flag in ("NAME", "--language"))
    assert "--template" not in outcome.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("region", "meant"), [("london", "aws:eu-west-2-g"), ("mars", None)])
def test_a_wrong_region_is_met_with_the_list_of_regions(
    wizard: Wizard, region: str, meant: str | None
) -> None:
    outcome = wizard("counts", "--language", "bash", "--region", region)
    assert outcome.code == 2
    assert "aws:us-east-1 (N. Virginia), aws:eu-central-1 (Frankfurt)" in outcome.stderr
    assert "azure:westus (US West)" in outcome.stderr
    assert (f"did you mean {meant}? Regions are" in outcome.stderr) == bool(meant)


def test_all_invalid_answers_are_named_at_once(wizard: Wizard, tmp_path: Path) -> None:
    outcome = wizard(
        "a/b", "--language", "perl", "--template", "basix", "--version", "one", "--timeout", "3w",
        "--input", "x", "--input", "y:fil", "--output", "9a:int", "--project-access", "ALL",
        "--region", "mars", "--title", "a\nb", "--json",
    )  # fmt: skip
    flags = [problem["flag"] for problem in outcome.json["error"]["problems"]]
    assert flags == [
        "NAME", "--title", "--version", "--input", "--input", "--output", "--timeout", "--language",
        "--template", "--project-access", "--region",
    ]  # fmt: skip
    assert outcome.code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--template", "basix"), "did you mean basic?"),
        (("--input", "reads:files"), "Did you mean 'file'?"),
        (("--input", "lambda:int"), "is a Python keyword"),
        (("--input", "a:int", "--input", "a:int"), "'a' is used twice"),
        (("--input", "a:int=x"), "expected a whole number"),
        (("--input", 'a:array:int=["x"]'), '[0]: expected int, got string "x"'),
        (("--output", "a:int=3"), "an output cannot have a default"),
        (("--instance-type", "mem1_ssd1_v2_x5"), "did you mean mem1_ssd1_v2_x"),
        (("--timeout", "31d"), "max allowed timeout is 30 days"),
        (("--timeout", "0h"), "greater than zero"),
    ],
)
def test_an_invalid_answer_comes_with_its_rule(
    wizard: Wizard, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    outcome = wizard(*NEW, *arguments)
    assert outcome.code == 2
    assert message in outcome.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [".", "..", "a/b", "../a", ".git", "a b", "", "é", "a\\b"])
def test_names_that_are_no_safe_folder_are_refused(wizard: Wizard, tmp_path: Path, name: str) -> None:
    (tmp_path / "precious").write_text("data")
    outcome = wizard("--language", "python", "--template", "basic", "--", name)
    assert outcome.code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


@pytest.mark.parametrize("kind", ["full folder", "file", "dangling link"])
def test_an_existing_target_is_a_conflict_and_stays_untouched(
    wizard: Wizard, tmp_path: Path, kind: str
) -> None:
    target = tmp_path / "count-reads"
    if kind == "file":
        target.write_text("mine")
    elif kind == "dangling link":
        target.symlink_to("nowhere")
    else:
        target.mkdir()
        (target / "mine").write_text("mine")
    before = sorted((str(path), path.lstat().st_mtime_ns) for path in tmp_path.rglob("*"))
    outcome = wizard(*NEW, "--json")
    assert (outcome.code, outcome.json["error"]["code"]) == (4, "conflict")
    assert sorted((str(path), path.lstat().st_mtime_ns) for path in tmp_path.rglob("*")) == before


@pytest.mark.parametrize("arguments", [("--no-such-flag",), ("--title",), ("a", "b")])
def test_wrong_use_exits_2_with_json_too(wizard: Wizard, arguments: tuple[str, ...]) -> None:
    outcome = wizard("--json", *arguments)
    assert (outcome.code, outcome.json["error"]["code"]) == (2, "usage")


def test_the_output_folder_is_made(wizard: Wizard, tmp_path: Path) -> None:
    assert wizard(*NEW, "-o", "new/apps").stdout == "new/apps/count-reads\n"
    assert (tmp_path / "new/apps/count-reads/dxapp.json").is_file()


def test_paths_are_said_as_they_were_given(wizard: Wizard, tmp_path: Path) -> None:
    assert wizard(*NEW, "-o", str(tmp_path / "apps")).stdout == f"{tmp_path}/apps/count-reads\n"
    assert "at /missing/answers.json" in wizard(*NEW, "--answers", "/missing/answers.json").stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_an_output_folder_without_permission_is_no_crash(wizard: Wizard, tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    outcome = wizard(*NEW, "--json")
    tmp_path.chmod(stat.S_IRWXU)
    assert (outcome.code, outcome.json["error"]["code"]) == (2, "not-writable")


def test_an_output_folder_that_is_a_file_is_no_crash(wizard: Wizard, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    outcome = wizard(*NEW, "-o", "file", "--json")
    assert (outcome.code, outcome.json["error"]["code"]) == (2, "not-writable")


def test_answers_come_from_a_file_and_flags_win(wizard: Wizard, tmp_path: Path) -> None:
    answers = {
        "name": "from-file",
        "language": "bash",
        "template": "basic",
        "title": "From file",
        "inputs": ["reads:file", {"name": "k", "class": "int", "choices": [21, 31], "default": 31}],
        "timeout": {"days": 1},
        "network": ["github.com"],
        "summary": None,
    }
    (tmp_path / "answers.json").write_text(json.dumps(answers))
    assert wizard("--answers", "answers.json", "--title", "From flag").code == 0
    spec = spec_of(tmp_path / "from-file")
    assert (spec["title"], spec["summary"]) == ("From flag", "From flag")
    assert spec["inputSpec"][1] == answers["inputs"][1]  # type: ignore[index]
    assert (spec["runSpec"]["timeoutPolicy"], spec["access"]) == (
        {"*": {"days": 1}},
        {"network": ["github.com"]},
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "answers.json:1:2"),
        ("[]", "must contain an object"),
        ('{"name": "a", "name": "b"}', "has the key 'name' twice"),
        ('{"langage": "bash"}', "Did you mean 'language'?"),
        ('{"inputs": "reads:file"}', "must be an array of parameters"),
        ('{"inputs": [3]}', "must be a string"),
        ('{"timeout": {"weeks": 1}}', "hash with days, hours and minutes"),
        ('{"timeout": {"hours": true}}', "whole numbers from 0"),
        ('{"network": "*"}', "true, false or an array of hosts"),
        ('{"version": 1.0}', "must be a string"),
        ('{"inputs": [{"name": "x"}]}', "has no class"),
        ('{"inputs": [{"name": "x", "class": "int", "default": "y"}]}', "is invalid"),
    ],
)
def test_a_bad_answers_file_is_refused(wizard: Wizard, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "answers.json").write_text(text)
    outcome = wizard(*NEW, "--answers", "answers.json")
    assert outcome.code == 2
    assert message in outcome.stderr


@pytest.mark.parametrize("flag", ["--answers", "--json-file"])
def test_a_file_that_is_not_there_is_named(wizard: Wizard, flag: str) -> None:
    outcome = wizard(*NEW, flag, "missing.json", "--json")
    assert (outcome.code, outcome.json["error"]["file"]) == (2, "missing.json")


def test_the_tool_says_its_own_version(wizard: Wizard) -> None:
    assert wizard("--tool-version").stdout == f"dx-app-wizard {__version__}\n"


def test_help_shows_every_flag_within_80_columns(wizard_process: Wizard) -> None:
    text = wizard_process("--help", COLUMNS="200").stdout
    assert all(len(line) <= 80 for line in text.split("\n"))
    assert all(flag in text for flag in ("--json-file", "--answers", "--no-input", "Exit codes", "Examples"))


def test_non_ascii_answers_survive_a_c_locale(wizard_process: Wizard, tmp_path: Path) -> None:
    c_locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    outcome = wizard_process(*NEW, "--title", "Zähle", "--input", "x:string=ß", **c_locale)
    assert outcome.code == 0, outcome.stderr
    spec = spec_of(tmp_path / "count-reads")
    assert (spec["title"], spec["inputSpec"][0]["default"]) == ("Zähle", "ß")


def test_a_bug_of_ours_leaves_a_crash_log_and_no_traceback(wizard_process: Wizard, tmp_path: Path) -> None:
    (tmp_path / "jinja2.py").write_text("raise RuntimeError('broken install')")
    outcome = wizard_process(*NEW, "--json", PYTHONPATH=str(tmp_path), XDG_STATE_HOME=str(tmp_path / "state"))
    assert (outcome.code, outcome.json["error"]["code"]) == (1, "unexpected")
    assert "Traceback" not in outcome.stderr
    (log,) = (tmp_path / "state" / "dx-app-wizard").iterdir()
    assert "RuntimeError: broken install" in log.read_text()
    assert str(log) in outcome.stderr


def test_verbose_shows_the_traceback_of_a_bug(wizard_process: Wizard, tmp_path: Path) -> None:
    (tmp_path / "jinja2.py").write_text("raise RuntimeError('broken install')")
    assert "Traceback" in wizard_process(*NEW, "--verbose", PYTHONPATH=str(tmp_path)).stderr


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, dx_app_wizard.cli; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"rich", "cookiecutter", "jsonschema", "jinja2", "questionary", "dx_app_wizard.dxapp.classes"}
    assert heavy.isdisjoint(modules)


@pytest.mark.parametrize("flag", ["--answers", "--json-file"])
@pytest.mark.parametrize("path", ["", "."])
def test_a_folder_is_not_taken_for_no_file(wizard: Wizard, tmp_path: Path, flag: str, path: str) -> None:
    outcome = wizard(*NEW, flag, path)
    assert (outcome.code, "cannot be read: Is a directory" in outcome.stderr) == (2, True)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("folder", ["file", "file/below", "link"])
@pytest.mark.parametrize("mode", [(), ("--dry-run",)])
def test_a_place_that_can_be_no_folder(
    wizard: Wizard, tmp_path: Path, folder: str, mode: tuple[str, ...]
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    outcome = wizard(*NEW, "--output-dir", folder, *mode)
    assert (outcome.code, "Not a directory: " in outcome.stderr) == (2, True)


@pytest.mark.parametrize(("arguments", "code"), [(NEW, 1), (("--version", "x"), 2)])
def test_a_full_disk_behind_stdout(home: Path, arguments: tuple[str, ...], code: int) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        command = [sys.executable, "-m", "dx_app_wizard", *arguments, "--json"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)
    assert done.returncode == code
    assert b"error: stdout cannot be written: No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr


def test_the_command_that_works_keeps_the_parameters_that_are_right(wizard: Wizard) -> None:
    wrong = ("--input", "a/b:file", "--input", "reads:file", "--input", "k:int", "--input", "x:nt")
    outcome = wizard(*NEW, *wrong, "--timeout", "99d")
    assert outcome.stderr.endswith("--template basic --input reads:file --input k:int\n")


def test_a_thousand_parameters_take_seconds(wizard: Wizard, tmp_path: Path) -> None:
    answers = {
        "name": "huge", "language": "python", "template": "basic",
        "inputs": [f"in_{number}:int" for number in range(500)],
        "outputs": [f"out_{number}:int" for number in range(500)],
    }  # fmt: skip
    (tmp_path / "answers.json").write_text(json.dumps(answers))
    started = time.process_time()
    assert wizard("--answers", "answers.json").code == 0
    assert time.process_time() - started < 5


@pytest.fixture
def nobody(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without a home and without an entry in the system, as in containers."""

    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", unknown)


@pytest.mark.usefixtures("nobody")
def test_apps_are_written_without_a_home(wizard: Wizard) -> None:
    assert wizard(*NEW).code == 0
    assert wizard("--update", "count-reads", "--title", "Tally").code == 0


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--resume",), "this user has no home folder"),
        ((*NEW, "--template-source", "~/template"), "'~/template' is not a folder"),
    ],
)
def test_what_needs_a_home_says_so(wizard: Wizard, arguments: tuple[str, ...], message: str) -> None:
    outcome = wizard(*arguments)
    assert (outcome.code, message in outcome.stderr) == (2, True), outcome.stderr


@pytest.mark.usefixtures("nobody")
def test_a_crash_is_logged_without_a_home(
    wizard: Wizard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dx_app_wizard.commands.create.CreatedApp", None)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    outcome = wizard(*NEW)
    assert (outcome.code, "Traceback" in outcome.stderr) == (1, False)
    (log,) = tmp_path.glob("dx-app-wizard-crash-*.log")
    assert "Traceback" in log.read_text()


def test_a_key_of_the_environment_that_no_question_has_is_named_by_its_variable(
    wizard: Wizard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DX_APP_WIZARD_REGIO", "aws:us-east-1")
    assert "\n  DX_APP_WIZARD_REGIO  no question has the key 'regio'" in wizard(*NEW).stderr
