"""The user's cache, state and configuration folders, by the XDG Base Directory Specification.

https://specifications.freedesktop.org/basedir-spec/latest/. As it demands, a variable that holds a relative
path is ignored. The runtime uses this module as well.

If programs and files cannot be kept in the cache folder, because the home is read-only or missing, as in
containers, or mounted noexec, a private folder among the temporary files takes its place.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_CACHE = ("XDG_CACHE_HOME", ".cache")
_NO_PROGRAMS = getattr(os, "ST_NOEXEC", 0)  # only Linux reports it
# access(2) checks the rights of the real user, unless it is told not to.
_EFFECTIVE = os.access in os.supports_effective_ids


def cache_dir(program: str) -> Path:
    """Return the program's folder in $XDG_CACHE_HOME (~/.cache), or in a private folder in its place.

    Raises NoCacheError if neither can be used.
    """
    own = _find_user_dir(*_CACHE)
    problem = cache_problem(program)
    return own / program if own and problem is None else _private_dir(problem or "") / program


def find_cache_dir(program: str) -> Path | None:
    """Return the same folder as `cache_dir`; None if there can be none."""
    try:
        return cache_dir(program)
    except OSError:
        return None


def cached(program: str, *names: str) -> Path:
    """Return the path of an entry of the cache: an existing one, or the place at which it can be made.

    An entry in the user's own folder counts even if nothing can be added there. Raises NoCacheError.
    """
    own = _find_user_dir(*_CACHE)
    if own and os.path.lexists(path := own.joinpath(program, *names)) and starts_programs(path):
        return path
    return cache_dir(program).joinpath(*names)


def cache_problem(program: str) -> str | None:
    """Return the reason why the program cannot use its folder in the user's cache; None if it can."""
    own = _find_user_dir(*_CACHE)
    return why_unusable(own / program) if own else "this user has no home folder"


def why_unusable(folder: Path) -> str | None:
    """Return the reason why programs cannot be kept in a folder, which need not exist; None if they can."""
    place = folder
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if not place.is_dir():
        return f"{place} is not a folder"
    if not os.access(place, os.W_OK | os.X_OK, effective_ids=_EFFECTIVE):
        return f"{place} cannot be written"
    return None if starts_programs(place) else f"programs cannot be started in {place} (mounted noexec)"


def starts_programs(path: Path) -> bool:
    """Return whether the file system of an existing path lets programs be started. Raises no OSError."""
    try:
        return not os.statvfs(path).f_flag & _NO_PROGRAMS
    except OSError:
        return True


def temporary_places() -> Iterator[Path]:
    """Yield the folders for temporary files: the one of TMPDIR, then those of every system."""
    import tempfile  # few programs get here

    yield Path(tempfile.gettempdir())
    yield Path("/tmp")  # noqa: S108  (what is made there is this user's alone)
    yield Path("/var/tmp")  # noqa: S108


def state_dir(program: str) -> Path:
    """Return the program's folder in $XDG_STATE_HOME (~/.local/state); raise NoHomeError."""
    return _user_dir("XDG_STATE_HOME", ".local/state") / program


def config_dir(program: str) -> Path:
    """Return the program's folder in $XDG_CONFIG_HOME (~/.config); raise NoHomeError."""
    return _user_dir("XDG_CONFIG_HOME", ".config") / program


def _user_dir(variable: str, in_home: str) -> Path:
    found = _find_user_dir(variable, in_home)
    if found is None:
        from dx_app_wizard.errors import NoHomeError  # runs import this module before nearly all others

        raise NoHomeError(variable)
    return found


def _find_user_dir(variable: str, in_home: str) -> Path | None:
    named = Path(os.environ.get(variable, ""))
    if named.is_absolute():
        return named
    try:
        return Path.home() / in_home
    except RuntimeError:
        return None


def _private_dir(problem: str) -> Path:
    """Return a folder among the temporary files that only this user can enter. Raises NoCacheError.

    Its name is known beforehand, so that the next program finds it; it may not be somebody else's.
    """
    name = f"dx-app-wizard-{os.geteuid()}"
    for folder in (place / name for place in temporary_places()):
        if why_unusable(folder) is None and _is_own(folder):
            return folder
    from dx_app_wizard.errors import NoCacheError

    raise NoCacheError(problem)


def _is_own(folder: Path) -> bool:
    """Create a folder if necessary, and return whether it is this user's alone."""
    try:
        folder.mkdir(0o700, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return False
    is_private = stat.S_ISDIR(status.st_mode) and not stat.S_IMODE(status.st_mode) & 0o077
    return is_private and status.st_uid == os.geteuid()
