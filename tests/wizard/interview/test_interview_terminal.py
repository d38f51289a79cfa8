"""The interview on a real pseudo-terminal."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.wizard.conftest import Terminal

    Start = Callable[..., Terminal]

START = ("App Name:", "counts")
PROMPTS = (
    START,
    ("Title", "Zähle"),
    ("Summary", ""),
    ("Version", ""),
    ("1st input name", "reads"),
    ("Label", "Reads"),
    ("Choose a class", "file"),
    ("optional parameter", "n"),
    ("2nd input name", "k:int=31"),
    ("3rd input name", ""),
    ("1st output name", "out:int"),
    ("2nd output name", ""),
    ("Timeout policy", "24h"),
    ("Programming language", "Python"),
    ("Execution pattern", ""),
    ("Will this app need access to the Internet[?]", "y"),
    ("Will this app need access to the parent project[?]", ""),
    ("Region", "frankfurt"),
    ("Choose an instance type for your app", ""),
)
ALL_BUT_TITLE_AND_INPUTS = (
    "--summary", "s", "--version", "1.0.0", "--output", "out:int", "--timeout", "1h", "--language", "bash",
    "--template", "basic", "--no-network", "--project-access", "none", "--region", "aws:us-east-1",
    "--instance-type", "mem1_ssd1_v2_x4",
)  # fmt: skip
REVIEW = "Write the app[?]"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"size": (20, 60)},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"TERM": "dumb"},
    ],
    ids=["usual", "20x60", "C locale", "dumb"],
)
def test_a_full_interview_writes_the_app(terminal: Start, tmp_path: Path, options: dict[str, Any]) -> None:
    wizard = terminal(**options)
    wizard.talk(*PROMPTS, (REVIEW, ""))
    wizard.process.expect("App directory created")
    assert wizard.end()[0] == 0
    spec = wizard.written()
    assert spec["title"] == "Zähle"
    assert spec["inputSpec"] == [
        {"name": "reads", "label": "Reads", "class": "file"},
        {"name": "k", "class": "int", "default": 31},
    ]
    assert spec["runSpec"]["timeoutPolicy"] == {"*": {"hours": 24}}
    assert spec["access"] == {"network": ["*"]}
    assert list(spec["regionalOptions"]) == ["aws:eu-central-1"]


def test_a_program_that_waits_for_no_review_gets_its_app(terminal: Start, tmp_path: Path) -> None:
    wizard = terminal()
    wizard.talk(*(pair for pair in PROMPTS if pair[0] != "Region"))
    wizard.process.expect("App directory created")
    assert wizard.end()[0] == 0
    assert (tmp_path / "counts" / "dxapp.json").is_file()


def test_back_asks_the_question_before_again(terminal: Start, tmp_path: Path) -> None:
    wizard = terminal("--defaults")
    wizard.talk(START, ("language", "<"), (r"App Name \[counts\]:", "other"), ("language", "bash"))
    wizard.talk((REVIEW, ""))
    assert wizard.end()[0] == 0
    assert (tmp_path / "other").is_dir()
    assert not (tmp_path / "counts").exists()


@pytest.mark.parametrize(
    ("choice", "pairs", "key", "expected"),
    [
        ("title", [(r"Title \[Zähle\]:", "New")], "title", "New"),
        ("inputs", [("3rd input name", "x:int"), ("4th input name", "")], 2, {"name": "x", "class": "int"}),
        ("k", [("2nd input name.*k:int=31", "k:float")], 1, {"name": "k", "class": "float"}),
        ("reads", [("1st input name", "-")], 0, {"name": "k", "class": "int", "default": 31}),
    ],
    ids=["title", "one more input", "a parameter", "remove a parameter"],
)
def test_the_review_edits_an_answer(
    terminal: Start, tmp_path: Path, choice: str, pairs: list[tuple[str, str]], key: Any, expected: Any
) -> None:
    wizard = terminal("counts", *ALL_BUT_TITLE_AND_INPUTS)
    wizard.talk(PROMPTS[1], *PROMPTS[4:10], (REVIEW, choice), *pairs, (REVIEW, ""))
    assert wizard.end()[0] == 0
    spec = wizard.written()
    assert (spec[key] if isinstance(key, str) else spec["inputSpec"][key]) == expected


def test_ctrl_c_writes_nothing_and_resume_goes_on(terminal: Start, tmp_path: Path, home: Path) -> None:
    wizard = terminal("--summary", "from a flag")
    wizard.talk(*PROMPTS[:2], *PROMPTS[3:10])
    wizard.process.expect("1st output name")
    wizard.process.sendintr()
    code, text = wizard.end()
    assert code == 130
    assert "dx-app-wizard --resume" in text
    assert "dx-app-wizard counts --summary 'from a flag' --title 'Zähle' --version 0.0.1" in " ".join(
        text.split()
    )
    assert list(tmp_path.iterdir()) == []
    again = terminal("--resume")
    again.process.expect("Resuming after 9 answers")
    again.talk(*PROMPTS[10:], (REVIEW, ""))
    assert again.end()[0] == 0
    spec = wizard.written()
    assert (spec["summary"], spec["inputSpec"][1]["name"]) == ("from a flag", "k")
    assert list((home / ".local/state/dx-app-wizard").iterdir()) == []


def test_resume_goes_on_in_the_folder_in_which_it_began(
    terminal: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wizard = terminal("--defaults")
    wizard.talk(START)
    wizard.process.expect("Programming language")
    wizard.process.sendintr()
    assert "--output-dir" not in wizard.end()[1]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    wizard = terminal("--resume")
    wizard.talk(("Programming language", "bash"), (REVIEW, ""))
    assert wizard.end()[0] == 0
    assert (tmp_path / "counts" / "dxapp.json").is_file()


def test_cancel_in_the_review_writes_nothing(terminal: Start, tmp_path: Path) -> None:
    wizard = terminal("--defaults")
    wizard.talk(START, ("Programming language", "bash"), (REVIEW, "q"))
    assert wizard.end()[0] == 130
    assert list(tmp_path.iterdir()) == []


def test_a_given_name_that_the_language_forbids_is_an_error(terminal: Start, tmp_path: Path) -> None:
    wizard = terminal(
        "counts", "--output", "o:int", "--defaults", "--template", "basic", "--input", "lambda:int"
    )
    wizard.talk(("Programming language", "python"))
    assert "is a Python keyword" in wizard.end()[1]
    assert list(tmp_path.iterdir()) == []


def test_help_and_completion(terminal: Start, tmp_path: Path) -> None:
    wizard = terminal("counts", "--defaults", "--template", "basic")
    wizard.talk(("Programming language", "?"))
    wizard.process.expect("Language of the source(?s:.*)Programming language:")
    wizard.process.send("ba")
    wizard.process.expect("ba\x1b.*sh ")
    wizard.talk(("", "\t"), (REVIEW, ""))
    assert wizard.end()[0] == 0
    assert wizard.written()["runSpec"]["interpreter"] == "bash"


def test_everything_that_can_be_said_of_a_parameter(terminal: Start, tmp_path: Path) -> None:
    wizard = terminal("counts", "--language", "bash", "--template", "basic", "--title", "t", "--summary", "s")
    wizard.talk(
        ("Version", ""), ("1st input", "k"), ("Label", ""), ("Choose a class", "array:int+"),
        ("optional parameter", "y"), ("Default value of k", "[21]"), ("Choices of k", "21, 31"),
        ("Suggestions of k", "[31]"), ("Help of k", "sizes"), ("Group of k", "Advanced"),
        ("2nd input", ""), ("1st output", ""), ("Timeout", ""), ("Internet", ""), ("parent project", ""),
        ("Region", "aws:eu-west-2"), ("Region aws:eu-west-2(?s:.*)instance type for your app", ""),
        (REVIEW, ""),
    )  # fmt: skip
    assert wizard.end()[0] == 0
    spec = wizard.written()
    assert spec["inputSpec"] == [
        {"name": "k", "class": "array:int", "optional": True, "default": [21], "choices": [21, 31],
         "suggestions": [31], "help": "sizes", "group": "Advanced"}
    ]  # fmt: skip
    assert list(spec["regionalOptions"]) == ["aws:eu-west-2"]


def test_a_given_dxapp_json_is_asked_about_only_where_it_is_silent(terminal: Start, tmp_path: Path) -> None:
    given = {
        "name": "counts",
        "title": "T",
        "summary": "s",
        "version": "1.0.0",
        "inputSpec": [],
        "x-mine": [1],
    }
    (tmp_path / "given.json").write_text(json.dumps(given))
    wizard = terminal("--json-file", "given.json", "--defaults")
    wizard.talk(
        ("1/1.*Programming language", "bash"), (r"dxapp.json +adds .*outputSpec(?s:.*)Write the app", "json")
    )
    wizard.talk(('[+] .*"outputSpec": ', ""))
    assert wizard.end()[0] == 0
    assert wizard.written()["x-mine"] == [1]


def test_an_existing_folder_is_refused_before_the_other_questions(terminal: Start, tmp_path: Path) -> None:
    (tmp_path / "counts" / "mine").mkdir(parents=True)
    wizard = terminal()
    wizard.talk(START, ("counts exists already(?s:.*)App Name", "<"))
    wizard.process.expect("first question(?s:.*)App Name")
    wizard.process.sendintr()
    assert wizard.end()[0] == 130
    assert terminal("counts").end()[0] == 4


def test_no_color_shows_no_colour(terminal: Start) -> None:
    wizard = terminal("--defaults", NO_COLOR="1")
    wizard.talk(START, ("Programming language", "bash"))
    wizard.process.expect(REVIEW)
    assert not re.search(r"\x1b\[[0-9;]*(3[0-8]|9[0-7]|4[0-8])[;m]", wizard.process.before or "")


def test_resume_without_saved_answers_is_refused(terminal: Start) -> None:
    code, text = terminal("--resume").end()
    assert code == 2
    assert "no saved answers" in text


def test_a_name_that_breaks_in_the_language_chosen_later_is_asked_for_again(
    terminal: Start, tmp_path: Path
) -> None:
    wizard = terminal("counts", *ALL_BUT_TITLE_AND_INPUTS[:6], *ALL_BUT_TITLE_AND_INPUTS[10:], "--title", "t")
    wizard.talk(
        ("1st input", "lambda:int"), ("2nd input", ""), ("1st output|Timeout", "1h"), ("language", "Python")
    )
    wizard.talk((r"is a Python keyword(?s:.*)1st input name.*lambda:int", "size:int"))
    wizard.talk(("2nd input", ""), (REVIEW, ""))
    assert wizard.end()[0] == 0
    assert wizard.written()["inputSpec"] == [{"name": "size", "class": "int"}]


def test_answers_survive_a_state_folder_that_cannot_be_made(terminal: Start, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    wizard = terminal("--defaults", XDG_STATE_HOME=str(tmp_path / "state"))
    wizard.talk(START, ("Programming language", "bash"), (REVIEW, ""))
    assert wizard.end()[0] == 0
