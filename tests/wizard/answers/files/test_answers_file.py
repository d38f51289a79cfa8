from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from tests.forked import run_ours

if TYPE_CHECKING:
    from pathlib import Path

Wizard = Callable[..., Any]

YAML = """\
# an app that counts
name: count-reads
title: Zähle
version: 1.0.0
language: bash
template: basic
network: no
inputs:
  - reads:file
  - name: k
    class: int
    default: 31
    choices: [21, 31]
    help: >-
      The length
      of k-mers.
outputs: ["report:file?"]
timeout: {days: 1}
"""


def spec_of(folder: Path) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads((folder / "dxapp.json").read_text(encoding="utf-8"))
    return spec


@pytest.mark.parametrize("name", ["answers.yaml", "answers.yml"])
def test_answers_come_from_yaml(wizard: Wizard, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(YAML, encoding="utf-8")
    outcome = wizard("--answers", name, "--no-input")
    assert outcome.code == 0, outcome.stderr
    spec = spec_of(tmp_path / "count-reads")
    assert (spec["title"], spec["version"]) == ("Zähle", "1.0.0")
    assert spec["inputSpec"][1]["help"] == "The length of k-mers."
    assert spec["runSpec"]["timeoutPolicy"] == {"*": {"days": 1}}
    assert "access" not in spec


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("name: x\nversion: 1.0\n", "answers.yaml:2:10", "must be a string; got float 1.0"),
        ("title: 7\n", "answers.yaml:1:8", "got int 7. put it in quotes"),
        ("inputs:\n  - reads:file\n  - k:fil\n", "answers.yaml:3:5", "did you mean 'file'?"),
        ("inputs:\n  - name: k\n    class: int\n    default: x\n", "answers.yaml:4:14", "is invalid"),
        ("inputs:\n  - name: k\n    class: int\n    optional: yes\n", "answers.yaml:4:15", "true or false"),
        ("outputs: [{name: n, class: int, default: 3}]\n", "answers.yaml:1:42", "has no effect on an output"),
        ("langage: bash\n", "answers.yaml:1:10", "did you mean 'language'?"),
        ("- name\n", "answers.yaml:1:1", "must contain an object"),
        ("", "answers.yaml:1:1", "must contain an object"),
        ("a: [", "answers.yaml:1:5", "is not YAML"),
    ],
)
def test_a_bad_answer_in_a_file_is_shown_with_its_place(
    wizard: Wizard, tmp_path: Path, text: str, place: str, message: str
) -> None:
    (tmp_path / "answers.yaml").write_text(text)
    outcome = wizard("count-reads", "--language", "bash", "--template", "basic", "--answers", "answers.yaml")
    assert outcome.code == 2
    assert place in outcome.stderr
    assert message.lower() in outcome.stderr.lower()
    assert not (tmp_path / "count-reads").exists()


def test_a_file_that_is_not_utf_8_is_refused_with_its_line(wizard: Wizard, tmp_path: Path) -> None:
    (tmp_path / "answers.yaml").write_bytes("name: x\ntitle: Zähle\n".encode("latin-1"))
    outcome = wizard("--answers", "answers.yaml", "--json")
    assert outcome.code == 2
    assert (outcome.json["error"]["file"], outcome.json["error"]["line"]) == ("answers.yaml", 2)


def test_a_byte_order_mark_does_no_harm(wizard: Wizard, tmp_path: Path) -> None:
    (tmp_path / "answers.yaml").write_text(YAML, encoding="utf-8-sig")
    assert wizard("--answers", "answers.yaml", "--no-input").code == 0


def from_stdin(text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    return run_ours("dx-app-wizard", ["--answers", "-", *arguments], environment, stdin=text)


ANSWERS = {"name": "count-reads", "language": "bash", "template": "basic", "title": "\U0001f9ec"}


@pytest.mark.parametrize("text", [YAML, json.dumps(ANSWERS), json.dumps(ANSWERS, indent="\t")])
def test_answers_come_from_standard_input(home: Path, tmp_path: Path, text: str) -> None:
    outcome = from_stdin(text)
    assert outcome.returncode == 0, outcome.stderr
    assert spec_of(tmp_path / "count-reads")["runSpec"]["interpreter"] == "bash"


def test_a_bad_answer_on_standard_input_is_shown_with_its_place(home: Path) -> None:
    outcome = from_stdin("name: x\nlanguage: perl\n")
    assert outcome.returncode == 2
    assert "at <stdin>:2:11" in outcome.stderr


def test_standard_input_that_is_closed_is_empty(home: Path) -> None:
    command = f"{sys.executable} -m dx_app_wizard --answers - <&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2
    assert "<stdin>:1:1" in done.stderr


@pytest.mark.parametrize(
    ("parameters", "flags", "noted"),
    [
        ({}, (), True),
        ({"inputs": None}, (), True),
        ({"inputs": []}, (), False),
        ({"outputs": ["n:int"]}, (), False),
        ({}, ("--input", "reads:file"), False),
    ],
)
def test_a_file_that_names_no_parameters_is_taken_with_a_note(
    wizard: Wizard, tmp_path: Path, parameters: dict[str, Any], flags: tuple[str, ...], noted: bool
) -> None:
    answers = {"name": "count-reads", "language": "bash", "template": "basic", **parameters}
    (tmp_path / "answers.json").write_text(json.dumps(answers))
    outcome = wizard("--answers", "answers.json", "--no-input", *flags)
    assert outcome.code == 0
    assert ("note: the app has no inputs and no outputs: answers.json lists" in outcome.stderr) == noted
