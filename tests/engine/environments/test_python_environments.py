"""Worker environments: choosing one, creating one, and errors of the creation."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest

import dx_app_wizard
import dx_local
from dx_local.engine.environments.exec_depends import Dependency
from dx_local.engine.environments.python_environments import (
    DXPY_VERSION,
    EnvironmentBuildError,
    EnvironmentRequest,
    environment_folder,
    prepare_environment,
    requirements_of,
)

NO_DEPENDENCIES = EnvironmentRequest(packages=("no-such-package-for-sure==99",))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "dx-local" / "environments"


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def shared_cache(shared_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that the tests of this module share."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(shared_folder))
    return shared_folder / "dx-local" / "environments"


@pytest.mark.parametrize(
    ("dependencies", "expected"),
    [
        ([], ()),
        ([Dependency("pysam", "pip")], ("pysam",)),
        ([Dependency("pysam", "pip3", "0.22")], ("pysam==0.22",)),
        ([Dependency("samtools"), Dependency("x", "git")], ()),
        ([Dependency("a", "pip"), Dependency("a", "pip3")], ("a",)),
    ],
)
def test_pip_entries_become_requirements(dependencies: list[Dependency], expected: tuple[str, ...]) -> None:
    assert requirements_of(dependencies) == expected


@pytest.mark.slow
def test_an_environment_is_made_once_and_can_import_dxpy(shared_cache: Path) -> None:
    environment = prepare_environment(EnvironmentRequest(), announce=print)
    again = prepare_environment(EnvironmentRequest(), announce=pytest.fail)
    assert environment == again
    assert environment.python.is_relative_to(shared_cache)
    assert (environment.bin / "dx-jobutil-add-output").exists()
    assert (environment.bin / "pip").exists()
    show_version = [str(environment.python), "-Ic", "import dxpy; print(dxpy.__version__)"]
    version = subprocess.check_output(show_version, text=True)
    assert version.strip() == environment.dxpy_version == DXPY_VERSION


@pytest.mark.slow
def test_an_unfinished_environment_is_made_again(shared_cache: Path) -> None:
    environment = prepare_environment(EnvironmentRequest(), announce=print)
    (marker,) = shared_cache.glob("*/dx-local.json")
    marker.unlink()
    environment.python.unlink()
    said: list[str] = []
    assert prepare_environment(EnvironmentRequest(), announce=said.append).python.exists()
    assert len(said) == 1


@pytest.mark.slow
def test_two_askers_make_it_only_once(cache: Path) -> None:
    said: list[str] = []
    threads = [
        threading.Thread(
            target=prepare_environment, args=(EnvironmentRequest(),), kwargs={"announce": said.append}
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 1


def test_a_package_that_does_not_exist_is_explained(cache: Path) -> None:
    with pytest.raises(EnvironmentBuildError) as caught:
        prepare_environment(NO_DEPENDENCIES, announce=print)
    assert "no-such-package-for-sure" in caught.value.output
    assert "execDepends" in str(caught.value)
    assert not list(cache.glob("*/dx-local.json"))


def test_a_package_is_never_an_option_of_uv(cache: Path) -> None:
    with pytest.raises(EnvironmentBuildError):
        prepare_environment(EnvironmentRequest(packages=("--index-url=http://127.0.0.1:9",)), announce=print)


def test_a_python_version_never_leads_out_of_the_cache(cache: Path) -> None:
    with pytest.raises(EnvironmentBuildError):
        prepare_environment(EnvironmentRequest(python="../../../3.99"), announce=print)
    assert all(path.parent == cache for path in cache.iterdir())


def test_the_running_python_is_used_when_it_has_dxpy(shared_cache: Path) -> None:
    environment = prepare_environment(EnvironmentRequest(), announce=print)
    code = (
        "from dx_local.engine.environments.python_environments import *\n"
        "print(prepare_environment(EnvironmentRequest(), announce=print).python)"
    )
    roots = [str(Path(package.__file__ or "").parents[1]) for package in (dx_local, dx_app_wizard)]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(roots)}
    used = subprocess.check_output([environment.python, "-c", code], env=variables, text=True)
    assert used.strip() == str(environment.python)


def test_an_environment_that_cannot_be_accessed_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    user = os.geteuid()
    os.seteuid(user or 65534)  # root may look everywhere
    try:
        assert environment_folder(EnvironmentRequest()) is None
    finally:
        os.seteuid(user)
        cache.chmod(0o700)
