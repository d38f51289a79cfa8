"""`breakpoint()` in a program in Python that a job starts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.screens import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import DxLocal

    MakeApp = Callable[..., Path]

STARTS_TOOL = """
main() {
  python3 tool.py
  if env | grep -q ^PYTHON; then exit 9; fi
}
"""

TOOL = """
number = 6
breakpoint()
print('product', number * 7)
"""


def tool_app(make_app: MakeApp) -> str:
    app = make_app(STARTS_TOOL, interpreter="bash", name="tools")
    home = app / "resources/home/dnanexus"
    home.mkdir(parents=True)
    (home / "tool.py").write_text(TOOL, encoding="utf-8")
    return str(app)


@pytest.mark.usefixtures("sandboxed")
def test_it_stops_on_the_terminal_of_the_job(make_app: MakeApp) -> None:
    terminal = Terminal("run", tool_app(make_app))
    terminal.read_until_all(r"--- main stopped at dnanexus/tool\.py:3; c continues", r"\(Pdb\)$")
    # Before it sleeps, the debugger may still be reading the line, which Ctrl-C then discards.
    terminal.type("import time; print('asleep'); time.sleep(600)", r"\nasleep$")
    terminal.process.send("\x03")
    terminal.read_until_all(r"KeyboardInterrupt\n\(Pdb\)$")
    terminal.type("number = 3", r"\) number = 3\n\(Pdb\)$")
    terminal.process.send("c\r")
    assert terminal.read_to_end() == 0
    assert "main | product 21" in terminal.written


@pytest.mark.usefixtures("sandboxed")
def test_without_a_terminal_it_is_passed_over(dx_local: DxLocal, make_app: MakeApp) -> None:
    done = dx_local("run", tool_app(make_app), "--progress", "plain")
    assert re.search(r"main \| breakpoint\(\) at dnanexus/tool\.py:3 passed over: no terminal\n", done.stderr)
    assert "main | product 42" in done.stderr
    assert done.exit_code == 0
