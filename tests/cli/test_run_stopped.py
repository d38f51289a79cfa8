"""What `dx-local run` leaves when a signal stops it: no process, no temporary file, and an exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    MakeApp = Callable[..., Path]
    Start = Callable[..., subprocess.Popen[str]]

_DEADLINE_SECONDS = 20

SLEEPS_IN_PYTHON = """
import subprocess
import time
import dxpy

@dxpy.entry_point('part')
def part():
    subprocess.Popen(['sleep', '600'])
    print('ready', flush=True)
    time.sleep(600)

@dxpy.entry_point('main')
def main():
    dxpy.new_dxjob({}, 'part').wait_on_done()

dxpy.run()
"""

SLEEPS_IN_BASH = """
main() {
  trap '' TERM
  sleep 600 &
  echo ready
  while true; do sleep 600; done
}
"""

SLEEPS = {"python3": SLEEPS_IN_PYTHON, "bash": SLEEPS_IN_BASH}


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Where the command puts its temporary files."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    return folder


@pytest.fixture
def start(variables: dict[str, str], bin_folder: Path, temporary: Path) -> Start:
    """Start a run in a session of its own, and return when its job says `ready`."""

    def run(app: Path, *options: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [bin_folder / "dx-local", "run", app, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**variables, "TMPDIR": str(temporary)},
            start_new_session=True,
        )
        assert process.stderr
        assert any(line.endswith("| ready\n") for line in process.stderr)
        return process

    return run


def left_running(app: Path) -> list[int]:
    """Return the processes whose current folder is the app's or lies in it, as that of its jobs does."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if app in folder.joinpath("cwd").readlink().parents:
                found.append(int(folder.name))
    return found


@pytest.mark.parametrize("interpreter", ["python3", "bash"])
@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_all_processes(
    make_app: MakeApp, start: Start, temporary: Path, interpreter: str, number: int, exit_code: int
) -> None:
    app = make_app(SLEEPS[interpreter], interpreter=interpreter)
    process = start(app)
    assert left_running(app)
    process.send_signal(number)
    _, errors = process.communicate(timeout=_DEADLINE_SECONDS)
    assert process.returncode == exit_code
    assert errors.endswith("error: The run was interrupted.\n")
    assert left_running(app) == []
    assert list(temporary.iterdir()) == []


def test_ctrl_c_in_a_terminal_reaches_the_whole_group_and_json_is_whole(
    make_app: MakeApp, start: Start
) -> None:
    app = make_app(SLEEPS_IN_PYTHON)
    process = start(app, "--json")
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=_DEADLINE_SECONDS)
    assert process.returncode == 130
    assert json.loads(output)["error"]["code"] == "interrupted"
    assert left_running(app) == []


def test_nothing_outlives_a_command_that_was_killed(make_app: MakeApp, start: Start) -> None:
    app = make_app(SLEEPS_IN_PYTHON)
    process = start(app)
    process.kill()
    process.communicate(timeout=_DEADLINE_SECONDS)
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while left_running(app) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left_running(app) == []
