"""Interviews that end before the app is written: their saved state, and how they are resumed."""

from __future__ import annotations

import json
import shlex
import signal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.wizard.conftest import Terminal

    Start = Callable[..., Terminal]

FLAGS = ("--defaults", "--template", "basic")


def saved_in(home: Path) -> dict[str, Any]:
    saved: dict[str, Any] = json.loads((home / ".local/state/dx-app-wizard/interview.json").read_text())
    return saved


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
def test_a_signal_amid_a_menu_mends_the_terminal_and_keeps_the_answers(
    terminal: Start, tmp_path: Path, home: Path, number: signal.Signals, code: int
) -> None:
    wizard = terminal(*FLAGS)
    wizard.talk(("App Name", "zähle"), ("must match(?s:.*)App Name", "counts"))
    wizard.process.expect("Programming language(?s:.*)Python 3")
    wizard.press("\x1b[B")
    wizard.process.kill(number)
    ended, text = wizard.end()
    assert ended == code
    assert "dx-app-wizard --resume" in text
    assert "dx-app-wizard counts" in text
    assert saved_in(home)["lines"] == {"name": "counts"}
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_that_goes_away_keeps_the_answers(terminal: Start, tmp_path: Path, home: Path) -> None:
    wizard = terminal(*FLAGS)
    wizard.talk(("App Name", "counts"))
    wizard.process.expect("Programming language")
    wizard.process.close(force=False)
    wizard.process.wait() if wizard.process.isalive() else None
    assert saved_in(home)["lines"] == {"name": "counts"}
    assert [path.name for path in (home / ".local/state/dx-app-wizard").iterdir()] == ["interview.json"]
    assert list(tmp_path.iterdir()) == []


def test_the_end_of_input_is_like_ctrl_c(terminal: Start, tmp_path: Path) -> None:
    wizard = terminal(*FLAGS)
    wizard.talk(("App Name", "counts"))
    wizard.process.expect("Programming language")
    wizard.process.sendeof()
    code, text = wizard.end()
    assert (code, "--resume" in text) == (130, True)
    assert list(tmp_path.iterdir()) == []


def test_the_command_that_is_printed_gives_the_same_answers(
    terminal: Start, wizard_process: Callable[..., Any], tmp_path: Path
) -> None:
    wizard = terminal("--title", "Zähle 'es'", "--summary", "s", "--version", "1.0.0", "--no-network")
    wizard.talk(("App Name", "counts"), ("1st input", "k:int+"), ("Label", "it's k"), ("Default", "31"))
    wizard.talk(("Choices", "21, 31"), ("Suggestions", ""), ("Help", "größe"), ("Group", ""))
    wizard.talk(("2nd input", "reads:array:file?"), ("3rd input", ""), ("1st output", ""), ("Timeout", "2d"))
    wizard.talk(("language", "bash"), ("pattern", "parallelized"), ("parent project", "VIEW"))
    wizard.process.expect("instance type for your app")
    wizard.process.sendintr()
    words = shlex.split(wizard.end()[1].split("As one command: dx-app-wizard ")[1])
    assert wizard_process(*words, "--no-input").code == 0
    spec = wizard.written()
    assert (spec["title"], spec["access"]) == ("Zähle 'es'", {"project": "VIEW"})
    assert spec["inputSpec"] == [
        {"name": "k", "class": "int", "label": "it's k", "default": 31, "choices": [21, 31], "help": "größe"},
        {"name": "reads", "class": "array:file", "optional": True},
    ]


def test_an_app_that_cannot_be_written_costs_no_answer(terminal: Start, tmp_path: Path, home: Path) -> None:
    wizard = terminal(*FLAGS, "--output-dir", "file/apps")
    wizard.talk(("App Name", "counts"), ("Programming language", "bash"))
    wizard.process.expect("Write the app")
    (tmp_path / "file").write_text("")
    wizard.process.sendline("")
    code, text = wizard.end()
    assert code == 2
    assert "dx-app-wizard --resume" in text
    assert "--output-dir file/apps" in text
    assert saved_in(home)["lines"] == {"name": "counts", "language": "bash"}


def test_resume_asks_again_what_holds_no_longer(terminal: Start, tmp_path: Path, home: Path) -> None:
    wizard = terminal(*FLAGS)
    wizard.talk(("App Name", "counts"))
    wizard.process.expect("Programming language")
    wizard.process.sendintr()
    wizard.end()
    (tmp_path / "counts").mkdir()
    (tmp_path / "counts" / "file").write_text("mine")
    again = terminal("--resume", *FLAGS)
    again.talk(("counts(?s:.*)exists already(?s:.*)App Name", "other"), ("language", "bash"), ("Write", ""))
    assert again.end()[0] == 0
    assert again.written("other")["name"] == "other"
    assert list((tmp_path / "counts").iterdir()) == [tmp_path / "counts" / "file"]


EMPTY = {"schema": 2, "flags": {}, "paths": {}, "modes": {}, "lines": {}}


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 1}', json.dumps({**EMPTY, "lines": {"name": 1}})])
def test_saved_answers_that_are_damaged_are_refused(
    wizard_process: Callable[..., Any], home: Path, text: str
) -> None:
    folder = home / ".local/state/dx-app-wizard"
    folder.mkdir(parents=True)
    (folder / "interview.json").write_text(text)
    outcome = wizard_process("--resume")
    assert outcome.code == 2
    assert "no saved answers" in outcome.stderr


def test_answers_are_for_their_owner_only(terminal: Start, home: Path) -> None:
    wizard = terminal(*FLAGS)
    wizard.talk(("App Name", "counts"))
    wizard.process.expect("Programming language")
    assert (home / ".local/state/dx-app-wizard/interview.json").stat().st_mode & 0o077 == 0


def test_what_is_to_become_of_existing_files_holds_on(terminal: Start, tmp_path: Path, home: Path) -> None:
    (tmp_path / "counts" / "mine").mkdir(parents=True)
    wizard = terminal(*FLAGS, "--on-conflict", "new")
    wizard.talk(("App Name", "counts"))
    wizard.process.expect("Programming language")
    wizard.process.sendintr()
    ended, text = wizard.end()
    assert (ended, "--on-conflict new" in text) == (130, True)
    assert saved_in(home)["modes"] == {"on_conflict": "new"}


@pytest.mark.parametrize("flags", [(), ("--no-input",), ("--json",)])
def test_no_answer_is_passed_over_where_nobody_can_go_on(
    wizard_process: Callable[..., Any], home: Path, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    folder = home / ".local/state/dx-app-wizard"
    folder.mkdir(parents=True)
    (folder / "interview.json").write_text(json.dumps({**EMPTY, "lines": {"name": "counts"}}))
    outcome = wizard_process("--resume", "--language", "bash", "--template", "basic", "--defaults", *flags)
    assert (outcome.code, "needs a terminal" in outcome.stderr) == (2, True)
    assert (folder / "interview.json").exists()
    assert not any(tmp_path.iterdir())


def test_resume_goes_on_asking_only_what_has_no_default(terminal: Start) -> None:
    wizard = terminal(*FLAGS)
    wizard.talk(("App Name", "counts"))
    wizard.process.expect("Programming language")
    wizard.process.sendintr()
    wizard.end()
    again = terminal("--resume")
    again.talk(("Programming language", "bash"), ("Write", ""))
    assert again.end()[0] == 0
    assert again.written("counts")["version"] == "0.0.1"
