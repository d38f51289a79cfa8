"""Clones of the git repositories that templates are kept in, by commit, in the user's cache folder.

git is called as it is, and not through cookiecutter, whose clone prints tracebacks, deletes what it made
before, and takes for a repository only what has `git` in its URL.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tempfile
from pathlib import Path

from dx_app_wizard.errors import UserError
from dx_app_wizard.user_dirs import cache_dir

_URL = re.compile(r"(?:(?:git\+)?(?:https?|ssh|git|file)://|[\w.-]+@[\w.-]+:)\S+")
_COMMIT = re.compile(r"[0-9a-f]{40}")


class CloneError(UserError):
    """A git repository cannot be cloned, or has no such branch, tag or commit."""

    code = "no-clone"


def is_url(source: str) -> bool:
    """Tell whether a source of a template is the URL of a git repository, and no folder."""
    return bool(_URL.fullmatch(source))


def clone(url: str, checkout: str | None) -> Path:
    """Return the folder of a clone of url at a branch, tag or commit (or the default branch).

    The network is asked each time, but for a commit that is there already. Raises CloneError.
    """
    for text in (url, checkout or ""):
        if text.startswith("-") or any(char in text for char in "\0\r\n"):
            raise CloneError(f"{text!r} is no URL, branch, tag or commit of a git repository")
    clones = cache_dir("dx-app-wizard") / "templates" / hashlib.sha256(url.encode()).hexdigest()[:16]
    if checkout and _COMMIT.fullmatch(checkout) and (clones / checkout).is_dir():
        return clones / checkout
    clones.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=clones) as scratch:
        new = Path(scratch) / "clone"
        # All of its history is needed only to find something else than its newest commit.
        depth = () if checkout else ("--depth", "1")
        _git(f"{url} cannot be cloned", "clone", "--quiet", *depth, "--", url.removeprefix("git+"), str(new))
        if checkout:
            trouble = f"{url} has no branch, tag or commit {checkout!r}"
            _git(trouble, "-C", str(new), "checkout", "--quiet", checkout, "--")
        commit = _git(f"{url} has no commits", "-C", str(new), "rev-parse", "HEAD")
        folder = clones / commit
        if not folder.is_dir():
            try:
                new.rename(folder)
            except OSError:
                # Somebody else was quicker; a commit is the same whoever cloned it.
                if not folder.is_dir():
                    raise
    return folder


def _git(trouble: str, *arguments: str) -> str:
    """Run git and return what it printed; it never asks for anything, as nobody may be there to answer."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        raise CloneError("git is not installed", "Install git, or name a folder.") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise CloneError(f"{trouble}: {said[-1] if said else 'git failed'}", "Try git clone yourself.")
    return done.stdout.decode().strip()
