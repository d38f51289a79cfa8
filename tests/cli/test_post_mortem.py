"""`--debug` and `--debug-on`: jobs that fail stop in a debugger."""

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

AT_PDB = r"\(Pdb\)$"

SCATTERS = """
import dxpy

def item(values, number):
    return dxpy.DXFile(values)

@dxpy.entry_point('process')
def process(number):
    pieces = [number]
    if number == 1:
        item(pieces, number)
    if number == 2:
        raise dxpy.AppError('too many')
    return {}

@dxpy.entry_point('main')
def main(number):
    dxpy.new_dxjob({'number': 0}, 'process')
    dxpy.new_dxjob({'number': number}, 'process')
    return {}

dxpy.run()
"""


@pytest.fixture
def scatters(make_app: MakeApp) -> str:
    return str(make_app(SCATTERS, inputs={"number": "int"}, name="scatters"))


def test_python_stops_in_the_innermost_frame_of_the_app(scatters: str) -> None:
    terminal = Terminal("run", scatters, "-inumber=1", "--debug")
    shown = terminal.read_until_all(AT_PDB)
    assert re.search(r"--- process\[2\] failed at src/scatters\.py:5: (.*\n)+.*item\(\)\n-> return", shown)
    terminal.type("p values, number", rf"\n\(\[1\], 1\)\n{AT_PDB}")
    terminal.type("u", rf"process\(\)\n-> item\(pieces, number\)\n{AT_PDB}")
    terminal.process.send("q\r")
    assert terminal.read_to_end() == 6
    assert "main → process[2] failed" in terminal.written
    assert "(Pdb)" not in terminal.written[terminal.written.rindex("error:") :]


@pytest.mark.parametrize(
    ("options", "stops"),
    [
        (("--debug-on", "AppError"), True),
        (("--debug-on", "AppInternalError,ExecutionError"), False),
        (("--debug", "--debug-job", "process"), False),
        (("--debug", "--debug-job", "process[2]"), True),
    ],
)
def test_the_reason_and_the_job_decide(scatters: str, options: tuple[str, ...], *, stops: bool) -> None:
    terminal = Terminal("run", scatters, "-inumber=2", *options)
    if stops:
        assert "AppError: too many" in terminal.read_until_all(AT_PDB)
        terminal.process.send("q\r")
    assert terminal.read_to_end() == 5
    assert ("(Pdb)" in terminal.written) == stops


FUNCTIONS = """
inner() {
  local secret="of $1"
  grep -q nothing /etc/hostname
}
main() {
  local outer=2
  inner it
}
"""


def test_bash_stops_in_the_failed_function(make_app: MakeApp) -> None:
    app = make_app(FUNCTIONS, interpreter="bash", name="functions")
    at_prompt = r"\(dx main\)$"
    terminal = Terminal("run", str(app), "--debug")
    shown = terminal.read_until_all(at_prompt)
    assert re.match(r"--- main failed at src/functions\.sh:4, exit code 1: grep -q nothing", shown)
    terminal.type('echo "<$secret $outer $1 $nope>"; false', rf"\n<of it 2 it >\n{at_prompt}")
    terminal.type("dx describe $DX_JOB_ID --json | grep State", rf'\n *"newState": "running",\n{at_prompt}')
    terminal.type("sleep 600", r"\) sleep 600$")
    terminal.process.send("\x03")
    terminal.read_until_all(rf"\^C\n+{at_prompt}")
    terminal.process.send("exit\r")
    assert terminal.read_to_end() == 6
    assert "ended with exit code 1" in terminal.shown()
    assert "(dx main)" not in terminal.written[terminal.written.rindex("error:") :]


@pytest.mark.parametrize(
    ("code", "pattern"),
    [
        pytest.param("main() { local x=7; exit 3; }", r"--- main failed, exit code 3: ", id="exit"),
        pytest.param("main() { local x=7; (false); }", r"--- main failed at src/app\.sh:1", id="subshell"),
        pytest.param("main() { x=7; trap : ERR; false; }", r"--- main failed, ", id="own trap"),
    ],
)
def test_bash_stops_once(make_app: MakeApp, code: str, pattern: str) -> None:
    terminal = Terminal("run", str(make_app(code, interpreter="bash")), "--debug")
    terminal.read_until_all(pattern, r"\(dx main\)$")
    terminal.type("echo $((x * 6))", r"\n42\n\(dx main\)$")
    terminal.process.send("exit\r")
    assert terminal.read_to_end() == 6
    assert terminal.written.count("--- main failed") == 1


def test_without_a_terminal_a_failed_job_does_not_stop(scatters: str, dx_local: DxLocal) -> None:
    done = dx_local("run", scatters, "-inumber=1", "--debug")
    assert done.exit_code == 6
    assert "Jobs that fail do not stop in a debugger: there is no terminal." in done.stderr


def test_an_unknown_reason_is_an_error(dx_local: DxLocal, make_app: MakeApp) -> None:
    done = dx_local("run", make_app("main() { :; }", interpreter="bash"), "--debug-on", "AppError,Any")
    assert done.exit_code == 2
    assert "'Any' is not one of AppError, AppInternalError, ExecutionError, All" in done.stderr
