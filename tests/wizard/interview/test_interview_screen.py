"""The screen of the terminal as a person sees it, emulated by pyte."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pexpect
import pyte
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.wizard.conftest import Terminal

    Start = Callable[..., Terminal]

PLACE_OPEN = (
    "counts", "--title", "t", "--summary", "s", "--version", "1.0.0", "--input", "k:int", "--output", "o:int",
    "--timeout", "1h", "--language", "bash", "--template", "basic", "--no-network",
    "--project-access", "none",
)  # fmt: skip
PLACE = ("--region", "aws:us-east-1", "--instance-type", "mem1_ssd1_v2_x4")
ALL_BUT_SUMMARY = (*PLACE_OPEN[:3], *PLACE_OPEN[5:], *PLACE)
HEADING = {f"counts/  {number} files to write" for number in range(5, 50)}
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


class Watcher:
    """An emulation of the wizard's screen."""

    def __init__(self, wizard: Terminal, rows: int, columns: int) -> None:
        self._wizard = wizard
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self._screen)

    def lines_once(self, words: str) -> list[str]:
        """Return the lines of the screen once it has the words and no more output arrives."""
        while not any(words in line for line in self._screen.display):
            with suppress(pexpect.TIMEOUT):
                while True:
                    self._stream.feed(self._wizard.process.read_nonblocking(65536, timeout=0.3))
        return [line.rstrip() for line in self._screen.display]


def test_a_narrow_window_shows_the_table_and_the_menu_whole(terminal: Start) -> None:
    wizard = terminal(*PLACE_OPEN, size=(20, 60))
    watcher = Watcher(wizard, 20, 60)
    assert any("London, UK Biobank RAP" in line for line in watcher.lines_once("Sydney"))
    wizard.press("\r")
    lines = watcher.lines_once("16 cores (?")
    assert "  mem1_ssd1_v2_x4               4      8 GiB    100 GB" in lines
    wizard.press("16 cores")
    menu = [line for line in watcher.lines_once("16 cores, 32 GiB, 400 GB disk") if "GB disk" in line]
    assert menu
    assert all(line.lstrip().startswith("mem") for line in menu)


@pytest.mark.parametrize("environment", [{}, C_LOCALE], ids=["UTF-8", "C locale"])
def test_what_is_typed_and_reviewed_is_shown_in_full(terminal: Start, environment: dict[str, str]) -> None:
    wizard = terminal(*ALL_BUT_SUMMARY, size=(80, 100), **environment)
    watcher = Watcher(wizard, 80, 100)
    watcher.lines_once("Summary")
    wizard.press("Zählt", "\r")
    lines = watcher.lines_once("Write the app?")
    assert "1/1 Summary [t]: Zählt" in lines
    assert "summary   Zählt" in lines
    assert HEADING & set(lines)
    assert "input    k      int" in lines


def test_a_menu_goes_when_the_answer_is_given(terminal: Start) -> None:
    wizard = terminal("counts", "--defaults")
    watcher = Watcher(wizard, 24, 80)
    assert any("bash with the dx tools" in line for line in watcher.lines_once("Python 3 with"))
    wizard.press("bash", "\r")
    lines = watcher.lines_once("Write the app?")
    assert "1/1 Programming language: bash" in lines
    assert not any("dx tools" in line for line in lines)


SIX_INPUTS = tuple(word for name in "abcdef" for word in ("--input", f"{name}:int"))
REST = ("--output", "o:int", "--language", "bash", "--defaults")


@pytest.mark.parametrize("size", [(24, 80), (24, 60)], ids=["80x24", "60x24"])
def test_the_review_fits_the_screen_and_shows_more_on_demand(
    terminal: Start, tmp_path: Path, size: tuple[int, int]
) -> None:
    wizard = terminal(*SIX_INPUTS, *REST, size=size)
    watcher = Watcher(wizard, *size)
    watcher.lines_once("App Name")
    wizard.press(*"counts", "\r")
    lines = watcher.lines_once("Write the app?")
    assert HEADING & set(lines)
    assert {"input    f      int", "output   o      int"} <= set(lines)
    assert [line.split() for line in lines if line.startswith("template")] == [
        ["template", "basic", "instance_type", "mem1_ssd1_v2_x4"]
    ]
    wizard.press("json", "\r")
    lines = watcher.lines_once('"instanceType": "mem1_ssd1_v2_x4"')
    assert any("Write the app?" in line for line in lines)
    assert list(tmp_path.iterdir()) == []


def test_a_review_of_many_inputs_counts_those_that_do_not_fit(terminal: Start) -> None:
    many = [word for number in range(30) for word in ("--input", f"in{number}:int")]
    wizard = terminal(*many, *REST, size=(24, 80))
    watcher = Watcher(wizard, 24, 80)
    watcher.lines_once("App Name")
    wizard.press(*"counts", "\r")
    lines = watcher.lines_once("Write the app?")
    assert HEADING & set(lines)
    shown = sum(line.startswith("input ") for line in lines)
    (rest,) = (line.split()[2] for line in lines if line.split()[:2] == ["...", "and"])
    assert shown + int(rest) == len(many) // 2 + 1


def test_a_removed_parameter_leaves_the_review(terminal: Start) -> None:
    wizard = terminal(*PLACE_OPEN[:7], *PLACE_OPEN[9:], *PLACE, size=(24, 80))
    watcher = Watcher(wizard, 24, 80)
    watcher.lines_once("1st input name (<ENTER> to finish):")
    wizard.press("reads:file\r")
    watcher.lines_once("2nd input")
    wizard.press("mode:string\r")
    watcher.lines_once("3rd input")
    wizard.press("\r")
    watcher.lines_once("Write the app?")
    wizard.press("mode\r")
    lines = watcher.lines_once("<ENTER> keeps it, - removes it")
    assert "1/1 2nd input name [mode:string]:" in lines
    wizard.press("-\r")
    watcher.lines_once("[mode:string]: -")
    watcher.lines_once("Write the app?")
    wizard.press("?\r")
    lines = watcher.lines_once("Answers: ")
    assert "Answers: inputs, reads." in lines
    assert "input    reads   file" in lines


DETAILS = {
    "file+": ["Patterns", "Help", "Group", "Suggestions", "Choices", "Default value"],
    "string+": ["Default value", "Choices", "Suggestions", "Help", "Group"],
    "boolean+": ["Default value", "Suggestions", "Help", "Group"],
}


@pytest.mark.parametrize("io_class", DETAILS)
def test_details_are_ordered_by_class_and_name_the_parameter(terminal: Start, io_class: str) -> None:
    wizard = terminal(*PLACE_OPEN[:7], *PLACE_OPEN[9:], *PLACE, size=(24, 80))
    wizard.talk(("1st input name", "x"), ("Label", ""), ("Choose a class", io_class), ("optional", "n"))
    for title in DETAILS[io_class]:
        wizard.talk(
            (rf"{title} of x \(<ENTER> for none\)", "*.fq *.fastq,*.gz" if title == "Patterns" else "")
        )
    wizard.talk(("2nd input", ""), ("Write the app", ""))
    assert wizard.end()[0] == 0
    patterns = {"patterns": ["*.fq", "*.fastq", "*.gz"]} if io_class == "file+" else {}
    assert wizard.written()["inputSpec"] == [{"name": "x", "class": io_class[:-1], **patterns}]


def test_outputs_are_explained_by_outputs(terminal: Start) -> None:
    wizard = terminal(*PLACE_OPEN[:9], *PLACE_OPEN[11:], *PLACE, size=(24, 80))
    lines = Watcher(wizard, 24, 80).lines_once("1st output name")
    assert any(line.startswith("such as counts, or all in one: counts:file") for line in lines)
    assert not any("k:int=31" in line or "reads:file" in line for line in lines)


def test_ctrl_c_prints_a_command_with_the_parameters_so_far(terminal: Start, tmp_path: Path) -> None:
    wizard = terminal("counts", "--defaults", "--output", "o:int")
    wizard.talk(("Programming language", "bash"))
    wizard.process.expect("Write the app")
    wizard.process.sendintr()
    assert "--output o:int" in " ".join(wizard.end()[1].split())
    wizard = terminal(*PLACE_OPEN[:7], *PLACE_OPEN[9:], *PLACE)
    wizard.talk(("1st input", "reads:file"), ("2nd input", "k:int=31"), ("3rd input", "third"))
    wizard.process.expect("Label")
    wizard.process.sendintr()
    text = " ".join(wizard.end()[1].split())
    assert "--input reads:file --input k:int=31" in text
    assert "third" not in text.split("As one command")[1]
