"""Run apt as an ordinary user: with its lists and downloads in a folder of the cache.

The package sources and trusted keys are the host's. Nothing on the host is changed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_local.engine.environments.debian import dpkg
from dx_local.engine.environments.debian.package_names import is_valid_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dx_local.engine.environments.exec_depends import Dependency

# Without the hooks of the host's apt, which are meant for packages installed on the host.
_CONFIGURATION = """\
Debug::NoLocking "true";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
APT::Cmd::Pattern-Only "true";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Update::Post-Invoke-Stats;
#clear AptCli::Hooks;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
#clear DPkg::Pre-Install-Pkgs;
#clear Acquire::IndexTargets::deb::DEP-11;
"""

_DAY_SECONDS = 24 * 3600
_LAST_LINES = 6

_NO_SUCH_PACKAGE = re.compile(
    r"^E: (?:Unable to locate package |Couldn't find any package by \w+ '|Package ')([^\s']+)", re.MULTILINE
)
_NO_SUCH_VERSION = re.compile(r"^E: Version '.*' for '([^']+)' was not found", re.MULTILINE)
_UNMET = re.compile(r" +(?:\S+ : )?(?:Pre)?Depends: ")


class AptError(Exception):
    """apt failed; the text is its error message."""


@dataclass(frozen=True)
class Download:
    """The downloaded packages with their dependencies, and those that were not available as wanted."""

    archives: tuple[Path, ...]
    unknown: tuple[str, ...]
    """Packages unknown to apt."""
    unpinned: tuple[str, ...]
    """Packages of which another version than the pinned one was downloaded."""


class Apt:
    """apt with its own state in a folder. Only one process may use it at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lists = folder / "lists"

    @staticmethod
    def is_installed() -> bool:
        """Return whether this machine has apt."""
        return all(shutil.which(program) for program in ("apt-get", "apt-cache", "dpkg-deb"))

    def refresh(self, *, older_than_seconds: float = _DAY_SECONDS) -> bool:
        """Fetch the lists of packages if they are older; return whether they were. Raises AptError."""
        stamp = self._lists / "fetched"
        if stamp.exists() and time.time() - stamp.stat().st_mtime < older_than_seconds:
            return False
        for folder in (self._lists / "partial", self._folder / "state", self._folder / "cache"):
            folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "apt.conf").write_text(_CONFIGURATION, encoding="utf-8")
        self._run("apt-get", "update", "-oAPT::Update::Error-Mode=any")
        stamp.touch()
        return True

    def download(self, wanted: Sequence[Dependency], folder: Path) -> Download:
        """Download packages into a folder, with those dependencies that are not installed on this machine.

        apt verifies signatures and hashes. Raises AptError if that fails, or packages conflict.
        """
        (folder / "partial").mkdir(parents=True, exist_ok=True)
        pins = {
            dependency.name: dependency.version for dependency in wanted if is_valid_name(dependency.name)
        }
        unknown = [dependency.name for dependency in wanted if not is_valid_name(dependency.name)]
        unpinned: list[str] = []
        while pins:
            names = [f"{name}={version}" if version else name for name, version in pins.items()]
            try:
                self._run(
                    *("apt-get", "install", "--yes", "--download-only", "--no-remove"),
                    *("-o", f"Dir::Cache::archives={folder}", "--", *names),
                )
                break
            except AptError as error:
                # Try again without the names and versions that apt rejected.
                missing = set(_NO_SUCH_PACKAGE.findall(str(error))) & pins.keys()
                other = set(_NO_SUCH_VERSION.findall(str(error))) & pins.keys()
                if not missing | other:
                    raise
                unknown += [name for name in pins if name in missing]
                unpinned += [name for name in pins if name in other - missing]
                pins = {
                    name: None if name in other else version
                    for name, version in pins.items()
                    if name not in missing
                }
        return Download(tuple(sorted(folder.glob("*.deb"))), tuple(unknown), tuple(unpinned))

    def names(self) -> list[str]:
        """Return the names of all packages. Raises AptError."""
        return self._run("apt-cache", "pkgnames").split()

    def _run(self, program: str, *arguments: str) -> str:
        paths = {
            "Dir::State": "state",
            "Dir::State::lists": "lists",
            "Dir::State::extended_states": "state/extended_states",
            "Dir::Cache": "cache",
            "Dir::Cache::pkgcache": "cache/pkgcache.bin",
            "Dir::Cache::srcpkgcache": "cache/srcpkgcache.bin",
            "Dir::Log": "log",
        }
        options = [f"-o{key}={self._folder / path}" for key, path in paths.items()]
        options.append(f"-oDir::State::status={dpkg.STATUS}")
        try:
            done = subprocess.run(
                [program, "-c", str(self._folder / "apt.conf"), *options, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
                check=False,
            )
        except OSError as error:
            raise AptError(f"{program} could not be started: {error}") from error
        if done.returncode != 0:
            errors = [line for line in done.stderr.splitlines() if line.startswith("E: ")]
            unmet = [line for line in done.stdout.splitlines() if _UNMET.match(line)]
            raise AptError("\n".join(unmet + errors or done.stderr.splitlines()[-_LAST_LINES:]))
        return done.stdout
