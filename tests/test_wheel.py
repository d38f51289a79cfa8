from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from dx_app_wizard import __version__

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def tracked(folder: str) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", folder], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return {name for name in listed.stdout.split("\0") if name}


@pytest.mark.parametrize(
    ("folder", "place"),
    [
        pytest.param("wizard/dx_app_wizard", "dx_app_wizard", id="wizard"),
        pytest.param("runtime/dx_local", "dx_local", id="runtime"),
        pytest.param("templates/app", "dx_app_wizard/templates/app", id="templates"),
        pytest.param("docs/man/man1", "dx_app_wizard-{version}.data/data/share/man/man1", id="man pages"),
    ],
)
def test_the_wheel_holds_every_file(wheel: zipfile.ZipFile, folder: str, place: str) -> None:
    place = place.format(version=__version__)
    expected = {place + name.removeprefix(folder) for name in tracked(folder)}
    assert expected
    assert expected <= set(wheel.namelist())


def test_the_wheel_holds_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    own = {f"dx_app_wizard-{__version__}.{kind}" for kind in ("data", "dist-info")}
    assert tops == {"dx_app_wizard", "dx_local", *own}
    assert not [name for name in wheel.namelist() if "__pycache__" in name or "test-job-workspaces" in name]


@pytest.mark.parametrize("package", ["dx_app_wizard", "dx_local"])
def test_the_wheel_marks_its_packages_as_typed(wheel: zipfile.ZipFile, package: str) -> None:
    assert f"{package}/py.typed" in wheel.namelist()


def test_the_wheel_brings_the_commands(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    text = wheel.read(name).decode()
    for command in ("dx-app-wizard", "dx-local", "dx-run-app-locally"):
        assert f"\n{command} = " in text


def test_the_sdist_holds_every_file(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as sdist:
        held = {name.partition("/")[2] for name in sdist.getnames()}
    assert held - {"PKG-INFO"} == tracked(".") - {".ci/run"}


def test_the_programs_of_jobs_can_be_executed(wheel: zipfile.ZipFile) -> None:
    programs = [entry for entry in wheel.infolist() if entry.filename.startswith("dx_local/worker/bin/")]
    assert programs
    assert all(entry.external_attr >> 16 & 0o111 == 0o111 for entry in programs)
