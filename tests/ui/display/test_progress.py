"""The progress display on a real terminal."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

import pytest
from tests.forked_terminal import ForkedSpawn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pexpect

COLOR = re.compile(r"\x1b\[[0-9;]*m")
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"

SCATTERS = """
import dxpy

@dxpy.entry_point('process')
def process(number):
    print('piece [bold]', number)
    return {'n': number}

@dxpy.entry_point('main')
def main():
    jobs = [dxpy.new_dxjob({'number': number}, 'process') for number in range(6)]
    return {'ns': [job.get_output_ref('n') for job in jobs]}

dxpy.run()
"""


@pytest.fixture
def app(make_app: Callable[..., Path]) -> Path:
    return make_app(SCATTERS, outputs={"ns": "array:int"})


def start(app: Path, *options: str, **variables: str) -> pexpect.spawn[str]:
    """Start a run in a terminal of 80 columns."""
    kept = {
        name: value for name, value in os.environ.items() if name not in {"CI", "GITHUB_ACTIONS", "NO_COLOR"}
    }
    return ForkedSpawn(
        sys.executable,
        ["-m", "dx_local", "run", str(app), *options],
        env={**kept, "TERM": "xterm-256color", **variables},
        dimensions=(24, 80),
        encoding="utf-8",
        timeout=30,
    )


def on_terminal(app: Path, *options: str, **variables: str) -> str:
    """Return all that a run in a terminal wrote to it."""
    terminal = start(app, *options, **variables)
    shown: str = terminal.read()
    terminal.close()
    assert terminal.exitstatus == 0, shown
    return shown


def last_screen(shown: str) -> str:
    """Return what was drawn last, without colors."""
    return COLOR.sub("", shown.rpartition("\x1b[J")[2]).replace("\r\n", "\n")


def test_a_terminal_shows_a_tree_and_ends_clean(app: Path) -> None:
    shown = on_terminal(app)
    assert "└─ main           done" in last_screen(shown)
    assert "   └─ process[6]  done" in last_screen(shown)
    assert shown.count(HIDE_CURSOR) == shown.count(SHOW_CURSOR) == 1
    assert shown.endswith("".join(f"ns\t{number}\r\n" for number in range(6)))


def test_what_jobs_print_stands_above_the_tree_as_it_is(app: Path) -> None:
    assert "process[2] | piece [bold] 1" in COLOR.sub("", on_terminal(app))


def test_no_color_means_none(app: Path) -> None:
    shown = on_terminal(app, NO_COLOR="1")
    assert "done" in last_screen(shown)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9][0-9;]*m", shown)


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {"CI": "true"}])
def test_terminals_that_cannot_draw_get_plain_lines(app: Path, variables: dict[str, str]) -> None:
    shown = on_terminal(app, **variables)
    assert "main running\r\n" in shown
    assert HIDE_CURSOR not in shown


def test_plain_lines_are_given_on_request(app: Path) -> None:
    assert HIDE_CURSOR not in on_terminal(app, "--progress", "plain")


def test_quiet_shows_outputs_only(app: Path) -> None:
    assert on_terminal(app, "-q").split() == [word for number in range(6) for word in ("ns", str(number))]


def test_ctrl_c_gives_the_terminal_back_as_it_was(make_app: Callable[..., Path]) -> None:
    code = "import time\n@dxpy.entry_point('main')\ndef main():\n    print('ready')\n    time.sleep(600)\n"
    terminal = start(make_app(code))
    terminal.expect_exact("main | ready")
    terminal.sendintr()
    shown = terminal.read()
    terminal.close()
    assert terminal.exitstatus == 130
    assert "main  terminated" in last_screen(shown)
    assert shown.rstrip().endswith("error: The run was interrupted.")
    assert shown.rfind(HIDE_CURSOR) <= shown.rfind(SHOW_CURSOR)


def test_the_tree_shows_in_which_try_a_job_is(make_app: Callable[..., Path]) -> None:
    policy = {"executionPolicy": {"restartOn": {"AppInternalError": 1}}}
    app = make_app("main() { grep -q '\"try\": 1' dnanexus-job.json; }", interpreter="bash", runSpec=policy)
    assert "main  done (try 1)" in last_screen(on_terminal(app))


ESCAPES = r"""
main() {
  printf '\033]0;title\007\033cfrom the job\n'
  dx-jobutil-add-output said "$(printf '\033]0;title\007\033cin the output')" --class=string
}
"""


@pytest.mark.parametrize("options", [(), ("--progress", "plain"), ("-q",)])
def test_no_job_can_reset_or_rename_the_terminal(
    make_app: Callable[..., Path], options: tuple[str, ...]
) -> None:
    app = make_app(ESCAPES, interpreter="bash", outputs={"said": "string"})
    shown = on_terminal(app, *options)
    assert "\x1b]0;" not in shown
    assert "\x1bc" not in shown
    assert "said\tin the output\r\n" in shown
