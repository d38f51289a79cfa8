"""The screen of the terminal as a person sees it, emulated by pyte."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pexpect
import pyte
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.wizard.conftest import Terminal

    Start = Callable[..., Terminal]

PLACE_OPEN = (
    "counts", "--title", "t", "--summary", "s", "--version", "1.0.0", "--input", "k:int", "--output", "o:int",
    "--timeout", "1h", "--language", "bash", "--template", "basic", "--no-network",
    "--project-access", "none",
)  # fmt: skip
PLACE = ("--region", "aws:us-east-1", "--instance-type", "mem1_ssd1_v2_x4")
ALL_BUT_SUMMARY = (*PLACE_OPEN[:3], *PLACE_OPEN[5:], *PLACE)
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
    lines = watcher.lines_once("? help, < back")
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
    assert '  "summary": "Zählt",' in lines
    assert "counts/" in lines
    assert "  .dx-app-wizard.json" in lines
    assert "input    k      int" in lines


def test_a_menu_goes_when_the_answer_is_given(terminal: Start) -> None:
    wizard = terminal("counts", "--defaults")
    watcher = Watcher(wizard, 24, 80)
    assert any("bash with the dx tools" in line for line in watcher.lines_once("Python 3 with"))
    wizard.press("bash", "\r")
    lines = watcher.lines_once("then join")
    assert "1/2 Programming language: bash" in lines
    assert not any("dx tools" in line for line in lines)
