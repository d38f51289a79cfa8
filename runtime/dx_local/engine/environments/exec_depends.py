"""The entries of a runSpec's execDepends that apply to a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON

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


def dependencies_of(run_spec: JSON, function: str) -> tuple[Dependency, ...]:
    """Return the packages that a job at an entry point depends on, in their order, each once.

    An entry with `stages` applies only to these entry points. Sources: the class DXExecDependencyInstaller in
    dxpy.utils.exec_utils, https://documentation.dnanexus.com/developer/apps/execution-environment.
    """
    entries = run_spec.get("execDepends") or ()
    if not entries:
        return ()
    found = [
        Dependency(entry["name"], str(entry.get("package_manager") or "apt"), _text(entry.get("version")))
        for entry in entries
        if isinstance(entry.get("name"), str) and function in (entry.get("stages") or [function])
    ]
    return tuple(
        dict.fromkeys(
            dependency
            for dependency in found
            if not (dependency.manager == "apt" and dependency.name in _IN_EVERY_ENVIRONMENT)
        )
    )


def _text(version: object) -> str | None:
    return str(version) if version else None
