"""Clone the git repositories of templates to the user's cache folder, one folder per commit.

cookiecutter's own clone function is not used: it prints tracebacks, deletes earlier clones, and recognises a
repository only if its URL contains `git`.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tempfile
from pathlib import Path

from dx_app_wizard.errors import UserError
from dx_app_wizard.user_dirs import cache_dir, cached

_URL = re.compile(r"(?:(?:git\+)?(?:https?|ssh|git|file)://|[\w.-]+@[\w.-]+:)\S+")
_COMMIT = re.compile(r"[0-9a-f]{40}")


class CloneError(UserError):
    """A git repository cannot be cloned, or has no such branch, tag or commit."""

    code = "no-clone"


def is_url(source: str) -> bool:
    """Return whether the source of a template is the URL of a git repository rather than a folder."""
    return bool(_URL.fullmatch(source))


def clone(url: str, checkout: str | None) -> Path:
    """Return the folder of a clone of url at a branch, tag or commit (None for the default branch).

    Uses the network every time, except for a commit that is in the cache. Raises CloneError.
    """
    for text in (url, checkout or ""):
        if text.startswith("-") or any(char in text for char in "\0\r\n"):
            raise CloneError(f"{text!r} is not a URL, branch, tag or commit of a git repository")
    key = hashlib.sha256(url.encode()).hexdigest()[:16]
    if checkout and _COMMIT.fullmatch(checkout):
        known = cached("dx-app-wizard", "templates", key, checkout)
        if known.is_dir():
            return known
    clones = cache_dir("dx-app-wizard") / "templates" / key
    clones.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=clones) as scratch:
        new = Path(scratch) / "clone"
        # The newest commit of the default branch needs no history; any other may be anywhere in it.
        depth = () if checkout else ("--depth", "1")
        _git(f"{url} cannot be cloned", "clone", "--quiet", *depth, "--", url.removeprefix("git+"), str(new))
        if checkout:
            problem = f"{url} has no branch, tag or commit {checkout!r}"
            _git(problem, "-C", str(new), "checkout", "--quiet", checkout, "--")
        commit = _git(f"{url} has no commits", "-C", str(new), "rev-parse", "HEAD")
        folder = clones / commit
        if not folder.is_dir():
            try:
                new.rename(folder)
            except OSError:
                # Another process has cloned the same commit in the meantime.
                if not folder.is_dir():
                    raise
    return folder


def _git(problem: str, *arguments: str) -> str:
    """Run git and return its output; git never prompts, because nobody may be there to answer."""
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
        printed = done.stderr.decode(errors="replace").strip().splitlines()
        raise CloneError(
            f"{problem}: {printed[-1] if printed else 'git failed'}",
            "Run git clone yourself to find out more.",
        )
    return done.stdout.decode().strip()
