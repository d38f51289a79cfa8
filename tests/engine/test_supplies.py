"""What execDepends come to on this machine, and what is said of it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from dx_app_wizard.errors import NoHomeError
from dx_local.engine.environments.debian import dpkg, layers, package_names, resolve
from dx_local.engine.environments.debian.package_names import known_names
from dx_local.engine.environments.debian.resolve import Supply, supply
from dx_local.engine.environments.exec_depends import Dependency

if TYPE_CHECKING:
    from pathlib import Path

needs_dpkg = pytest.mark.skipif(not shutil.which("dpkg-query"), reason="this machine has no dpkg")
NOWHERE = Dependency("no-such-package")


def supplied(*dependencies: Dependency, installs: bool = False) -> Supply:
    return supply(dependencies, installs=installs, announce=pytest.fail)


@needs_dpkg
@pytest.mark.parametrize("dependency", [Dependency("bash"), Dependency("sh"), Dependency("pysam", "pip")])
def test_what_is_there_is_no_matter(dependency: Dependency) -> None:
    assert supplied(dependency) == Supply()


@needs_dpkg
def test_what_is_missing_is_told_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "known_names", frozenset)  # as on a machine without lists of packages
    found = supplied(NOWHERE, Dependency("bash"), Dependency("dxt-x", version="2"), Dependency("a; b"))
    unknown, lacking = found.notes
    assert unknown == "The app depends on the Debian package a; b, which apt does not know."
    assert "no-such-package, dxt-x 2. To install" in lacking
    assert "  sudo apt-get install --yes no-such-package dxt-x\n" in lacking
    assert "--install-depends" in (found.hint or "")


@pytest.mark.skipif(not known_names(), reason="this machine has no lists of packages")
def test_what_apt_does_not_know_is_told_with_what_there_is() -> None:
    (note,) = supplied(Dependency("openjdk-0-jre-headless")).notes
    assert "which apt does not know; there is: openjdk-" in note


@needs_dpkg
def test_another_version_than_the_pinned_one_is_told() -> None:
    version = subprocess.check_output(["dpkg-query", "-Wf", "${Version}", "bash"], text=True)
    pins = [Dependency("bash", version="1.0"), Dependency("bash", version=version)]
    assert supplied(*pins).notes == (
        f"The app pins the Debian package bash 1.0; this machine has version {version}.",
    )


def test_packages_of_other_managers_are_told_by_manager() -> None:
    found = supplied(Dependency("a", "gem"), Dependency("b", "git"), Dependency("c", "gem", "2"))
    assert found.notes == (
        "Packages of gem are not installed here; the app depends on: a, c 2.",
        "Packages of git are not installed here; the app depends on: b.",
    )


@pytest.mark.parametrize(("name", "count"), [("ls", 0), ("no-such-package", 1)])
def test_without_dpkg_only_programs_can_be_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, count: int
) -> None:
    (tmp_path / "ls").symlink_to("/bin/ls")
    monkeypatch.setenv("PATH", str(tmp_path))
    dpkg._installed.cache_clear()
    assert len(supplied(Dependency(name)).notes) == count
    dpkg._installed.cache_clear()


@needs_dpkg
@pytest.mark.parametrize("installs", [False, True])
def test_a_user_without_a_home_is_told_all_the_same(monkeypatch: pytest.MonkeyPatch, installs: bool) -> None:
    def homeless(*_: object) -> Path:
        raise NoHomeError("XDG_CACHE_HOME")

    monkeypatch.setattr(package_names, "cache_dir", homeless)
    monkeypatch.setattr(layers, "cache_dir", homeless)
    assert "no-such-package" in supplied(NOWHERE, installs=installs).notes[0]


@needs_dpkg
def test_without_apt_nothing_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dpkg.installed()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "lacks" in supplied(NOWHERE, installs=True).notes[0]


def test_what_dpkg_lists_is_read() -> None:
    listed = (
        "installed\tgawk\t1:5.2\tawk\n"
        "config-files\told\t1\t\n"
        "installed\tlibx\t3\tx-api, x-abi (= 2.0)\n"
        "installed\tawk\t9\t\n"
    )
    assert dpkg.parse(listed) == {"gawk": "1:5.2", "libx": "3", "x-api": "3", "x-abi": "2.0", "awk": "9"}
