"""`dx-local logs`: one job, all jobs, and a run in progress."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import DxLocal

    MakeApp = Callable[..., Path]

CODE = "main() { echo one; sleep 1; echo two; }\n"


@pytest.fixture
def app(make_app: MakeApp) -> Path:
    return make_app(CODE, interpreter="bash", name="app")


def test_lines_of_one_job_have_no_label(dx_local: DxLocal, app: Path) -> None:
    dx_local("run", app, "-q")
    assert dx_local("logs", "main", "--app", app).stdout.endswith("one\ntwo\n")
    assert "main | two\n" in dx_local("logs", "--app", app).stdout
    assert dx_local("logs", "--failed", "--app", app).stdout == ""


@pytest.mark.parametrize("arguments", [("none",), ("--run", "-3")])
def test_a_name_of_nothing_is_wrong_use(dx_local: DxLocal, app: Path, arguments: tuple[str, ...]) -> None:
    dx_local("run", app, "-q")
    failed = dx_local("logs", *arguments, "--app", app)
    assert failed.exit_code == 2
    assert failed.stderr.startswith("error: there is no ")


def test_a_run_in_progress_is_followed_to_its_end(
    app: Path, bin_folder: Path, variables: dict[str, str]
) -> None:
    started = subprocess.Popen(
        [bin_folder / "dx-local", "run", app], stderr=subprocess.PIPE, text=True, env=variables
    )
    assert started.stderr is not None
    next(line for line in started.stderr if line.endswith("main running\n"))
    done = subprocess.run(
        [bin_folder / "dx-local", "logs", "main", "-f", "--app", app],
        capture_output=True, text=True, env=variables, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.endswith("one\ntwo\n")
    started.stderr.read()
    started.stderr.close()
    assert started.wait() == 0


def test_ctrl_c_ends_following(sleeping_app: Path, bin_folder: Path, variables: dict[str, str]) -> None:
    started = subprocess.Popen(
        [bin_folder / "dx-local", "run", sleeping_app], stderr=subprocess.PIPE, text=True, env=variables
    )
    assert started.stderr is not None
    next(line for line in started.stderr if "main | in " in line)
    following = subprocess.Popen(
        [bin_folder / "dx-local", "logs", "-f", "--app", sleeping_app],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables,
    )  # fmt: skip
    assert following.stdout is not None
    assert following.stdout.readline().startswith("main | ")
    following.send_signal(signal.SIGINT)
    assert following.communicate()[1] == ""
    assert following.returncode == 130
    os.kill(started.pid, signal.SIGTERM)
    started.communicate()
