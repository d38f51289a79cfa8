"""Surroundings in which people run apps, simulated by the beginning of commands and by variables."""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests import missing_calls

from dx_app_wizard.user_dirs import cache_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
LONG_HOME = "HOME with blanks, of more than 47 characters"
NO_PROGRAMS_IN_TMPDIR = "TMPDIR mounted noexec"
FULL_TMPDIR = "TMPDIR with 64 KiB"
NO_PROGRAMS_IN_TMP = "/tmp and /var/tmp mounted noexec"
CLOSED_HOME = "read-only HOME, user without a passwd entry"
FEW_FILES = "256 open files"
NO_COMPILER = "no C compiler"

NAMES = (
    *(NORMAL, NO_LOCKS, NO_LOCK_SERVICE, NETWORK_DISK, OLD_KERNEL, NO_MOUNTS, NO_NAMESPACES),
    *(LATIN_1, POSIX, LATIN_1_OUTPUT, LONG_HOME, NO_PROGRAMS_IN_TMPDIR, FULL_TMPDIR, NO_PROGRAMS_IN_TMP),
    *(CLOSED_HOME, FEW_FILES, NO_COMPILER),
)
WITHOUT_WARM_TOOLS = frozenset({NO_COMPILER})
"""Surroundings that lack something that the warm tools need: each call of `dx` may take longer."""

_STRANGER = 54321  # a user of whom the machine has no entry
_LONGEST_CACHE = 45  # characters of a path below which sockets of jobs still fit
_COMPILERS = ("cc", "gcc", "clang")


class NotPossibleError(Exception):
    """This machine lacks a program or a right that simulates surroundings."""


def make(name: str, folder: Path) -> Surroundings:
    """Return surroundings whose folder is below an existing folder. Raises NotPossibleError."""
    if name == NORMAL:
        return Surroundings(folder)
    if name in (LATIN_1, POSIX, LATIN_1_OUTPUT):
        variables = {POSIX: _POSIX, LATIN_1_OUTPUT: {"PYTHONIOENCODING": "latin-1"}}.get(name)
        return _made(folder / NAME_BEYOND_LATIN, variables=variables or _latin_1(folder))
    if maker := _MAKERS.get(name):
        return maker(folder)
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


def _on_network_disk(folder: Path) -> Surroundings:
    return _made(folder, (*_unshared(), *_module("network_disk"), "nfs4", str(folder)))


def _after(script: str) -> Callable[[Path], Surroundings]:
    """Return a maker of surroundings in which a script of sh runs first, as root of a user namespace."""
    return lambda folder: _made(folder, (*_unshared(), "sh", "-ec", f'{script}\nexec "$@"', "sh"))


def _without_programs_in_tmp(folder: Path) -> Surroundings:
    if len(str(cache_dir("dx-local"))) > _LONGEST_CACHE:
        raise NotPossibleError("the path of the cache is too long for sockets")
    # What is in the folders stays visible.
    mounts = 'mount --rbind "$folder" "$folder"; mount -o remount,bind,noexec "$folder"'
    script = f'for folder in /tmp /var/tmp; do {mounts}; done; cd "$PWD"; unset TMPDIR'
    return _after(script)(folder)


def _with_few_files(folder: Path) -> Surroundings:
    return _made(folder, ("sh", "-c", 'ulimit -n 256; exec "$@"', "sh"))


def _with_long_home(folder: Path) -> Surroundings:
    home = folder / f"a home with blanks {'x' * 47}"
    home.mkdir()
    cache = {"XDG_CACHE_HOME": str(home / ".cache")}
    uv_cache = {"UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR") or str(cache_dir("uv"))}
    return _made(folder, variables={"HOME": str(home), **cache, **uv_cache})


def _with_closed_home(folder: Path) -> Surroundings:
    prefix = ("unshare", f"--map-user={_STRANGER}", f"--map-group={_STRANGER}")
    if subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode:
        raise NotPossibleError("this machine cannot map users")
    home = folder / "closed"
    home.mkdir()
    home.chmod(stat.S_IRUSR | stat.S_IXUSR)
    place = _made(folder, prefix, dict.fromkeys(("HOME", "XDG_CACHE_HOME"), str(home)))
    # As after the first run, which creates the environments.
    private = Path(place.variables["TMPDIR"], f"dx-app-wizard-{_STRANGER}", "dx-local")
    private.parent.mkdir(mode=stat.S_IRWXU)
    private.mkdir()
    (private / "environments").symlink_to(_environments())
    return place


def _without_compiler(folder: Path) -> Surroundings:
    programs, environments = folder / "programs", folder / "cache" / "dx-local" / "environments"
    programs.mkdir()
    environments.mkdir(parents=True)
    for name in _COMPILERS:
        (programs / name).symlink_to("/bin/false")
    for path in _environments().iterdir():
        if path.is_dir():
            (environments / path.name).symlink_to(path)
    search = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return _made(folder, variables={"PATH": search, "XDG_CACHE_HOME": str(folder / "cache")})


def _environments() -> Path:
    """Return the folder of this user's worker environments, which may be empty."""
    folder = cache_dir("dx-local") / "environments"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


_MAKERS: dict[str, Callable[[Path], Surroundings]] = {
    NETWORK_DISK: _on_network_disk,
    NO_NAMESPACES: _after("echo 0 > /proc/sys/user/max_user_namespaces"),
    LONG_HOME: _with_long_home,
    NO_PROGRAMS_IN_TMPDIR: _after('mount -t tmpfs -o noexec none "$TMPDIR"'),
    FULL_TMPDIR: _after('mount -t tmpfs -o size=64k none "$TMPDIR"'),
    NO_PROGRAMS_IN_TMP: _without_programs_in_tmp,
    CLOSED_HOME: _with_closed_home,
    FEW_FILES: _with_few_files,
    NO_COMPILER: _without_compiler,
}


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
