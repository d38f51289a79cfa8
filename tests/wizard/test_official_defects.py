"""The known defects of the official wizard (dxpy 0.417.1): for each one, a test that ours does not have it.

The tests are named by the numbers of that list. Of two defects a part cannot apply here:

- 23 also misses a LICENSE: the licence of an app is its author's decision, so none is written.
- 25 is about the tests of the official wizard itself; here, a generated test is compiled and run.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.forked import run_ours

import dx_app_wizard
import dx_local
from dx_app_wizard.answers.choices import LANGUAGES, PATTERNS
from dx_app_wizard.lint.linter import lint_app
from dx_local.testing import run_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.wizard.conftest import Outcome, Terminal

    Wizard = Callable[..., Outcome]
    Start = Callable[..., Terminal]

BIN = Path(sys.executable).parent
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
PYTHON = ("--language", "python", "--template", "basic")
BASH = ("--language", "bash", "--template", "basic")
OLD_TRANSCRIPT = (
    "counts", "Zähle", "", "1.0.0", "reads", "Reads", "file", "n", "", "out", "", "int", "", "90m", "Python",
    "y", "n", "mem1_ssd1_v2_x8",
)  # fmt: skip
FULL_SPEC = {
    "name": "full", "title": "Full", "summary": "All that there is", "version": "1.0.0", "dxapi": "1.0.0",
    "release": "24.04", "inputSpec": [], "outputSpec": [],
    "runSpec": {
        "interpreter": "python3", "file": "code/full.py", "distribution": "Ubuntu", "release": "24.04",
        "version": "0", "timeoutPolicy": {"*": {"hours": 7}}, "restartableEntryPoints": "all",
        "execDepends": [{"name": "pandas", "package_manager": "pip"}],
        "assetDepends": [{"name": "tool", "project": "project-" + "x" * 24, "folder": "/", "version": "1.0"}],
    },
    "access": {"network": ["github.com"]},
    "regionalOptions": {
        "aws:eu-central-1": {
            "systemRequirements": {
                "main": {"instanceType": "mem1_ssd1_v2_x2"}, "process": {"instanceType": "mem1_ssd1_v2_x8"},
            }
        }
    },
}  # fmt: skip


@pytest.fixture
def piped(home: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command in a process of its own, with lines to read, as `printf '...' | dx-app-wizard`."""

    def run(
        *lines: str, options: tuple[str, ...] = (), **environment: str
    ) -> subprocess.CompletedProcess[str]:
        inherited = {key: value for key, value in os.environ.items() if key != "CI"}
        text = "".join(f"{line}\n" for line in lines)
        return run_ours("dx-app-wizard", options, {**inherited, **environment}, stdin=text)

    return run


def contents(folder: Path) -> dict[str, str]:
    """Return the text of every file in a folder."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def spec_of(app: Path) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads((app / "dxapp.json").read_text(encoding="utf-8"))
    return spec


@pytest.mark.parametrize("name", [".", ".."])
def test_defect_1_no_name_leads_to_a_folder_that_is_wiped(
    piped: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    (tmp_path / "precious").touch()
    outcome = piped(name, "y", options=("--language", "Python"))
    assert outcome.returncode == 2
    assert "The name of your app must match" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_defect_2_an_existing_folder_is_kept_and_can_be_merged_into(wizard: Wizard, tmp_path: Path) -> None:
    wizard("app", *PYTHON)
    (tmp_path / "app" / "notes").write_text("mine")
    (tmp_path / "app" / "src" / "app.py").write_text("my work")
    before = contents(tmp_path / "app")
    assert wizard("app", *PYTHON).code == 4
    assert contents(tmp_path / "app") == before
    assert wizard("app", *PYTHON, "--on-conflict", "new").code == 0
    assert contents(tmp_path / "app").items() >= before.items()


@pytest.mark.parametrize("answer", ["--network", "--no-network"])
def test_defect_3_access_is_never_widened_and_no_answer_ignored(
    wizard: Wizard, tmp_path: Path, answer: str
) -> None:
    (tmp_path / "full.json").write_text(json.dumps(FULL_SPEC))
    outcome = wizard("--json-file", "full.json", "--template", "basic", answer)
    assert outcome.code == 2
    assert "contradicts the given dxapp.json" in outcome.stderr
    assert wizard("--json-file", "full.json", "--template", "basic").code == 0
    assert spec_of(tmp_path / "full")["access"] == {"network": ["github.com"]}


def test_defect_4_a_given_dxapp_json_comes_out_whole(wizard: Wizard, tmp_path: Path) -> None:
    (tmp_path / "full.json").write_text(json.dumps(FULL_SPEC))
    assert wizard("--json-file", "full.json", "--template", "basic").code == 0
    assert spec_of(tmp_path / "full") == FULL_SPEC
    assert (tmp_path / "full" / "code" / "full.py").is_file()


def test_defect_5_only_what_a_dxapp_json_leaves_out_is_asked(
    piped: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "full.json").write_text(json.dumps(FULL_SPEC))
    outcome = piped("basic", "n", options=("--json-file", "full.json"))
    assert (outcome.returncode, outcome.stdout) == (0, "full\n"), outcome.stderr
    assert "2/2 Will this app need access to the parent project?" in outcome.stderr


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"name": "x",}', "bad.json:1:13"),
        ('{"name": "x", "inputSpec": [{"name": "a"}]}', "class"),
        ('{"name": "x", "inputSpec": [{"name": "9 bad", "class": "int"}]}', "9 bad"),
    ],
)
def test_defect_5_a_bad_dxapp_json_is_an_error_with_its_place(
    wizard: Wizard, tmp_path: Path, text: str, place: str
) -> None:
    (tmp_path / "bad.json").write_text(text)
    outcome = wizard("--json-file", "bad.json", *PYTHON)
    assert outcome.code in (2, 3)
    assert place in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["bad.json"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("name", ["app", "my-app.v2"])
def test_defects_6_and_7_the_generated_test_compiles_whatever_the_name(
    wizard: Wizard, tmp_path: Path, language: str, pattern: str, name: str
) -> None:
    wizard(name, "--language", language, "--template", pattern, "--input", "a:file", "--output", "b:int")
    source = (tmp_path / name / "test" / "test_app.py").read_text()
    compile(source, "test_app.py", "exec")
    assert not re.findall(r"^class ", source, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("template", [PYTHON, BASH], ids=["defect 8 python", "defect 9 bash"])
def test_defects_8_and_9_all_outputs_are_made_as_generated(
    wizard: Wizard, tmp_path: Path, template: tuple[str, ...]
) -> None:
    classes = {
        "i": "int",
        "h": "hash",
        "f": "file",
        "fs": "array:file",
        "ints": "array:int",
        "no": "array:hash",
    }
    outputs = [word for name, io_class in classes.items() for word in ("--output", f"{name}:{io_class}")]
    wizard("app", *template, "--input", "reads:file", *outputs)
    output = run_app(tmp_path / "app").output
    assert output.keys() == classes.keys()
    assert (output["i"], output["h"]["lines"]) == (40, 40)
    assert all(path.is_file() for path in (output["f"], *output["fs"]))


@pytest.mark.parametrize(
    ("template", "names"),
    [(PYTHON, ("class", "lambda", "dxpy")), (BASH, ("PATH", "HOME"))],
    ids=["python", "bash"],
)
def test_defect_10_names_that_mean_something_else_are_refused(
    wizard: Wizard, tmp_path: Path, template: tuple[str, ...], names: tuple[str, ...]
) -> None:
    for name in names:
        outcome = wizard("app", *template, "--input", f"{name}:string")
        assert (outcome.code, list(tmp_path.iterdir())) == (2, [])
        assert repr(name) in outcome.stderr


@pytest.mark.slow
def test_defect_10_an_input_called_like_a_local_variable_is_in_nobodys_way(
    wizard: Wizard, tmp_path: Path
) -> None:
    wizard("app", *PYTHON, "--input", "output:string", "--input", "os:int", "--output", "output:int")
    assert lint_app(tmp_path / "app") == []
    assert run_app(tmp_path / "app").output == {"output": 40}


def test_defect_11_nan_is_no_default(wizard: Wizard, tmp_path: Path) -> None:
    outcome = wizard("app", *PYTHON, "--input", "x:float=nan")
    assert outcome.code == 2
    assert "JSON has neither NaN nor Infinity" in outcome.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("language", "code"), [("python", 0), ("PYTHON", 0), ("perl", 2)])
def test_defect_12_a_language_is_known_in_any_case_or_refused_at_once(
    piped: Callable[..., Any], tmp_path: Path, language: str, code: int
) -> None:
    outcome = piped("", options=("app", "--language", language, "--template", "basic", "--defaults"))
    assert outcome.returncode == code
    assert "Title" not in outcome.stderr
    assert [path.name for path in tmp_path.iterdir()] == ([] if code else ["app"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "pattern"), [("bash", "parallelized"), ("python", "scatter-process-gather")]
)
def test_defect_13_process_jobs_run_and_postprocess_gets_their_results(
    wizard: Wizard, tmp_path: Path, language: str, pattern: str
) -> None:
    wizard(
        "app", "--language", language, "--template", pattern, "--input", "reads:file", "--input", "k:int=31",
        "--output", "n:int",
    )  # fmt: skip
    run = run_app(tmp_path / "app", folder=tmp_path / "run")
    assert run.output == {"n": 40}
    inputs = [path.read_text() for path in (tmp_path / "run/jobs").glob("process-*/home/job_input.json")]
    assert len(inputs) > 1
    assert all('"k": 31' in text and '"piece"' in text for text in inputs)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_defect_14_bash_has_no_eval_and_shellcheck_no_complaint(
    wizard: Wizard, tmp_path: Path, pattern: str
) -> None:
    wizard("app", "--language", "bash", "--template", pattern, "--input", "reads:file", "--output", "f:file")
    source = tmp_path / "app" / "src" / "app.sh"
    assert "eval" not in source.read_text()
    subprocess.run([BIN / "shellcheck", source], check=True)


def test_defect_15_a_c_locale_takes_everything(piped: Callable[..., Any], tmp_path: Path) -> None:
    outcome = piped(*OLD_TRANSCRIPT, **C_LOCALE)
    assert outcome.returncode == 0, outcome.stderr
    assert "mem1_ssd1_v2_x8" in outcome.stderr
    assert spec_of(tmp_path / "counts")["title"] == "Zähle"


def test_defect_16_an_end_in_the_middle_leaves_no_folder_and_says_what_is_missing(
    piped: Callable[..., Any], tmp_path: Path
) -> None:
    outcome = piped(*OLD_TRANSCRIPT[:2])
    assert outcome.returncode == 2
    assert "--language" in outcome.stderr
    assert list(tmp_path.iterdir()) == []


def test_defect_16_ctrl_c_leaves_no_folder_and_says_how_to_go_on(terminal: Start, tmp_path: Path) -> None:
    wizard = terminal()
    wizard.talk(("App Name:", "counts"))
    wizard.process.expect("Title")
    wizard.process.sendintr()
    code, text = wizard.end()
    assert code == 130
    assert "dx-app-wizard --resume" in text
    assert list(tmp_path.iterdir()) == []


def test_defect_17_a_version_is_one_and_names_are_looked_at_without_the_platform(
    wizard: Wizard, tmp_path: Path
) -> None:
    assert wizard("app", *PYTHON, "--version", "not a version!!").code == 2
    assert wizard("MyApp", *PYTHON).code == 0
    assert [finding.rule for finding in lint_app(tmp_path / "MyApp")] == ["app-name-style"]


@pytest.mark.parametrize("region", ["aws:eu-west-2", "aws:eu-central-1"])
def test_defect_18_the_region_is_a_question(wizard: Wizard, tmp_path: Path, region: str) -> None:
    assert wizard("app", *PYTHON, "--region", region).code == 0
    assert list(spec_of(tmp_path / "app")["regionalOptions"]) == [region]


def test_defect_19_a_wrong_instance_type_gets_a_short_answer(wizard: Wizard) -> None:
    outcome = wizard("app", *PYTHON, "--instance-type", "mem1_ssd1_v2_x5")
    assert outcome.code == 2
    assert "did you mean mem1_ssd1_v2_x8?" in outcome.stderr
    assert len(outcome.stderr) < 500


def test_defect_19_an_app_without_inputs_takes_no_screens_of_text(piped: Callable[..., Any]) -> None:
    outcome = piped("counts", "", "", "", "", "", "", "Python", "basic", "n", "", "", "")
    assert outcome.returncode == 0, outcome.stderr
    assert len(outcome.stderr.splitlines()) < 80


def test_defect_20_parameters_can_be_all_that_the_platform_knows(wizard: Wizard, tmp_path: Path) -> None:
    inputs: list[dict[str, Any]] = [
        {"name": "h", "class": "array:hash", "optional": True},
        {"name": "ks", "class": "array:int", "default": [21, 31], "group": "Advanced", "help": "k-mer sizes"},
        {"name": "mode", "class": "string", "choices": ["fast", "slow"], "default": "fast"},
        {"name": "reads", "class": "file", "patterns": ["*.fastq"], "suggestions": []},
    ]
    words = [word for field in inputs for word in ("--input", json.dumps(field))]
    assert wizard("app", *PYTHON, *words, "--output", "log:file?").code == 0
    spec = spec_of(tmp_path / "app")
    assert spec["inputSpec"] == inputs
    assert spec["outputSpec"] == [{"name": "log", "class": "file", "optional": True}]


def test_defect_21_no_color_is_honoured(terminal: Start) -> None:
    wizard = terminal(NO_COLOR="1")
    wizard.talk(("App Name:", "counts"))
    wizard.process.expect("Title")
    raw = wizard.process.before or ""
    colours = [code for code in re.findall(r"\x1b\[([0-9;]*)m", raw) if re.search(r"\b[34][0-9]\b", code)]
    assert colours == []


def test_defect_21_there_are_version_examples_json_and_dry_run(wizard: Wizard, tmp_path: Path) -> None:
    assert dx_app_wizard.__version__ in wizard("--tool-version").stdout
    assert "Examples:" in wizard("--help").stdout
    outcome = wizard("app", *PYTHON, "--dry-run", "--json")
    assert (outcome.code, outcome.json["schema"]) == (0, 1)
    assert list(tmp_path.iterdir()) == []


def test_defect_22_nothing_of_ours_makes_python_warn() -> None:
    """Warnings are errors in this suite, those of the compiler included."""
    for package in (dx_app_wizard, dx_local):
        for path in Path(str(package.__file__)).parent.rglob("*.py"):
            compile(path.read_text(encoding="utf-8"), str(path), "exec")
            ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("template", [PYTHON, BASH], ids=["python", "bash"])
def test_defect_23_an_app_comes_with_all_that_a_repository_needs(
    wizard: Wizard, tmp_path: Path, template: tuple[str, ...]
) -> None:
    package = ("--ci-package", "dx-app-wizard==0.1.0")
    wizard("app", *template, "--ci", "github", *package, "--input", "reads:file", "--output", "n:int")
    files = contents(tmp_path / "app")
    expected = {
        ".gitignore", ".github/workflows/test.yml", "test/test_app.py", "test/input.json",
        "test/cases/sample.json", "test/cases/interface.json",
        "test/data/sample.fastq", "Readme.md", "Readme.developer.md",
    }  # fmt: skip
    assert expected <= files.keys()
    assert "| `n` | int |" in files["Readme.md"]


def test_defect_24_lint_needs_no_login_and_sees_classes_defaults_types_and_code(
    wizard: Wizard, tmp_path: Path
) -> None:
    wizard("app", *PYTHON, "--input", "a:int=1", "--input", "b:int", "--output", "n:int")
    spec = spec_of(tmp_path / "app")
    spec["inputSpec"][0]["default"] = "one"
    spec["inputSpec"][1]["name"] = "renamed"
    spec["outputSpec"][0]["class"] = "integer"
    spec["regionalOptions"]["aws:us-east-1"]["systemRequirements"]["*"]["instanceType"] = "mem1_ssd1_v2_x3"
    (tmp_path / "app" / "dxapp.json").write_text(json.dumps(spec))
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(
        [BIN / "dx-local", "lint", "app", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    rules = {finding["rule"] for finding in json.loads(done.stdout)["findings"]}
    assert done.returncode == 3
    assert {"io-default", "io-class", "instance-type", "python-main-lacks-input"} <= rules


@pytest.mark.slow
def test_defect_25_the_generated_test_runs(wizard: Wizard, tmp_path: Path) -> None:
    wizard("app", *PYTHON, "--output", "n:int")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path / "app", capture_output=True, text=True, check=False)
    assert "3 passed" in done.stdout, done.stdout + done.stderr
