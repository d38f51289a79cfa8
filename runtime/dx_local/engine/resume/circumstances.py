"""Describe the circumstances of jobs on one platform: of an earlier run, or of the present one."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from dx_local.engine.environments.exec_depends import dependencies_of
from dx_local.engine.resume.code.closure import closure_of
from dx_local.engine.resume.fingerprint import Circumstances
from dx_local.platform.core.executable import applet_fields, executable_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dx_local.engine.ledger.ledger import Tree
    from dx_local.engine.resume.contents import Contents
    from dx_local.platform.core.context import JSON, Platform

_ACCESS = "access"
_INSTANCE_TYPE = "the instance type"
_REGION = "the region"
_RELEASE = "the release"
_OUTPUTS = "outputSpec"
_BUNDLED = ("bundledDepends", "assetDepends")


class CircumstancesOf:
    """The circumstances of the jobs of one platform.

    `trees` has the files of resources/ and assets by the name of the dependency, and `python_of` returns the
    version of Python under which jobs of a release run.
    """

    def __init__(
        self,
        platform: Platform,
        contents: Contents,
        trees: dict[str, Tree],
        python_of: Callable[[str], str],
    ) -> None:
        self._platform = platform
        self._contents = contents
        self._trees = {name: _digest(_without_times(tree)) for name, tree in trees.items()}
        self.python_of = python_of
        """Returns the version of Python under which jobs of a release run."""
        self._known: dict[tuple[str, str, str], Circumstances] = {}

    def at(self, executable: str, function: str, region: str) -> Circumstances:
        """Return the circumstances of jobs of an executable at an entry point. Raises ApiError."""
        key = (executable, function, region)
        if key not in self._known:
            self._known[key] = self._describe(*key)
        return self._known[key]

    def _describe(self, executable: str, function: str, region: str) -> Circumstances:
        applet = applet_fields(self._platform.store, executable, region)
        run_spec = applet["runSpec"]
        return Circumstances(
            code=closure_of(run_spec.get("code") or "", run_spec["interpreter"], function),
            dependencies=frozenset(self._dependencies(applet, function, region)),
            python=self.python_of(str(run_spec.get("release"))),
        )

    def _dependencies(self, applet: JSON, function: str, region: str) -> Iterator[tuple[str, str]]:
        run_spec = applet["runSpec"]
        for package in dependencies_of(run_spec, function):
            yield package.name, f"{package.manager} {package.version}"
        for entry in run_spec.get("execDepends") or ():
            if entry.get("package_manager") == "git":
                yield str(entry.get("name")), _digest(entry)
        for kind in _BUNDLED:
            for entry in run_spec.get(kind) or ():
                yield str(entry.get("name") or kind), self._contents.of(entry)
        if applet.get("local"):
            yield from self._trees.items()
        requirements = run_spec.get("systemRequirements") or {}
        yield _INSTANCE_TYPE, _digest(requirements.get(function, requirements.get("*")))
        yield _RELEASE, f"{run_spec['interpreter']} {run_spec.get('release')} {run_spec.get('version')}"
        yield _REGION, region
        yield _ACCESS, _digest(applet.get("access"))
        if function == "main":
            yield _OUTPUTS, _digest(applet.get("outputSpec"))


def refuses_reuse(platform: Platform, executable: str, region: str) -> bool:
    """Return whether an executable forbids that outputs of its jobs are used again. Raises ApiError."""
    return executable_of(platform.store, executable, region).ignore_reuse


def _without_times(tree: Tree) -> JSON:
    """Return the files of a folder; a file of unknown content is described by its size and time."""
    return {
        name: [file.mode, file.sha256 or f"{file.size} {file.changed}"] for name, file in sorted(tree.items())
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
