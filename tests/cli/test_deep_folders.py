"""Folders of jobs that are nested more deeply than Python's stack, and whose paths are too long."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import DxLocal

    MakeApp = Callable[..., Path]

DEPTH = 2500  # two bytes each: more than the longest path of Linux

CODE = f"""
import os
import dxpy

@dxpy.entry_point('main')
def main():
    for place in ('/tmp', os.environ['HOME']):
        os.chdir(place)
        for _ in range({DEPTH}):
            os.mkdir('d')
            os.chdir('d')
    os.chdir('/')
    return {{}}

dxpy.run()
"""


def make_deep(folder: Path) -> None:
    folder.mkdir()
    place = os.open(folder, os.O_RDONLY)
    for _ in range(DEPTH):
        os.mkdir("d", dir_fd=place)
        below = os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = below
    os.close(place)


@pytest.mark.usefixtures("sandboxed")
@pytest.mark.slow
def test_a_job_may_leave_them_and_its_run_is_listed_and_removed(dx_local: DxLocal, make_app: MakeApp) -> None:
    app = make_app(CODE)
    done = dx_local("run", app, "-q")
    assert (done.exit_code, done.stderr) == (0, "")
    source = next((app / "src").iterdir())
    source.write_text(source.read_text().replace(str(DEPTH), "1"))
    dx_local("run", app, "-q")
    assert dx_local("runs", app).stdout.count("done") == 2
    assert dx_local("clean", app, "-y").exit_code == 0
    assert len(list((app / "test-job-workspaces").iterdir())) == 1


def test_those_of_a_killed_run_do_not_disturb_the_next_one(
    dx_local: DxLocal, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app("main() { :; }\n", interpreter="bash")
    with tempfile.TemporaryDirectory(dir="/tmp") as short:  # for the addresses of sockets
        left = Path(short, "dx-jobs-00000000")
        make_deep(left)
        monkeypatch.setattr(tempfile, "tempdir", short)
        done = dx_local("run", app, "-q")
        assert (done.exit_code, left.exists()) == (0, False), done.stderr
