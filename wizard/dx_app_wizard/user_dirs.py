"""The user's cache, state and configuration folders, by the XDG Base Directory Specification.

https://specifications.freedesktop.org/basedir-spec/latest/. As it demands, a variable that holds a relative
path is ignored. The runtime uses this module as well.
"""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir(program: str) -> Path:
    """Return the program's folder in $XDG_CACHE_HOME (~/.cache); raise NoHomeError."""
    return _user_dir("XDG_CACHE_HOME", ".cache") / program


def find_cache_dir(program: str) -> Path | None:
    """Return the same folder as `cache_dir`; None if the user has no home."""
    found = _find_user_dir("XDG_CACHE_HOME", ".cache")
    return found and found / program


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
