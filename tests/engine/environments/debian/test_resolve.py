"""Resolving execDepends on this machine, with notes for the user."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from dx_app_wizard.errors import NoCacheError
from dx_local.engine.environments.debian import dpkg, layers, package_names, resolve
from dx_local.engine.environments.debian.package_names import available_names
from dx_local.engine.environments.debian.resolve import ResolvedDependencies, resolve_dependencies
from dx_local.engine.environments.exec_depends import Dependency

if TYPE_CHECKING:
    from pathlib import Path

needs_dpkg = pytest.mark.skipif(not shutil.which("dpkg-query"), reason="this machine has no dpkg")
NOWHERE = Dependency("no-such-package")


def resolved(*dependencies: Dependency, installs: bool = False) -> ResolvedDependencies:
    return resolve_dependencies(dependencies, installs=installs, announce=pytest.fail)


@needs_dpkg
@pytest.mark.parametrize("dependency", [Dependency("bash"), Dependency("sh"), Dependency("pysam", "pip")])
def test_installed_packages_are_not_reported(dependency: Dependency) -> None:
    assert resolved(dependency) == ResolvedDependencies()


@needs_dpkg
def test_missing_packages_are_reported_with_the_command_that_installs_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resolve, "available_names", frozenset)  # as on a machine without lists of packages
    found = resolved(NOWHERE, Dependency("bash"), Dependency("dxt-x", version="2"), Dependency("a; b"))
    unknown, lacking = found.notes
    assert unknown == "The app depends on the Debian package a; b, which is unknown to apt."
    assert "no-such-package, dxt-x 2. To install" in lacking
    assert "  sudo apt-get install --yes no-such-package dxt-x\n" in lacking
    assert "--install-depends" in (found.hint or "")


@pytest.mark.skipif(not available_names(), reason="this machine has no lists of packages")
def test_a_package_unknown_to_apt_is_reported_with_similar_ones() -> None:
    (note,) = resolved(Dependency("openjdk-0-jre-headless")).notes
    assert "which is unknown to apt. Similar: openjdk-" in note


@needs_dpkg
def test_another_version_than_the_pinned_one_is_reported() -> None:
    version = subprocess.check_output(["dpkg-query", "-Wf", "${Version}", "bash"], text=True)
    pins = [Dependency("bash", version="1.0"), Dependency("bash", version=version)]
    assert resolved(*pins).notes == (
        f"The app pins the Debian package bash 1.0; this machine has version {version}.",
    )


def test_packages_of_other_managers_are_reported_by_manager() -> None:
    found = resolved(Dependency("a", "gem"), Dependency("b", "git"), Dependency("c", "gem", "2"))
    assert found.notes == (
        "Packages of gem are not installed by dx-local; the app depends on: a, c 2.",
        "Packages of git are not installed by dx-local; the app depends on: b.",
    )


@pytest.mark.parametrize(("name", "count"), [("ls", 0), ("no-such-package", 1)])
def test_without_dpkg_only_programs_can_be_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, count: int
) -> None:
    (tmp_path / "ls").symlink_to("/bin/ls")
    monkeypatch.setenv("PATH", str(tmp_path))
    dpkg._installed.cache_clear()
    assert len(resolved(Dependency(name)).notes) == count
    dpkg._installed.cache_clear()


@needs_dpkg
@pytest.mark.parametrize("installs", [False, True])
def test_a_user_without_a_home_gets_the_same_report(monkeypatch: pytest.MonkeyPatch, installs: bool) -> None:
    def homeless(*_: object) -> Path:
        raise NoCacheError("this user has no home folder")

    monkeypatch.setattr(package_names, "cache_dir", homeless)
    monkeypatch.setattr(layers, "cache_dir", homeless)
    assert "no-such-package" in resolved(NOWHERE, installs=installs).notes[0]


@needs_dpkg
def test_without_apt_nothing_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dpkg.installed()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "lacks" in resolved(NOWHERE, installs=True).notes[0]


def test_what_dpkg_lists_is_read() -> None:
    listed = (
        "installed\tgawk\t1:5.2\tawk\n"
        "config-files\told\t1\t\n"
        "installed\tlibx\t3\tx-api, x-abi (= 2.0)\n"
        "installed\tawk\t9\t\n"
    )
    assert dpkg.parse(listed) == {"gawk": "1:5.2", "libx": "3", "x-api": "3", "x-abi": "2.0", "awk": "9"}
