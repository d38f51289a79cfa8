"""Mirrors of the git repositories that apps depend on: fetched with the user's git, cloned from by jobs.

They are in $XDG_CACHE_HOME/dx-local/git, one for each URL:

    KEY.git     a bare repository with the branches and tags of the URL
    KEY.lock    held while it is made or updated

No password in a URL is stored there. The user's configuration of git decides about credentials,
proxies and replaced URLs (`url.….insteadOf`). Nothing is ever asked.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
import shutil
import subprocess
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.errors import NoHomeError
from dx_app_wizard.user_dirs import cache_dir
from dx_local.engine.environments.exec_depends import GitDependencyError, git_dependencies_of
from dx_local.worker.process import locks

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.engine.environments.exec_depends import GitDependency
    from dx_local.platform.core.context import JSON

    Fetched = tuple[float, asyncio.Task[tuple[Path, str | None]]]

_FRESH_SECONDS = 60
_REFS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_LAST_LINES = 5
_PASSWORD = re.compile(r"(\w[\w+.-]*://)[^/@\s]*@")
# They would lead git to another repository, for example in a hook.
_OF_OTHER_REPOSITORIES = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_PREFIX",
    "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES",
)  # fmt: skip


class GitMirrorError(Exception):
    """A repository cannot be cloned."""


class GitMirrors:
    """The mirrors for the jobs of one platform; notes for the user go to `announce`, each once.

    Jobs that start within a minute share what was fetched for the first of them.
    """

    def __init__(self, announce: Callable[[str], None]) -> None:
        self._announce = announce
        self._fetched: dict[tuple[GitDependency, bool], Fetched] = {}

    async def clone_all(self, run_spec: JSON, function: str, *, has_network: bool) -> tuple[JSON, ...]:
        """Return the git dependencies of a job with their mirrors, as Launch has them.

        Raises GitMirrorError.
        """
        try:
            dependencies = git_dependencies_of(run_spec, function)
        except GitDependencyError as error:
            raise GitMirrorError(str(error)) from error
        found = []
        for dependency in dependencies:
            try:
                folder, note = await self._mirror_of(dependency, has_network)
            except GitMirrorError as error:
                raise GitMirrorError(
                    f"Error while installing git packages {dependency.name}:"
                    f" {without_password(dependency.url)} cannot be cloned\n{error}"
                ) from error
            if note:
                self._announce(note)
            found.append({**asdict(dependency), "mirror": str(folder)})
        return tuple(found)

    async def _mirror_of(self, dependency: GitDependency, has_network: bool) -> tuple[Path, str | None]:
        key = (dependency, has_network)
        fetched_at, task = self._fetched.get(key, (0.0, None))
        if task is None or time.monotonic() - fetched_at > _FRESH_SECONDS:
            loop = asyncio.get_running_loop()

            def announce(message: str) -> None:
                loop.call_soon_threadsafe(self._announce, message)

            work = partial(mirror_of, dependency, has_network=has_network, announce=announce)
            task = asyncio.create_task(asyncio.to_thread(work))
            task.add_done_callback(_retrieve_exception)  # the waiting job may be cancelled
            self._fetched[key] = time.monotonic(), task
        return await asyncio.shield(task)


def mirror_of(
    dependency: GitDependency, *, has_network: bool, announce: Callable[[str], None]
) -> tuple[Path, str | None]:
    """Return an up-to-date mirror of a repository, and a note for the user if it may be out of date.

    A tag or commit that the mirror has is not requested again. Calls `announce` before a first clone. Raises
    GitMirrorError.
    """
    if shutil.which("git") is None:
        raise GitMirrorError("git is not installed on this machine")
    try:
        cache = Path(cache_dir("dx-local"), "git")
        cache.mkdir(parents=True, exist_ok=True)
        url = _effective_url(dependency.url, cache)
        folder = cache / f"{hashlib.sha256(url.encode()).hexdigest()[:24]}.git"
        with locks.hold(folder.with_suffix(".lock")):
            return folder, _update(folder, dependency, url, may_fetch=has_network, announce=announce)
    except (OSError, NoHomeError) as error:
        raise GitMirrorError(str(error)) from error


def without_password(text: str) -> str:
    """Return a text without the user names and passwords in its URLs."""
    return _PASSWORD.sub(r"\1", text)


def is_local(url: str) -> bool:
    """Return whether a URL names a repository on this machine."""
    return url.startswith(("/", "file://"))


def _update(
    folder: Path, dependency: GitDependency, url: str, *, may_fetch: bool, announce: Callable[[str], None]
) -> str | None:
    """Make a mirror, or update it; return a note if that failed and the mirror is used as it is."""
    if not (may_fetch or is_local(url)):
        raise GitMirrorError(
            f"the app requests no network access, and {without_password(url)} is not on this machine"
        )
    if not folder.is_dir():
        announce(
            f"Cloning {without_password(dependency.url)} for jobs ({dependency.name}); later runs reuse it."
        )
        _make(folder, url)
        return None
    if not is_local(url) and _has_revision(folder, dependency.tag):
        return None
    try:
        _fetch(folder, url)
    except GitMirrorError as error:
        return (
            f"{without_password(dependency.url)} could not be updated, so jobs clone what was fetched last:"
            f" {str(error).splitlines()[-1]}"
        )
    return None


def _make(folder: Path, url: str) -> None:
    for left in folder.parent.glob(f".{folder.name}-*"):
        shutil.rmtree(left, ignore_errors=True)  # of a process that was killed
    unfinished = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    try:
        # Without the user's template, whose hooks are meant for other repositories.
        _git(folder.parent, "init", "--quiet", "--bare", "--template=", str(unfinished))
        _fetch(unfinished, url)
        unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _fetch(folder: Path, url: str) -> None:
    """Fetch branches and tags, and make the remote's default branch that of the mirror."""
    head = _git(folder, "ls-remote", "--symref", "--", url, "HEAD")
    # Without garbage collection, which could remove objects that a job is reading.
    without_collection = ("-c", "gc.auto=0", "-c", "maintenance.auto=false")
    _git(folder, *without_collection, "fetch", "--quiet", "--prune", url, *_REFS)
    if match := re.match(r"ref: (refs/heads/\S+)\tHEAD$", head, re.MULTILINE):
        branches = [match[1]]
    elif head:  # of a server that does not name the branch, as those of plain files
        pointing = ("for-each-ref", f"--points-at={head.split()[0]}", "--format=%(refname)", "refs/heads")
        branches = _git(folder, *pointing).split()
    else:  # of an empty repository
        branches = []
    if branches:
        _git(folder, "symbolic-ref", "HEAD", branches[0])


def _has_revision(folder: Path, revision: str | None) -> bool:
    """Return whether a mirror has a tag or commit, which stays the same as long as it exists."""
    if revision is None or _succeeds(folder, "show-ref", "--verify", "--quiet", f"refs/heads/{revision}"):
        return False
    return _succeeds(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")


def _effective_url(url: str, folder: Path) -> str:
    """Return a URL as the user's configuration of git replaces it."""
    return _git(folder, "ls-remote", "--get-url", "--", url).rstrip("\n")


def _succeeds(folder: Path, *arguments: str) -> bool:
    try:
        _git(folder, *arguments)
    except GitMirrorError:
        return False
    return True


def _git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and return its standard output. Raises GitMirrorError with its last messages."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=_variables(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()][-_LAST_LINES:]
        raise GitMirrorError(
            without_password("\n".join(lines)) or f"git {arguments[0]} ended with exit code {done.returncode}"
        )
    return done.stdout


def _variables() -> dict[str, str]:
    """Return the variables for git: those of the user, except that it asks for nothing."""
    variables = {name: value for name, value in os.environ.items() if name not in _OF_OTHER_REPOSITORIES}
    variables |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "SSH_ASKPASS_REQUIRE": "never"}
    variables.setdefault("GIT_ASKPASS", "")  # set but empty: none, not even that for ssh
    if not (variables.keys() & {"GIT_SSH", "GIT_SSH_COMMAND"} or _has_own_ssh()):
        variables["GIT_SSH_COMMAND"] = "ssh -o BatchMode=yes"
    return variables


def _retrieve_exception(task: asyncio.Task[tuple[Path, str | None]]) -> None:
    if not task.cancelled():
        task.exception()


def _has_own_ssh() -> bool:
    """Return whether the user's configuration of git has a command for ssh."""
    done = subprocess.run(
        ["git", "config", "--get", "core.sshCommand"],
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return done.returncode == 0
