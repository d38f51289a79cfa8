"""One failure among 50 jobs, as terminals, pipes and GitHub Actions show it at the end of the run."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING

import pytest
from tests.forked import run_ours
from tests.screens import Terminal

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    MakeApp = Callable[..., Path]

IN_PYTHON = """
import dxpy

@dxpy.entry_point('process')
def process(piece, k, reads):
    print(f'reading {piece}')
    if k == 31:
        return {'lines': 1 // 0}
    return {'lines': k}

@dxpy.entry_point('main')
def main():
    reads = dxpy.dxlink(dxpy.upload_string('x' * 1234, name='piece-0031'))
    inputs = [{'piece': f'p{k}', 'k': k, 'reads': reads} for k in range(1, 51)]
    return {'lines': [dxpy.new_dxjob(each, 'process').get_output_ref('lines') for each in inputs]}

dxpy.run()
"""
IN_BASH = """
process() {
  echo "reading $piece"
  if [[ $k == 31 ]]; then
    no_such_program "$piece" | sort | head -1; echo 'going on'
    grep -q 'not there' /etc/passwd
  fi
  dx-jobutil-add-output lines "$k" --class=int
}
main() {
  reads=$(printf x | dx upload - --brief --path piece-0031)
  for k in $(seq 50); do
    job=$(dx-jobutil-new-job process -ipiece="p$k" -ik="$k" -ireads="$reads")
    dx-jobutil-add-output lines "$job:lines" --class=array:jobref
  done
}
"""
LABEL = "main → process[31]"


@pytest.fixture(scope="module", params=["python3", pytest.param("bash", marks=pytest.mark.slow)])
def app(request: pytest.FixtureRequest, make_module_app: MakeApp) -> Path:
    code = {"python3": IN_PYTHON, "bash": IN_BASH}[request.param]
    name = f"count in {request.param}"
    return make_module_app(code, outputs={"lines": "array:int"}, interpreter=request.param, name=name)


def source_of(app: Path) -> str:
    return f"src/{app.name}{'.sh' if app.name.endswith('bash') else '.py'}"


def cause_in(app: Path, folder: str = "") -> list[str]:
    """Return the last lines of the block, without the message of the exit code."""
    if app.name.endswith("bash"):
        return [
            f"error: {LABEL} failed: AppInternalError",
            f"  {source_of(app)}:5: no_such_program: command not found",
            f"  at {folder}{source_of(app)}:6",
            "      grep -q 'not there' /etc/passwd",
        ]
    return [
        f"error: {LABEL} failed: AppInternalError",
        "  ZeroDivisionError: integer division or modulo by zero",
        f"  at {folder}{source_of(app)}:8",
        "      return {'lines': 1 // 0}",
    ]


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        pytest.param(60, 20, id="60x20", marks=pytest.mark.slow),
        pytest.param(80, 24, id="80x24"),
        pytest.param(120, 40, id="120x40", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("logs", [pytest.param("auto", marks=pytest.mark.slow), "none"])
def test_the_block_fits_the_end_of_the_screen(
    app: Path, columns: int, rows: int, logs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(app)
    terminal = Terminal("run", "--logs", logs, columns=columns, rows=rows)
    assert terminal.read_to_end() == 6
    shown = terminal.shown().splitlines()
    last = [number for number, line in enumerate(shown) if line.startswith("  process[31] ")][-1]
    block = shown[last + 1 :]
    assert len(block) <= 16, shown
    assert [line for line in block if line in cause_in(app)] == cause_in(app), shown
    assert "again     dx-local rerun 'process[31]'" in "\n".join(block)
    assert any(line.startswith("input     piece=p31   k=31   reads=piece-0031 (") for line in block)
    # In a narrow window, the commands and the log need more rows.
    others = re.search(r"(?m)^others    \d+ of \d+ jobs done, ", "\n".join(block))
    assert others or columns < 80, shown
    # The log is either above or in the block.
    frames = (f'  |   File "{source_of(app)}", line 8, in process', f"  | {source_of(app)}: line 6: grep")
    assert any(line.startswith(frames) for line in block) is (logs == "none")


@pytest.fixture(scope="module")
def piped(app: Path) -> subprocess.CompletedProcess[str]:
    """Return a run from the folder above the app's."""
    return run_ours("dx-local", ["run", app.name, "--logs", "failed"], os.environ, app.parent)


def test_a_pipe_gets_the_log_once_and_the_cause_last(
    app: Path, piped: subprocess.CompletedProcess[str]
) -> None:
    lines = piped.stderr.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("log       above; all "))
    assert "process[31] | reading p31" in lines[:start]
    assert not any("reading p31" in line for line in lines[start:])
    cause = lines[lines.index(f"error: {LABEL} failed: AppInternalError") :]
    expected = cause_in(app, f"{app.name}/")
    assert [line for line in cause if line in expected] == expected
    assert cause[-1] == expected[-1]
    assert not any("exec_utils.py" in line for line in lines)


def test_the_commands_work_as_they_are_printed(app: Path, piped: subprocess.CompletedProcess[str]) -> None:
    lines = piped.stderr.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("again     "))
    rerun, debug, resume = (shlex.split(line[10:].partition("   ")[0]) for line in lines[at : at + 3])
    assert rerun == ["dx-local", "rerun", "process[31]", "--app", app.name]
    assert debug == [*rerun, "--debug"]
    assert resume == ["dx-local", "run", app.name, "--logs", "failed", "--resume"]
    again, resumed = (
        run_ours(command[0], command[1:], os.environ, app.parent) for command in (rerun, resume)
    )
    assert (again.returncode, resumed.returncode) == (6, 6)
    assert "error: process failed: AppInternalError\n" in again.stderr
    assert f"error: {LABEL} failed: AppInternalError\n" in resumed.stderr
    # The same command works again: it takes the job from the last whole run.
    assert f"again     {shlex.join(rerun)}  " in again.stderr
