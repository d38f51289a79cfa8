"""The entries of a runSpec's execDepends that apply to a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON

_GIT = "git"
_GROUPED = ("apt", "gem", "cpan", "cran", "pip", "pip3")
"""Package managers whose neighbouring entries are installed together."""

_IN_EVERY_ENVIRONMENT = ("dx-toolkit", "python-argcomplete")
"""Debian packages that every worker environment replaces; the platform does not install them either."""


@dataclass(frozen=True)
class Dependency:
    """A package that a job depends on: its name, its package manager, and the version if it is pinned."""

    name: str
    manager: str = "apt"
    version: str | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.version}" if self.version else self.name


@dataclass(frozen=True)
class GitDependency:
    """A repository that each job clones and builds before its code runs."""

    name: str
    url: str
    tag: str | None = None
    """A tag, branch or commit; None for the default branch."""
    destdir: str | None = None
    """The folder to clone into, as shell code; None for a new temporary one."""
    build_commands: str | None = None
    """Shell code to run in the clone."""
    group: int = 0
    """The position among the groups of dependencies, which is in the name of the log."""


class GitDependencyError(Exception):
    """An entry of execDepends for git has no URL, or one that git would read as an option."""


def dependencies_of(run_spec: JSON, function: str) -> tuple[Dependency, ...]:
    """Return the packages that a job at an entry point depends on, in their order, each once.

    Repositories are in `git_dependencies_of`; `make`, which is installed with git, comes in their place.
    An entry with `stages` applies only to these entry points. Sources: the class DXExecDependencyInstaller in
    dxpy.utils.exec_utils, https://documentation.dnanexus.com/developer/apps/execution-environment.
    """
    entries = run_spec.get("execDepends") or ()
    if not entries:
        return ()
    found = [
        Dependency("make")
        if _manager(entry) == _GIT
        else Dependency(entry["name"], _manager(entry), _text(entry.get("version")))
        for entry in entries
        if _applies(entry, function)
    ]
    return tuple(
        dict.fromkeys(
            dependency
            for dependency in found
            if not (dependency.manager == "apt" and dependency.name in _IN_EVERY_ENVIRONMENT)
        )
    )


def git_dependencies_of(run_spec: JSON, function: str) -> tuple[GitDependency, ...]:
    """Return the repositories that a job at an entry point depends on, in their order.

    Raises GitDependencyError. Source: the same as of `dependencies_of`.
    """
    entries = [entry for entry in run_spec.get("execDepends") or () if _applies(entry, function)]
    if not any(_manager(entry) == _GIT for entry in entries):
        return ()
    group = len(run_spec.get("bundledDepends") or ()) - 1
    before, found = "", []
    for entry in entries:
        manager = _manager(entry)
        if manager == "apt" and entry["name"] in _IN_EVERY_ENVIRONMENT:
            continue
        group += manager != before or manager not in _GROUPED
        before = manager
        if manager == _GIT:
            found.append(_git_dependency(entry, group))
    return tuple(found)


def _git_dependency(entry: JSON, group: int) -> GitDependency:
    name, url, tag = entry["name"], _text(entry.get("url")), _text(entry.get("tag"))
    if url is None:
        raise GitDependencyError(f"Execution dependency {name!r} does not have a 'url' field")
    for key, value in (("url", url), ("tag", tag)):
        if value and (value.startswith("-") or not value.isprintable()):
            raise GitDependencyError(f"Execution dependency {name!r}: {key} {value!r} is not valid")
    destdir, commands = _text(entry.get("destdir")), _text(entry.get("build_commands"))
    return GitDependency(name, url, tag, destdir, commands, group)


def _applies(entry: JSON, function: str) -> bool:
    return isinstance(entry.get("name"), str) and function in (entry.get("stages") or [function])


def _manager(entry: JSON) -> str:
    return str(entry.get("package_manager") or "apt")


def _text(value: object) -> str | None:
    return str(value) if value else None
