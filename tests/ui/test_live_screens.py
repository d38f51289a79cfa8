"""The live view of `dx-local run` as screens of a terminal show it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.screens import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeApp = Callable[..., Path]

SIZES = [
    pytest.param(columns, rows, id=f"{columns}x{rows}") for columns, rows in ((60, 20), (80, 24), (120, 40))
]

PRINTS = """
main() {
  echo 'first line'
  sleep 1
  echo '[bold]second line[/bold]'
  sleep 1
}
"""


def test_a_job_that_prints_leaves_the_view_without_markup(make_app: MakeApp) -> None:
    terminal = Terminal("run", str(make_app(PRINTS, interpreter="bash")))
    terminal.read_until("main | [bold]second line[/bold]")
    assert terminal.read_to_end() == 0
    assert re.search(r"\[/?(dim|cyan|green)\]", terminal.written) is None
