"""Surroundings in which people run apps, simulated by the beginning of commands and by variables."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests import missing_calls

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[1]
NAME_BEYOND_LATIN = "日本 données"
_LATIN_1 = "en_US.ISO-8859-1"
_POSIX = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@dataclass(frozen=True)
class Surroundings:
    """Surroundings of commands that run apps below `folder`."""

    folder: Path
    prefix: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    def command(self, *words: str | Path) -> list[str]:
        """Return a command in these surroundings."""
        return [*self.prefix, *map(str, words)]

    def environment(self) -> dict[str, str]:
        """Return the variables of this process and those of the surroundings."""
        changed = {**os.environ, **self.variables}
        return {**changed, "PYTHONPATH": str(ROOT)} if self.prefix else changed


NORMAL = "normal"
NO_LOCKS = "no file locks (Lustre without flock)"
NO_LOCK_SERVICE = "no lock service (NFS)"
NETWORK_DISK = "network file system (NFS, Lustre, GPFS)"
OLD_KERNEL = "kernel 3.10 (CentOS 7)"
NO_MOUNTS = "user namespaces without mounts (Ubuntu 24.04's AppArmor, overlays on RHEL 8)"
NO_NAMESPACES = "no user namespaces (containers, GitHub's runners)"
LATIN_1 = "locale ISO-8859-1, folder with a non-Latin name"
POSIX = "locale POSIX without coercion, folder with a non-Latin name"
LATIN_1_OUTPUT = "PYTHONIOENCODING=latin-1, folder with a non-Latin name"

NAMES = (
    *(NORMAL, NO_LOCKS, NO_LOCK_SERVICE, NETWORK_DISK, OLD_KERNEL, NO_MOUNTS, NO_NAMESPACES),
    *(LATIN_1, POSIX, LATIN_1_OUTPUT),
)


class NotPossibleError(Exception):
    """This machine lacks a program or a right that simulates surroundings."""


def make(name: str, folder: Path) -> Surroundings:
    """Return surroundings whose folder is below an existing folder. Raises NotPossibleError."""
    if name == NORMAL:
        return Surroundings(folder)
    if name in (LATIN_1, POSIX, LATIN_1_OUTPUT):
        variables = {POSIX: _POSIX, LATIN_1_OUTPUT: {"PYTHONIOENCODING": "latin-1"}}.get(name)
        return _made(folder / NAME_BEYOND_LATIN, variables=variables or _latin_1(folder))
    if name == NETWORK_DISK:
        return _made(folder, (*_unshared(), *_module("network_disk"), "nfs4", str(folder)))
    if name == NO_NAMESPACES:
        limit = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
        return _made(folder, (*_unshared(), "sh", "-c", limit, "sh"))
    if not missing_calls.is_possible():
        raise NotPossibleError("this system has no seccomp")
    failing = {
        NO_LOCKS: missing_calls.NO_LOCKS,
        NO_LOCK_SERVICE: f"flock=ENOLCK,{missing_calls.RECORD_LOCKS}=ENOLCK",
        OLD_KERNEL: missing_calls.OLD_KERNEL,
        NO_MOUNTS: "mount=EPERM",
    }
    return _made(folder, (*_module("missing_calls"), failing[name]))


def _made(
    folder: Path, prefix: tuple[str, ...] = (), variables: Mapping[str, str] | None = None
) -> Surroundings:
    folder.mkdir(exist_ok=True)
    # Where there are no locks, commands cannot see that other tests lock what they use in /tmp.
    temporary = {}
    if prefix:
        temporary["TMPDIR"] = tempfile.mkdtemp(prefix="dx-", dir="/tmp")
        atexit.register(shutil.rmtree, temporary["TMPDIR"], ignore_errors=True)
    return Surroundings(folder, prefix, {**temporary, **(variables or {})})


def _module(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"tests.{name}")


def _unshared() -> tuple[str, ...]:
    """Return the beginning of a command in a user namespace in which it is root."""
    prefix = ("unshare", "-rm")
    if not shutil.which(prefix[0]) or subprocess.run([*prefix, "true"], check=False).returncode:
        raise NotPossibleError("this machine does not let users make namespaces")
    return prefix


def _latin_1(folder: Path) -> dict[str, str]:
    """Compile a locale with another encoding than UTF-8, and return the variables that choose it."""
    if not shutil.which("localedef"):
        raise NotPossibleError("this machine has no localedef")
    locales = folder / "locales"
    if not locales.is_dir():
        locales.mkdir()
        language, _, encoding = _LATIN_1.partition(".")
        done = subprocess.run(
            ["localedef", "-i", language, "-f", encoding, locales / _LATIN_1],
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise NotPossibleError(f"localedef fails: {done.stderr.decode(errors='replace')}")
    return {"LOCPATH": str(locales), "LC_ALL": _LATIN_1}
