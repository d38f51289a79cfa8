from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.forked import run_ours

if TYPE_CHECKING:
    from pathlib import Path

METADATA = ("counts", "Zähle", "", "1.0.0")
OLD_ANSWERS = (
    *METADATA, "reads", "Reads", "file", "n", "k", "", "int", "y", "y", "31", "", "out", "", "int", "",
    "90m", "Python", "y", "n", "mem1_ssd1_v2_x8",
)  # fmt: skip
"""What the official wizard asks for: neither an execution pattern nor a region."""

NEW_ANSWERS = (*METADATA, "reads:file", "", "", "", "bash", "parallelized", "n", "VIEW", "aws:eu-west-2", "")


def piped(
    home: Path, text: str | bytes, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    inherited = {key: value for key, value in os.environ.items() if key != "CI"}
    if isinstance(text, str):
        return run_ours("dx-app-wizard", arguments, {**inherited, **environment}, stdin=text)
    done = subprocess.run(
        [sys.executable, "-m", "dx_app_wizard", *arguments],
        input=text,
        env={**inherited, **environment},
        capture_output=True,
        check=False,
        timeout=30,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace")
    )


def lines(*answers: str) -> str:
    return "".join(f"{answer}\n" for answer in answers)


def spec_in(folder: Path) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads((folder / "dxapp.json").read_text(encoding="utf-8"))
    return spec


def test_lines_written_for_the_official_wizard_make_the_app(home: Path, tmp_path: Path) -> None:
    outcome = piped(home, lines(*OLD_ANSWERS))
    assert (outcome.returncode, outcome.stdout) == (0, "counts\n")
    spec = spec_in(tmp_path / "counts")
    assert spec["inputSpec"] == [
        {"name": "reads", "label": "Reads", "class": "file"},
        {"name": "k", "class": "int", "optional": True, "default": 31},
    ]
    assert (spec["title"], spec["access"]) == ("Zähle", {"network": ["*"]})
    assert spec["regionalOptions"]["aws:us-east-1"]["systemRequirements"]["*"] == {
        "instanceType": "mem1_ssd1_v2_x8"
    }


def test_lines_may_answer_the_new_questions_too(home: Path, tmp_path: Path) -> None:
    assert piped(home, lines(*NEW_ANSWERS)).returncode == 0
    spec = spec_in(tmp_path / "counts")
    assert spec["access"] == {"project": "VIEW"}
    assert list(spec["regionalOptions"]) == ["aws:eu-west-2"]
    assert "postprocess" in (tmp_path / "counts/src/counts.sh").read_text()


def test_a_line_may_name_the_place_of_a_region(home: Path, tmp_path: Path) -> None:
    assert piped(home, lines(*NEW_ANSWERS[:-2], "frankfurt", "")).returncode == 0
    assert list(spec_in(tmp_path / "counts")["regionalOptions"]) == ["aws:eu-central-1"]


@pytest.mark.parametrize(
    "options", [("--no-input",), ("--json",), ()], ids=["no input", "json", "empty pipe"]
)
def test_without_a_pattern_the_app_is_basic(home: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    assert piped(home, "", "counts", "--language", "bash", *options).returncode == 0
    assert "postprocess" not in (tmp_path / "counts/src/counts.sh").read_text()


def test_a_c_locale_keeps_non_ascii_lines(home: Path, tmp_path: Path) -> None:
    c_locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    outcome = piped(home, lines(*OLD_ANSWERS), **c_locale)
    assert outcome.returncode == 0, outcome.stderr
    assert spec_in(tmp_path / "counts")["title"] == "Zähle"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (("a b",), "The name of your app must match"),
        (("counts", "", "", "one"), "is not a semantic version"),
        (("counts", "", "", "", "9a"), "must match ^[a-zA-Z_]"),
        (("counts", "", "", "", "a", "", "целое"), "Not a recognized class"),
        (("counts", "", "", "", "a", "", "int", "yy"), "Error: unrecognized response, expected y or n"),
        (("counts", "", "", "", "a:int", "a:int"), "is used already"),
        (("counts", "", "", "", "", "", "31d"), "Error: max allowed timeout is 30 days"),
        (("counts", "", "", "", "", "", "3w"), "Error: enter an int with a single-letter suffix"),
        (("counts", "", "", "", "", "", "", "perl"), "Error: unrecognized response, expected one of"),
    ],
)
def test_a_wrong_line_is_named_and_asked_for_again(
    home: Path, tmp_path: Path, wrong: tuple[str, ...], message: str
) -> None:
    outcome = piped(home, lines(*wrong))
    assert message in outcome.stderr
    assert outcome.returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_the_line_after_a_wrong_one_is_its_correction(home: Path, tmp_path: Path) -> None:
    answers = ("a b", *OLD_ANSWERS[:-1], "t1.micro", "azure:mem1_ssd1_x2")
    outcome = piped(home, lines(*answers))
    assert "Error: unrecognized response, expected one of mem1" in outcome.stderr
    assert list(spec_in(tmp_path / "counts")["regionalOptions"]) == ["azure:westus"]


def test_input_that_ends_too_early_names_all_that_is_missing(home: Path, tmp_path: Path) -> None:
    outcome = piped(home, lines(*METADATA))
    flags = ("--input", "--output", "--timeout", "--language", "--network", "--instance-type")
    assert outcome.returncode == 2
    assert all(f"\n  {flag} " in outcome.stderr for flag in flags)
    assert not any(f"\n  {flag} " in outcome.stderr for flag in ("--title", "--template", "--region"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [("--no-input",), ("--defaults",), ("--json",)])
def test_stdin_is_left_alone_where_nothing_may_be_asked(
    home: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    outcome = piped(home, "x" * 10, "counts", "--language", "bash", "--template", "basic", *options)
    assert outcome.returncode == 0
    assert (tmp_path / "counts").is_dir()


@pytest.mark.parametrize("arguments", [(), ("counts", "--language", "bash", "--template", "basic")])
def test_without_any_line_no_prompt_is_printed(home: Path, arguments: tuple[str, ...]) -> None:
    outcome = piped(home, "", *arguments)
    assert outcome.returncode == (0 if arguments else 2)
    assert "App Name" not in outcome.stderr
    assert "Title" not in outcome.stderr


def test_ci_asks_nothing(home: Path) -> None:
    outcome = piped(home, lines(*OLD_ANSWERS), CI="true")
    assert outcome.returncode == 2
    assert "App Name" not in outcome.stderr


def test_a_silent_pipe_counts_as_empty(home: Path, tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    arguments = ["counts", "--language", "bash", "--template", "basic"]
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    command = [sys.executable, "-m", "dx_app_wizard", *arguments]
    done = subprocess.run(
        command, stdin=read_end, env=environment, capture_output=True, check=False, timeout=20
    )
    os.close(read_end)
    os.close(write_end)
    assert done.returncode == 0
    assert (tmp_path / "counts").is_dir()


def test_the_last_line_names_the_package_that_ci_installs(home: Path, tmp_path: Path) -> None:
    package = "dx-app-wizard==0.1.0"
    outcome = piped(home, lines(*NEW_ANSWERS, package), "--ci", "github")
    assert outcome.returncode == 0, outcome.stderr
    assert f'PACKAGE: "{package}"' in (tmp_path / "counts/.github/workflows/test.yml").read_text()


def test_without_that_line_nothing_is_written(home: Path, tmp_path: Path) -> None:
    outcome = piped(home, lines(*NEW_ANSWERS), "--ci", "github")
    assert (outcome.returncode, "--ci-package" in outcome.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []
