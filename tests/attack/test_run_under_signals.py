"""Attack `dx-local run` with signals at random moments, and with runs that start at once.

Slow: `pytest tests/attack -s` prints how the tries ended.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    MakeApp = Callable[..., Path]

SIGNALS = 100
PAIRS = 25
DEADLINE_SECONDS = 20
"""Time within which a command must end after a signal."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

# Python prints a traceback of its own for Ctrl-C until it runs the first line of a program.
BEGIN = "import dx_local.start; print('begun', flush=True); dx_local.start.dx_local()"
NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
UNWANTED = ("Traceback", "never retrieved", "a bug in dx-local", "Exception ignored", "crash log")

# The odd argument of `sleep` tells its processes from others on this machine.
PYTHON = """
import subprocess
import dxpy

@dxpy.entry_point('part')
def part(n):
    subprocess.run(['sleep', '0.1', '{mark}'], check=True)
    return {{'n': n}}

@dxpy.entry_point('main')
def main():
    subprocess.Popen(['sleep', '600', '{mark}'])
    jobs = [dxpy.new_dxjob({{'n': n}}, 'part') for n in range(3)]
    for job in jobs:
        job.wait_on_done()
    file = dxpy.upload_string('x' * 100_000, name='x', wait_on_close=True)
    return {{'n': jobs[0].get_output_ref('n'), 'file': dxpy.dxlink(file)}}

dxpy.run()
"""
BASH = """
main() {{
  trap '' TERM
  sleep 600 {mark} &
  echo x > x
  dx-jobutil-add-output file "$(dx upload x --brief)"
  sleep 0.2 {mark}
  dx-jobutil-add-output n 3 --class=int
}}
"""
APPS = {"python3": PYTHON, "bash": BASH}


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """The folder for the commands' temporary files."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    return folder


@pytest.fixture
def mark() -> str:
    return f"0.000{random.randrange(10**9):09d}"


def processes_with(*marks: str) -> dict[int, str]:
    """Return the command lines of the processes of this machine in which one of the marks occurs."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if any(mark in line for mark in marks):
            found[int(path.parent.name)] = line
    return found


def start(app: Path, temporary: Path, variables: dict[str, str], *options: object) -> subprocess.Popen[str]:
    """Start a run, and return when the first line of dx-local is reached."""
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN, "run", app, *map(str, options)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**variables, "TMPDIR": str(temporary)},
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    assert process.stdout
    assert process.stdout.readline() == "begun\n"
    return process


def wait_until(is_so: Callable[[], bool], deadline: float) -> bool:
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def variables() -> dict[str, str]:
    """The environment of a user's terminal."""
    return {name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR", "TERM")}


@pytest.mark.parametrize("interpreter", APPS)
def test_signals_at_random_moments(
    make_app: MakeApp,
    tmp_path: Path,
    temporary: Path,
    variables: dict[str, str],
    mark: str,
    interpreter: str,
) -> None:
    code = APPS[interpreter].format(mark=mark)
    app = make_app(code, outputs={"n": "int", "file": "file"}, interpreter=interpreter, name="attacked")
    began = time.monotonic()
    start(app, temporary, variables, "--workspace-path", tmp_path / "first").communicate(timeout=120)
    whole = time.monotonic() - began
    chance = random.Random(interpreter)
    ends: Counter[int] = Counter()
    slowest = 0.0
    for attempt in range(SIGNALS // len(APPS)):
        number, moment = chance.choice(NUMBERS), chance.uniform(0, whole)
        where = f"try {attempt}: {number.name} after {moment:.3f} s"
        process = start(app, temporary, variables, "--workspace-path", tmp_path / str(attempt))
        time.sleep(moment)
        sent = time.monotonic()
        process.send_signal(number)
        output, errors = process.communicate(timeout=DEADLINE_SECONDS)
        slowest = max(slowest, time.monotonic() - sent)
        code_of_shell = process.returncode if process.returncode >= 0 else 128 - process.returncode
        assert code_of_shell in (0, 128 + number), f"{where}: {process.returncode}\n{output}{errors}"
        own = [line for line in errors.splitlines() if " | " not in line]  # the others are those of jobs
        assert not [line for line in own for text in UNWANTED if text in line], f"{where}\n{errors}"
        deadline = sent + DEADLINE_SECONDS
        marks = (mark, str(temporary))
        assert wait_until(lambda: not processes_with(*marks), deadline), f"{where}: {processes_with(*marks)}"  # noqa: B023
        assert wait_until(lambda: not list(temporary.iterdir()), deadline), (
            f"{where}: {[*temporary.iterdir()]}"
        )
        ends[code_of_shell] += 1
    print(f"\n{interpreter}: exit codes {dict(ends)}, slowest end {slowest:.1f} s after its signal")


def test_pairs_of_runs_that_start_at_once(
    make_app: MakeApp, temporary: Path, variables: dict[str, str], mark: str
) -> None:
    code = "main() { dx-jobutil-add-output said hello --class=string; }\n"
    app = make_app(code, outputs={"said": "string"}, interpreter="bash", name="twins")
    for pair in range(PAIRS):
        processes = [start(app, temporary, variables) for _ in range(2)]
        ended = [process.communicate(timeout=DEADLINE_SECONDS * 2) for process in processes]
        where = f"pair {pair}: {ended}"
        assert [process.returncode for process in processes] == [0, 0], where
        assert [output for output, _ in ended] == ["said\thello\n"] * 2, where
    assert len(list((app / "test-job-workspaces").iterdir())) == 2 * PAIRS
    assert list(temporary.iterdir()) == []
