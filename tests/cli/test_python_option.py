"""The Python of jobs: that of the release, the requested one, or the running one."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from dx_local.engine.environments.python_versions import find_python, running_version
from dx_local.engine.settings import PYTHON_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import DxLocal

    MakeApp = Callable[..., Path]


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with the Pythons of the system and of uv alone; those of uv are in `uv`."""
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv(PYTHON_VARIABLE, raising=False)
    return tmp_path


SAYS_PYTHON = """
import sys
import dxpy

@dxpy.entry_point('main')
def main():
    return {'python': '%d.%d' % sys.version_info[:2]}
"""


def test_without_the_python_of_the_release_jobs_run_under_the_running_one(
    bare_machine: Path, make_app: MakeApp, dx_local: DxLocal
) -> None:
    release = "20.04" if running_version() != "3.8" else "24.04"
    app = make_app(SAYS_PYTHON, outputs={"python": "string"}, runSpec={"release": release})
    done = dx_local("run", app)
    assert f"python\t{running_version()}\n" in done.stdout
    said = f"Release {release} has Python"
    assert done.stderr.count(said) == 1


def test_a_python_of_which_no_environment_can_be_made_is_done_without(
    bare_machine: Path, make_app: MakeApp, dx_local: DxLocal
) -> None:
    broken = bare_machine / "uv" / "cpython-3.8.99-none" / "bin" / "python3.8"
    broken.parent.mkdir(parents=True)
    shutil.copy("/bin/false", broken)
    app = make_app(SAYS_PYTHON, outputs={"python": "string"}, runSpec={"release": "20.04"})
    for tries in (1, 0):
        done = dx_local("run", app)
        assert f"python\t{running_version()}\n" in done.stdout
        assert "could not be created" in done.stderr
        assert done.stderr.count("Creating a worker environment: first job with Python 3.8") == tries


ADDS_PYTHON = """
main() {
    version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    dx-jobutil-add-output python "$version" --class=string
}
"""

PYTHONS = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13"]


@pytest.mark.slow
@pytest.mark.parametrize("version", PYTHONS)
@pytest.mark.parametrize("interpreter", ["python3", "bash"])
def test_jobs_run_under_other_pythons(
    make_app: MakeApp, dx_local: DxLocal, version: str, interpreter: str
) -> None:
    if find_python(version) is None:
        pytest.skip(f"this machine has no Python {version}")
    code = SAYS_PYTHON if interpreter == "python3" else ADDS_PYTHON
    app = make_app(code, outputs={"python": "string"}, interpreter=interpreter)
    done = dx_local("run", app, "--python", version)
    assert f"python\t{version}\n" in done.stdout, done.stderr
