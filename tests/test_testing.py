"""Test `run_app` and the fixture `dx_run`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest
from tests import surroundings

from dx_local.errors import AppFindingsError, UsageError
from dx_local.testing import JobFailedError, run_app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dx_local.testing import Run

    MakeApp = Callable[..., Path]

COPIES = """
import dxpy

@dxpy.entry_point('main')
def main(file, fails):
    if fails:
        raise dxpy.AppError('as wanted')
    dxpy.download_dxfile(file, 'copy')
    return {'copies': [dxpy.dxlink(dxpy.upload_local_file('copy')) for _ in range(2)]}

@dxpy.entry_point('add')
def add(a, b):
    return {'sum': a + b}

dxpy.run()
"""


@pytest.fixture
def app(make_app: MakeApp) -> Path:
    return make_app(COPIES, inputs={"file": "file", "fails": "boolean"}, outputs={"copies": "array:file"})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "input.txt"
    path.write_text("content")
    return path


def test_files_go_in_and_come_out_as_paths(app: Path, file: Path) -> None:
    run = run_app(app, {"file": file, "fails": False})
    copies = run.output["copies"]
    assert [path.read_text() for path in copies] == ["content", "content"]
    assert len(set(copies)) == 2
    assert (run.state, run.job["state"]) == ("done", "done")


def test_a_failed_job_raises_with_what_is_known(app: Path, file: Path) -> None:
    with pytest.raises(JobFailedError, match="main failed: AppError: as wanted") as caught:
        run_app(app, {"file": file, "fails": True})
    assert "as wanted" in caught.value.run.log


def test_a_failed_job_is_returned_when_wanted(app: Path, file: Path) -> None:
    assert run_app(app, {"file": file, "fails": True}, check=False).state == "failed"


def test_an_entry_point_runs_alone(app: Path, dx_run: Callable[..., Run]) -> None:
    assert dx_run(app, {"a": 1, "b": 2}, function="add").output == {"sum": 3}


def test_each_run_of_the_fixture_has_a_folder_of_its_own(
    app: Path, tmp_path: Path, dx_run: Callable[..., Run]
) -> None:
    folders = [dx_run(app, {"a": 1, "b": 1}, function="add").folder for _ in range(2)]
    assert folders == [tmp_path / "run-1", tmp_path / "run-2"]


def test_wrong_input_raises_before_anything_runs(app: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'other' is not declared"):
        run_app(app, {"other": 1}, folder=tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_what_cannot_run_leaves_nothing(app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = list(tmp_path.iterdir())
    with pytest.raises(UsageError):
        run_app(app, {"other": 1})
    assert list(tmp_path.iterdir()) == before


def test_a_faulty_app_raises_its_findings(tmp_path: Path) -> None:
    (tmp_path / "dxapp.json").write_text("{")
    with pytest.raises(AppFindingsError) as caught:
        run_app(tmp_path)
    assert caught.value.findings


def test_run_app_works_inside_an_event_loop(app: Path) -> None:
    async def test() -> Run:
        return run_app(app, {"a": 1, "b": 2}, function="add")

    assert asyncio.run(test()).output == {"sum": 3}


def test_pytest_starts_without_importing_what_only_runs_need(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import sys\ndef test_it(dx_run):\n    assert 'uvicorn' not in sys.modules\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0


def test_unit_tests_call_dxpy_on_a_platform_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(COPIES)
    (tmp_path / "test_it.py").write_text(UNIT_TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "3 passed" in done.stdout, done.stdout + done.stderr


UNIT_TESTS = """
import os
import runpy
import subprocess

def test_a_function_of_the_app_uses_the_platform(dx_platform, tmp_path, monkeypatch):
    import dxpy

    monkeypatch.chdir(tmp_path)
    link = dxpy.dxlink(dxpy.upload_string("content", name="x", wait_on_close=True))
    main = runpy.run_path(os.path.join(os.path.dirname(__file__), "app.py"))["main"]
    copies = main(link, False)["copies"]
    assert dxpy.DXFile(copies[1]).read() == "content"
    listed = subprocess.run(["dx", "ls"], capture_output=True, text=True, check=True).stdout
    assert listed.splitlines()[-1] == "x"
    assert dxpy.WORKSPACE_ID == dx_platform.project

def test_the_next_platform_is_empty(dx_platform):
    import dxpy

    assert list(dxpy.find_data_objects(project=dx_platform.project)) == []

def test_the_connection_ends_with_the_test():
    import dxpy

    assert dxpy.APISERVER_HOST == "api.dnanexus.com"
    assert "DX_SECURITY_CONTEXT" not in os.environ
"""


CALLS = """
import sys
from pathlib import Path
from dx_local.testing import run_app
run = run_app(Path(sys.argv[1]), {"a": 1, "b": 2}, function="add")
print(sys.getfilesystemencoding(), run.output)
"""


@pytest.mark.slow
def test_apps_run_in_a_python_that_decodes_paths_otherwise(app: Path, tmp_path: Path) -> None:
    try:
        place = surroundings.make(surroundings.LATIN_1, tmp_path)
    except surroundings.NotPossibleError as error:
        pytest.skip(str(error))
    done = subprocess.run(
        [sys.executable, "-c", CALLS, app.rename(place.folder / "app")],
        env={**place.environment(), "TMPDIR": str(place.folder)},
        capture_output=True,
        check=False,
    )
    assert done.stdout == b"iso8859-1 {'sum': 3}\n", done.stderr
