"""Signals stop `dx-local run`, which leaves no process and no temporary file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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

UPLOADS = """
main() {
  (sleep 0.5; echo ready) &
  head -c 1000 /dev/zero | dx upload -
}
"""

SLEEPS = {"python3": SLEEPS_IN_PYTHON, "bash": SLEEPS_IN_BASH}


@pytest.fixture
def temporary() -> Iterator[Path]:
    """The folder for the command's temporary files; its path must be short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="t-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def start(variables: dict[str, str], bin_folder: Path, temporary: Path) -> Start:
    """Start a run in a session of its own, and return when its job prints `ready`."""

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


def descendants(pid: int) -> list[int]:
    """Return the processes that a process started, and those that they started."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has just ended
        return []
    return [each for child in map(int, children) for each in (child, *descendants(child))]


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


@pytest.mark.parametrize("interpreter", ["python3", "bash"])
@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_all_processes(
    make_app: MakeApp, start: Start, temporary: Path, interpreter: str, number: int, exit_code: int
) -> None:
    app = make_app(SLEEPS[interpreter], interpreter=interpreter)
    process = start(app)
    running = descendants(process.pid)
    assert len(running) >= 2
    process.send_signal(number)
    _, errors = process.communicate(timeout=_DEADLINE_SECONDS)
    assert process.returncode == exit_code
    (folder,) = app.glob("test-job-workspaces/*")
    resume = f"to continue: dx-local run {app} --resume\n"
    assert errors.endswith(f"{resume}folder of this run: {folder}\nerror: The run was interrupted.\n")
    assert alive(running) == []
    assert list(temporary.iterdir()) == []
    (page,) = app.glob("test-job-workspaces/*/report.html")
    assert "<title>terminated: " in page.read_text(encoding="utf-8")


def test_ctrl_c_in_a_terminal_reaches_the_whole_group_and_json_is_whole(
    make_app: MakeApp, start: Start
) -> None:
    app = make_app(SLEEPS_IN_PYTHON)
    process = start(app, "--json")
    running = descendants(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=_DEADLINE_SECONDS)
    assert process.returncode == 130
    printed = json.loads(output)
    assert printed["error"]["code"] == "interrupted"
    assert Path(printed["workspace"]).parent == app / "test-job-workspaces"
    assert alive(running) == []


def test_nothing_outlives_a_command_that_was_killed(make_app: MakeApp, start: Start, temporary: Path) -> None:
    app = make_app(SLEEPS_IN_PYTHON)
    process = start(app)
    running = descendants(process.pid)
    process.kill()
    process.communicate(timeout=_DEADLINE_SECONDS)
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while alive(running) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert alive(running) == []
    assert list(temporary.iterdir()) == []


def test_a_signal_ends_a_transfer_over_a_slow_link(make_app: MakeApp, start: Start) -> None:
    app = make_app(UPLOADS, interpreter="bash")
    process = start(app, "--inject", "slow-io:main=1B/s")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=_DEADLINE_SECONDS)
    assert process.returncode == 130


@pytest.mark.parametrize("numbers", [(signal.SIGINT,) * 3, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)])
def test_further_signals_do_not_cut_the_end_short(
    make_app: MakeApp, start: Start, temporary: Path, numbers: tuple[int, ...]
) -> None:
    process = start(make_app(SLEEPS_IN_BASH, interpreter="bash"))
    running = descendants(process.pid)
    for number in numbers:
        process.send_signal(number)
        time.sleep(0.1)
    _, errors = process.communicate(timeout=_DEADLINE_SECONDS)
    assert process.returncode == 128 + numbers[0]
    assert "Traceback" not in errors
    assert "never retrieved" not in errors
    assert alive(running) == []
    assert list(temporary.iterdir()) == []


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize("seconds", [0, 0.03, 0.1, 0.3])
def test_a_command_that_is_killed_while_its_zygote_starts_leaves_no_folder(
    make_app: MakeApp, variables: dict[str, str], bin_folder: Path, temporary: Path, seconds: float
) -> None:
    process = subprocess.Popen(
        [bin_folder / "dx-local", "run", make_app(SLEEPS_IN_BASH, interpreter="bash"), "-q"],
        stdin=subprocess.DEVNULL,
        env={**variables, "TMPDIR": str(temporary)},
        start_new_session=True,
    )
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not any(b"zygote.py" in command_line(pid) for pid in descendants(process.pid)):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    time.sleep(seconds)
    process.kill()
    process.wait()
    while list(temporary.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(temporary.iterdir()) == []


@pytest.mark.slow
def test_a_worker_environment_that_is_being_made_does_not_delay_the_end(
    make_app: MakeApp, variables: dict[str, str], bin_folder: Path, temporary: Path, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [bin_folder / "dx-local", "run", make_app("main() { true; }\n", interpreter="bash")],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**variables, "TMPDIR": str(temporary), "XDG_CACHE_HOME": str(tmp_path / "cache")},
    )
    assert process.stderr
    assert any("Creating a worker environment" in line for line in process.stderr)
    running = descendants(process.pid)
    process.terminate()
    _, errors = process.communicate(timeout=_DEADLINE_SECONDS)
    assert process.returncode == 143
    assert errors.endswith("error: The run was interrupted.\n")
    assert "never retrieved" not in errors
    assert alive(running) == []
    assert list(temporary.iterdir()) == []
    assert not list(tmp_path.glob("cache/**/*.failed"))
