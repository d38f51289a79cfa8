"""Adapt pdb to jobs when a job imports it, which `breakpoint()` does; jobs that do not pay nothing."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec, PathFinder
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

FINDER = "DxLocalPdbFinder"
"""The name of the finder by which programs that jobs start run program_hook.py."""

_NAME = "pdb"


class PdbHook:
    """A finder of the module pdb, and a loader that adapts it to a job.

    The arguments are those of `BorrowedTerminal`.
    """

    def __init__(self, address: str, job_id: str, terminal_type: str) -> None:
        self._terminal = (address, job_id, terminal_type)
        self._loader: Any = None

    def install(self) -> None:
        """Adapt pdb at its first import."""
        sys.meta_path.insert(0, self)

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        """Return the spec of pdb with this loader; None for any other module."""
        if name != _NAME:
            return None
        spec = PathFinder.find_spec(name)
        if spec is not None and spec.loader is not None:
            self._loader, spec.loader = spec.loader, self  # type: ignore[assignment]
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Create the module as its own loader does."""
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module, whose own loader it keeps, and adapt it."""
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        from dx_local.worker.debugger import job_pdb
        from dx_local.worker.debugger.terminal import BorrowedTerminal

        job_pdb.install(BorrowedTerminal(*self._terminal))
